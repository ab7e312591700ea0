package encounter

import (
	"slices"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/model"
)

// Since 6.9 kfunc sets are marked; a module that marks some has other uses
// for the rest. Without the import nothing is registered.
func TestRegistered(t *testing.T) {
	ids := &kmod.IDs{Sets: []kmod.IDSet{{Name: "kfuncs", Set8: true, Flags: 1, IDs: []uint32{7}}, {Name: "other", Set8: true}, {Name: "plain"}}}
	f := &kmod.Facts{IDs: ids, Imports: []kmod.Import{{Name: "register_btf_kfunc_id_set"}}}
	if r := Registered(f); len(r.Kfuncs) != 1 || r.Kfuncs[0].Name != "kfuncs" || r.RegistersDtors {
		t.Errorf("%+v", r)
	}
	ids.Sets[0].Flags = 0
	if r := Registered(f); len(r.Kfuncs) != 2 {
		t.Errorf("unmarked: %+v", r)
	}
	f.Imports = []kmod.Import{{Name: "register_btf_id_dtor_kfuncs"}}
	if r := Registered(f); len(r.Kfuncs) != 0 || !r.RegistersDtors {
		t.Errorf("%+v", r)
	}
}

// What init does with ids is said with the set and the id, and ids that lead
// out of a distilled module's map are not said to be refused for certain.
func TestInitIDs(t *testing.T) {
	base, dist, m, fn := btftest.Distilled()
	k := kernelOf(t, "6.12.0-1", base.Bytes(), nil)
	for id, want := range map[uint32]string{
		uint32(fn): "",
		1:          "init fails with EINVAL (kfunc.func, set kfuncs, id 1)",
		9000: "the kernel reads outside its map of this module's ids: " +
			"init fails, or the kernel oopses (kfunc.beyond, set kfuncs, id 9000)",
	} {
		f := &kmod.Facts{BTF: kmod.BlobOf(m.Bytes()), BTFBase: kmod.BlobOf(dist.Bytes()), Imports: []kmod.Import{{Name: "register_btf_kfunc_id_set"}},
			IDs: &kmod.IDs{Sets: []kmod.IDSet{{Name: "kfuncs", Set8: true, Flags: 1, IDs: []uint32{id}}}}}
		got := meet(t, k, Module{Facts: f})
		if got.Words != want || (want == "") != (got.Verdict == model.Attached) || want != "" && got.Verdict != model.InitFails {
			t.Errorf("id %d: %s %q, want %q", id, got.Verdict, got.Words, want)
		}
	}
}

// A plain list that names types of its own base would be compared with ids of
// another; own ids and the members of sets would not.
func TestLists(t *testing.T) {
	plain := btftest.Kernel(btftest.Plain)
	on, k := kernelOf(t, "6.1.0-1", plain.Bytes(), nil), kernelOf(t, "6.1.0-1", btftest.Kernel(btftest.Permuted).Bytes(), nil)
	word := func(id uint32, set int) *kmod.Facts {
		return &kmod.Facts{IDs: &kmod.IDs{Located: true, Words: []kmod.IDWord{{ID: id, Set: set, Name: "x"}}}}
	}
	const moved, own = 12, 1 << 20
	for _, c := range []struct {
		f                        *kmod.Facts
		list, staleThere, unsure bool
	}{
		{&kmod.Facts{}, false, false, false}, {word(moved, -1), true, true, false}, {word(moved, 0), false, false, false},
		{word(1, -1), true, false, false}, {word(own, -1), true, false, false}, {word(0, -1), false, false, false},
		{&kmod.Facts{IDs: &kmod.IDs{Data: []byte{1, 0, 0, 0}}}, true, true, true},
	} {
		there, home := meet(t, k, Module{Facts: c.f, Build: Build{On: on}}), meet(t, on, Module{Facts: c.f, Build: Build{On: on}})
		if there.Lists.Any() != c.list || there.Stale.Any() != c.staleThere || there.Lists.Unsure != c.unsure || home.Stale.Any() || home.Lists.Any() != c.list {
			t.Errorf("%+v: %+v, at home %+v", c.f.IDs, there.Lists, home.Stale)
		}
		if !c.unsure && c.list && !slices.Equal(there.Lists.Names, []string{"x"}) {
			t.Errorf("%+v: %v", c.f.IDs, there.Lists.Names)
		}
	}
}
