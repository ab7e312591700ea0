//go:build vm

package vmtest

import "testing"

// TestSyntheticTemplate puts the same BTF to a kernel twice, in a module of
// its own and in the one that the guest makes of nothing: no verdict and no
// line may depend on which it was.
func TestSyntheticTemplate(t *testing.T) {
	p := pairs[0]
	old := load(t, p.old)
	newer := load(t, p.new)
	var cases []Case
	for i := 0; i < len(newer.Modules); i += 20 {
		cases = append(cases, Case{ID: newer.Modules[i].Path, BTF: newer.Modules[i].BTF, WantDigest: true})
	}
	split, base := tinyDistilled()
	cases = append(cases, Case{ID: "distilled", Kind: DistilledBTF, BTF: split, Base: base, WantDigest: true})
	var res [2]*Result
	for i, template := range [][]byte{old.Template, nil} {
		var err error
		if res[i], err = Boot(t.Context(), old.Kernel, Job{Template: template, Cases: cases}); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s, %d attached", res[i].Speed(), res[i].Attached())
	}
	for i := range cases {
		v, w := &res[0].Verdicts[i], &res[1].Verdicts[i]
		if v.Errno != w.Errno || v.Attached != w.Attached || v.Digest != w.Digest || !sameWords(v, w) {
			t.Errorf("%s:\n%v\n%v", old.TemplateName, v, w)
		}
	}
}

// sameWords compares what the BTF code printed, which names no module.
func sameWords(v, w *Verdict) bool {
	words := func(v *Verdict) (out []string) {
		for _, l := range v.Log {
			if l.Level == 3 {
				out = append(out, l.Text)
			}
		}
		return out
	}
	a, b := words(v), words(w)
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
