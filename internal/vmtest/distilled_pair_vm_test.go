//go:build vm

package vmtest

import (
	"os"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/realtest"
)

// distilledModule is a module's BTF, distilled here.
type distilledModule struct {
	path        string
	split, base []byte
}

// distilledPairB are all modules of pair B's newer build, distilled, made once.
func distilledPairB(t *testing.T) []distilledModule {
	t.Helper()
	if len(pairBDistilled) != 0 {
		return pairBDistilled
	}
	newer := load(t, realtest.PairBNew)
	own := parsedBase(t, newer)
	var d distill.Distiller
	for _, m := range newer.Modules {
		split, err := btf.ParseSplit(m.BTF, own)
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.Distill(split)
		if err != nil {
			t.Fatalf("%s: %v", m.Path, err)
		}
		pairBDistilled = append(pairBDistilled, distilledModule{m.Path, r.Split, r.Base})
	}
	return pairBDistilled
}

var pairBDistilled []distilledModule

// TestDistilledPairB: every module of pair B's newer build, distilled here, on
// the booted older kernel and on its own. All are predicted to attach and do;
// and what each kernel then shows in /sys/kernel/btf is, byte for byte, what
// package verdict says it makes of it. (Undistilled they attach to the older
// kernel too, but with types that mean something else.)
//
// Each takes ten times what other modules take, so that the short run puts one
// in eight to the kernel that they are from; the long one (KPKG_BTF_MUTANTS is
// set) all to both.
func TestDistilledPairB(t *testing.T) {
	for _, spec := range []string{realtest.PairBOld, realtest.PairBNew} {
		t.Run(spec, func(t *testing.T) {
			modules, each := 4230, 1
			if spec == realtest.PairBNew && os.Getenv("KPKG_BTF_MUTANTS") == "" {
				modules, each = 529, 8
			}
			booted := load(t, spec)
			profile := debian(6, 12, 115)
			kernel, err := verdict.NewBase(&profile, imageBTF(t, booted.Kernel))
			if err != nil {
				t.Fatal(err)
			}
			job := Job{Template: booted.Template}
			var want []string
			predicted := 0
			for i, m := range distilledPairB(t) {
				if i%each != 0 {
					continue
				}
				relocated, res := kernel.Relocated(m.split, m.base)
				if res.OK {
					predicted++
				}
				want = append(want, digest(relocated))
				job.Cases = append(job.Cases, Case{ID: m.path, Kind: DistilledBTF, BTF: m.split, Base: m.base, WantDigest: true})
			}
			res, err := Boot(t.Context(), booted.Kernel, job)
			if err != nil {
				t.Fatal(err)
			}
			same := 0
			for i := range res.Verdicts {
				v := &res.Verdicts[i]
				if v.Digest == want[i] {
					same++
				} else if i-same < 5 { // a few are enough to look at
					t.Errorf("sysfs shows other bytes than were predicted: %v", v)
				}
			}
			t.Logf("pair B distilled on %s: %d of %d attached, %d predicted, %d relocated as predicted; %s",
				res.Release, res.Attached(), len(res.Verdicts), predicted, same, res.Speed())
			if len(res.Verdicts) != modules || res.Attached() != modules || predicted != modules || same != modules {
				t.Errorf("%d of %d attached, %d predicted, %d with the predicted bytes: want %d", res.Attached(), len(res.Verdicts), predicted, same, modules)
			}
		})
	}
}
