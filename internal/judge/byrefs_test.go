package judge

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
)

// refsOf is what record keeps of a module.
func refsOf(f *kmod.Facts, base *btf.Raw) *manifest.ModuleRefs {
	split, err := btf.ParseSplit(f.BTF, base)
	if err != nil {
		return nil
	}
	ids, sure := f.TypeIDs()
	x := &manifest.ModuleRefs{Path: "a.ko", Refs: *meaning.RefsOf(split, ids), UnsureIDs: !sure}
	x.OwnTypes = meaning.RefsOf(split, nil).OwnTypes
	return x
}

// apart is a module that has nothing to do with struct net; whole one that has.
func splits(base *btftest.Builder) map[string][]byte {
	out := map[string][]byte{}
	for _, name := range []string{"apart", "whole", "embed"} {
		s := base.Split()
		list, net := base.ID(btf.Struct, "list_head"), base.ID(btf.Struct, "net")
		own := s.Struct("a_dev", 24, btftest.M("list", list, 0), btftest.M("next", s.Ptr(list), 16))
		fn := s.Proto(base.ID(btf.Int, "int"), btftest.P("dev", s.Ptr(own)))
		switch name {
		case "whole":
			fn = s.Proto(s.Ptr(net), btftest.P("dev", s.Ptr(own)))
		case "embed":
			s.Struct("a_priv", 48, btftest.M("net", net, 0))
		}
		s.Func("a_open", fn)
		out[name] = s.Bytes()
	}
	return out
}

// By its references a module means what it means by its BTF: same, different,
// not known, at each depth, with the same layouts; with id words that are known
// to be ids, and with words of which nothing says so.
func TestRefsAgree(t *testing.T) {
	plain := btftest.Kernel(btftest.Plain)
	base := plain.Parse()
	words := map[string]*kmod.IDs{"none": nil}
	for name, id := range map[string]btf.ID{"net": plain.ID(btf.Struct, "net"), "list": plain.ID(btf.Struct, "list_head"), "own": btf.ID(base.NumTypes()), "beyond": 1 << 30} {
		data := []byte{byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24), 0, 0, 0, 0}
		words[name] = &kmod.IDs{Located: true, Data: data, Words: []kmod.IDWord{{ID: uint32(id), Set: -1}}}
		words["unsure "+name] = &kmod.IDs{Data: data}
	}
	seen := map[model.Meaning]int{}
	for _, v := range []btftest.Variant{btftest.Plain, btftest.Permuted, btftest.Grown, btftest.Changed} {
		theirs := btftest.Kernel(v).Parse()
		c := &comparison{classed: &classed{theirs, base, meaning.Classify(theirs, base)}}
		for name, blob := range splits(plain) {
			for which, ids := range words {
				f := &kmod.Facts{BTF: blob, IDs: ids}
				want, got := c.module(f), c.refs(refsOf(f, base))
				seen[want.word()]++
				if got.word() != want.word() || (got.differs == "") != (want.differs == "") || (got.deeper == "") != (want.deeper == "") ||
					len(got.layouts) != len(want.layouts) || got.movable != want.movable {
					t.Errorf("variant %d, %s, ids %s: by references %s %+v\nby BTF %s %+v", v, name, which, got.word(), got, want.word(), want)
				}
				for d := range meaning.Depth(meaning.NumDepths) {
					if got.res.Same(d) != want.res.Same(d) {
						t.Errorf("variant %d, %s, ids %s, %s: %v, %v", v, name, which, d, got.res.Same(d), want.res.Same(d))
					}
				}
			}
		}
	}
	for _, m := range []model.Meaning{model.Same, model.Different, model.MeaningUnknown} {
		if seen[m] == 0 {
			t.Errorf("never %s: %v", m, seen)
		}
	}
}

// A module without BTF, one without an entry, a kernel that reads none.
func TestReverseByRef(t *testing.T) {
	w := &windowState{new: &manifest.Manifest{}}
	w.res.BaseEqual = model.Differs
	none := &manifest.Refs{}
	split := &manifest.Module{Path: "a.ko", BTF: manifest.BTF{Kind: manifest.BTFSplit}}
	bare := &manifest.Module{Path: "b.ko", BTF: manifest.BTF{Kind: manifest.BTFNone}}
	registers := &manifest.Module{Path: "c.ko", BTF: bare.BTF, Registers: []string{"register_btf_kfunc_id_set"}}
	check := func(m *manifest.Module, v model.Verdict, meaning model.Meaning) {
		t.Helper()
		if x := w.reverseByRef(nil, none, m); x.Verdict != v || x.Meaning != meaning || x.Load.Loads != model.LoadsUnknown {
			t.Errorf("%s: %+v, want %s, %s", m.Path, x, v, meaning)
		}
	}
	check(split, model.VerdictUnknown, model.MeaningUnknown)
	check(bare, model.Inert, model.MeaningNone)
	check(registers, model.VerdictUnknown, model.MeaningNone)
	w.new.Abilities = []manifest.Ability{{Name: ability.KfuncMissing, Is: tri.Yes}}
	check(registers, model.InitFails, model.MeaningNone)
	w.new.Config = manifest.Config{{Name: "CONFIG_DEBUG_INFO_BTF_MODULES", Value: "n"}}
	check(split, model.Inert, model.MeaningNone)
}
