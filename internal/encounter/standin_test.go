package encounter

import (
	"reflect"
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
	"kpkg-btf/internal/release"
)

// recorded is what a manifest and its references keep of a distilled module.
func recorded(t *testing.T, f *kmod.Facts, on *kernel.Kernel) (Module, bool) {
	t.Helper()
	refs := distilledRefs(f, on.Rules(), new(distill.Distiller))
	rec := &manifest.Module{Path: "a.ko", BTF: manifest.BTF{Kind: manifest.BTFDistilled, Size: int64(f.BTF.Len()), BaseSHA256: f.BTFBase.Sum(), BaseSize: int64(f.BTFBase.Len())}}
	for _, i := range f.Imports {
		rec.Registers = append(rec.Registers, i.Name)
	}
	return Module{Path: "a.ko", Record: rec, Distilled: refs, Build: Build{On: on}}, refs != nil
}

// What stands for a recorded module with a .BTF.base gets the very cell of the
// module, the names of its own types apart.
func TestStandInAgrees(t *testing.T) {
	for _, start := range []func(btftest.Variant) *btftest.Builder{btftest.Kernel, btftest.BigKernel} {
		plain := start(btftest.Plain)
		base := plain.Parse()
		on := kernelOf(t, "6.12.0-1", plain.Bytes(), nil)
		verdicts, meanings := map[model.Verdict]int{}, map[model.Meaning]int{}
		for name, blob := range splits(plain) {
			for which, ids := range wordsOf(t, distilledOf(t, blob, base)) {
				f := distilledOf(t, blob, base)
				f.IDs = ids
				if ids != nil && len(ids.Sets) > 0 {
					f.Imports = []kmod.Import{{Name: "register_btf_kfunc_id_set"}}
				}
				m, ok := recorded(t, f, on)
				if !ok {
					t.Fatalf("%s, ids %s: no references", name, which)
				}
				for _, k := range []*kernel.Kernel{
					on, kernelOf(t, "6.12.0-2", start(btftest.Permuted).Bytes(), nil), kernelOf(t, "6.12.0-2", start(btftest.Grown).Bytes(), nil),
					kernelOf(t, "6.12.0-2", start(btftest.Changed).Bytes(), nil), kernelOf(t, "6.1.0-1", start(btftest.Grown).Bytes(), nil),
				} {
					want := Meet(k, &Module{Facts: f, Build: m.Build}, &Peers{Load: &loadcheck.Result{}, Bases: new(Bases), Distiller: new(distill.Distiller)})
					got := Meet(k, &m, &Peers{Load: &loadcheck.Result{}, Bases: new(Bases), Distiller: new(distill.Distiller)})
					if k.Name == "6.1.0-1" { // other rules of form: nobody can say
						want.Verdict, want.Words, want.Result, want.Open, got.Open = model.VerdictUnknown, "", got.Result, nil, nil
					}
					verdicts[got.Verdict]++
					meanings[got.Meaning]++
					for _, c := range []*Cell{&want, &got} {
						for _, text := range []*string{&c.Differs, &c.Deeper, &c.Distilled.Why, &c.Distilled.Deeper} {
							if *text != "" {
								*text = "told"
							}
						}
						for i := range c.Layouts {
							c.Layouts[i] = "told"
						}
					}
					if !reflect.DeepEqual(got, want) {
						t.Errorf("%s, ids %s, on %s: by references\n%+v\nby BTF\n%+v", name, which, k.Name, got, want)
					}
				}
			}
		}
		for _, v := range []model.Verdict{model.Attached, model.Rejected, model.VerdictUnknown} {
			if verdicts[v] == 0 {
				t.Errorf("never %s: %v", v, verdicts)
			}
		}
		if meanings[model.Same] == 0 || meanings[model.Different] == 0 {
			t.Errorf("%v", meanings)
		}
	}
}

// wordsOf are id sections of a distilled module: none, a plain list, a set of
// kfuncs, words that nothing tells apart.
func wordsOf(t *testing.T, f *kmod.Facts) map[string]*kmod.IDs {
	t.Helper()
	split, err := splitOn(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	var fn btf.ID
	for r := range split.Types {
		if r.Kind == btf.Func {
			fn = r.ID
		}
	}
	return map[string]*kmod.IDs{
		"none":   nil,
		"list":   {Located: true, Words: []kmod.IDWord{{ID: 2, Name: "x", Set: -1}, {ID: uint32(fn), Name: "y", Set: -1}}},
		"set":    {Located: true, Words: []kmod.IDWord{{ID: 1, Name: "x"}}},
		"kfunc":  {Located: true, Words: []kmod.IDWord{{ID: uint32(fn), Name: "a_open"}}, Sets: []kmod.IDSet{{Name: "k", Set8: true, Flags: ids.KfuncMark, IDs: []uint32{uint32(fn)}}}},
		"unsure": {Data: []byte{2, 0, 0, 0}},
		"own":    {Data: []byte{byte(fn), byte(fn >> 8), 0, 0}},
	}
}

// Of what its own kernel does not take, and of a .BTF.base that is not what
// distilling on that gives, nothing is kept: it would stand for nothing.
func TestNoDistilledRefs(t *testing.T) {
	plain := btftest.Kernel(btftest.Plain)
	on := kernelOf(t, "6.12.0-1", plain.Bytes(), nil)
	f := distilledOf(t, splits(plain)["embed"], plain.Parse())
	if _, ok := recorded(t, f, on); !ok {
		t.Fatal("a module as it should be")
	}
	for what, k := range map[string]*kernel.Kernel{
		"another kernel's":   kernelOf(t, "6.12.0-1", btftest.Kernel(btftest.Changed).Bytes(), nil),
		"reads no .BTF.base": kernelOf(t, "6.1.0-1", plain.Bytes(), nil),
	} {
		if _, ok := recorded(t, f, k); ok {
			t.Errorf("%s", what)
		}
	}
	m, _ := recorded(t, f, on)
	m.Record.BTF.BaseSHA256[0]++
	if m.opened(new(distill.Distiller)).types() != nil {
		t.Error("a .BTF.base with another digest stands for it")
	}
}

// A module that a release has no well-formed BTF of has no entry; without
// modules there is nothing to record.
func TestNoReferences(t *testing.T) {
	plain := btftest.Kernel(btftest.Plain)
	r := &release.Release{Key: release.Key{Name: "6.1.0-1", Arch: model.X8664}}
	kernelOf(t, "6.1.0-1", plain.Bytes(), func(k *release.Release) { r.Images = k.Images })
	whole := splits(plain)["whole"]
	for i, f := range []*kmod.Facts{{BTF: kmod.BlobOf(whole)}, {BTF: kmod.BlobOf(whole[:30])}, {BTF: kmod.BlobOf(whole), BTFBase: kmod.BlobOf(whole)}, {}} {
		r.Modules = append(r.Modules, &release.Module{Path: string(rune('a'+i)) + ".ko", Facts: f})
	}
	m := &manifest.Manifest{Release: "6.1.0-1", Arch: model.X8664, Scope: manifest.Full}
	x, err := References(t.Context(), r, m, 2)
	if err != nil || len(x.Modules) != 1 || x.Modules[0].Path != "a.ko" || len(x.Distilled) != 0 {
		t.Errorf("%+v, %v", x, err)
	}
	r.Modules = nil
	if _, err := References(t.Context(), r, m, 1); err == nil {
		t.Error("references of nothing")
	}
}
