package encounter

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/ids"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
)

// keptOf is what a manifest and its references keep of a module with split BTF
// that its own kernel takes.
func keptOf(f *kmod.Facts, on *kernel.Kernel, base *btf.Raw) Module {
	rec := &manifest.Module{Path: "a.ko", BTF: manifest.BTF{Kind: manifest.BTFSplit, Size: int64(f.BTF.Len())}, Self: &model.ModuleDecision{Verdict: model.Attached}}
	for _, i := range f.Imports {
		rec.Registers = append(rec.Registers, i.Name)
	}
	return Module{Path: "a.ko", Record: rec, Refs: refsOf(f, base), Build: Build{On: on}}
}

// What references show to be taken is taken, with the meaning that the module
// has; what they do not show is not known.
func TestTakenAsThereAgrees(t *testing.T) {
	shown, hidden := 0, 0
	for _, name := range []string{"6.1.0-1", "6.12.0-1", "7.3.0-1"} {
		for _, start := range []func(btftest.Variant) *btftest.Builder{btftest.Kernel, btftest.BigKernel} {
			plain := start(btftest.Plain)
			base := plain.Parse()
			on := kernelOf(t, name, plain.Bytes(), nil)
			var kernels []*kernel.Kernel
			for _, v := range []btftest.Variant{btftest.Plain, btftest.Permuted, btftest.Grown, btftest.Changed} {
				kernels = append(kernels, kernelOf(t, name, append(start(v).Bytes(), 0), nil)) // a byte that no reader sees: another base
			}
			for what, blob := range splits(plain) {
				for which, words := range splitWordsOf(t, blob, base) {
					f := &kmod.Facts{BTF: kmod.BlobOf(blob), BigEndian: base.BigEndian(), IDs: words}
					if words != nil && len(words.Sets) > 0 {
						f.Imports = []kmod.Import{{Name: "register_btf_kfunc_id_set"}}
					}
					if own := Ask(on.Rules(), f); !own.Result.OK || !own.Init.OK {
						continue
					}
					m := keptOf(f, on, base)
					for _, k := range kernels {
						peers := func() *Peers {
							return &Peers{Load: &loadcheck.Result{}, Bases: new(Bases), Distiller: new(distill.Distiller)}
						}
						want, got := Meet(k, &Module{Facts: f, Build: m.Build}, peers()), Meet(k, &m, peers())
						switch got.Verdict {
						case model.Attached:
							shown++
							if want.Verdict != model.Attached || want.Meaning != model.Same || got.Meaning != model.Same {
								t.Errorf("%s, ids %s, on %s: by references %s and %s, by BTF %s (%s) and %s", what, which, k.Name, got.Verdict, got.Meaning, want.Verdict, want.Words, want.Meaning)
							}
						case model.VerdictUnknown:
							hidden++
							if got.Asks(AboutVerdict) == "" {
								t.Errorf("%s, ids %s: nothing says why it is not known", what, which)
							}
						default:
							t.Errorf("%s, ids %s: %s", what, which, got.Verdict)
						}
					}
				}
			}
		}
	}
	if shown == 0 || hidden == 0 {
		t.Errorf("%d shown, %d not", shown, hidden)
	}
}

// splitWordsOf are id sections of a module with split BTF.
func splitWordsOf(t *testing.T, blob []byte, base *btf.Raw) map[string]*kmod.IDs {
	t.Helper()
	split, err := btf.ParseSplit(blob, base)
	if err != nil {
		t.Fatal(err)
	}
	var fn uint32
	for r := range split.Types {
		if r.Kind == btf.Func {
			fn = uint32(r.ID)
		}
	}
	out := map[string]*kmod.IDs{
		"none":   nil,
		"list":   {Located: true, Words: []kmod.IDWord{{ID: 2, Name: "x", Set: -1}}},
		"unsure": {Data: []byte{2, 0, 0, 0}},
	}
	if fn != 0 {
		out["kfunc"] = &kmod.IDs{Located: true, Words: []kmod.IDWord{{ID: fn, Name: "a_open"}}, Sets: []kmod.IDSet{{Name: "k", Set8: true, Flags: ids.KfuncMark, IDs: []uint32{fn}}}}
	}
	return out
}

// Kfuncs are known to be taken by the names that are kept, where a kernel looks
// at no more.
func TestTakesKfuncs(t *testing.T) {
	k := btftest.Kernel(btftest.Plain)
	k.Func("in_vmlinux", k.Proto(0))
	for _, c := range []struct {
		name   string
		kfuncs []string
		want   bool
	}{
		{"6.1.0-1", nil, true},                      // it looks at none
		{"6.12.0-1", nil, false},                    // recorded before names were
		{"6.12.0-1", []string{"bpf_ct_set"}, true},  //
		{"6.12.0-1", []string{"in_vmlinux"}, true},  // names are compared since 7.2
		{"6.12.0-1", []string{"bpf_iter_x"}, false}, // what its prototype points to counts
		{"7.3.0-1", []string{"bpf_ct_set"}, true},   //
		{"7.3.0-1", []string{"in_vmlinux"}, false},  //
		{"7.3.0-1", []string{"a", "in_vmlinux"}, false},
	} {
		if got := takesKfuncs(kernelOf(t, c.name, k.Bytes(), nil), c.kfuncs); got != c.want {
			t.Errorf("%s, %q: %v", c.name, c.kfuncs, got)
		}
	}
}
