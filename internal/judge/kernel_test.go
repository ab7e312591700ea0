package judge

import (
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
)

// Debian's ABI names need not hold the stable version; banners do.
func TestVersionOf(t *testing.T) {
	for _, c := range []struct {
		banner, name string
		want         [3]int
	}{
		{"Linux version 6.1.0-56-amd64 (x) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)", "6.1.0-56-amd64", [3]int{6, 1, 192}},
		{"Linux version 7.3.4+deb13-amd64 (x) (gcc-14 (Debian 14.2.0-19) 14.2.0) #1 SMP Debian 7.3.4-1~bpo13+1 (2026-11-15)", "7.3.4+deb13-amd64", [3]int{7, 3, 4}},
		{"Linux version 6.17.9-200.fc42.x86_64 (mockbuild@x) (gcc (GCC) 15) #1 SMP", "6.17.9-200.fc42.x86_64", [3]int{6, 17, 9}},
		{"", "7.3-rc1", [3]int{7, 3, 0}},
		{"Linux version 6.8.0-149-generic (x) #9 SMP Debian 5.10.1-1 (2020)", "6.8.0-149-generic", [3]int{6, 8, 0}},
		{"", "custom", [3]int{}},
	} {
		a, b, p := versionOf(c.banner, c.name)
		if got := [3]int{a, b, p}; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// What the image shows wins over its version, and the config over both.
func TestProfileEvidence(t *testing.T) {
	im := &release.Image{Facts: &kimage.Facts{Abilities: ability.Set{
		Distilled:     ability.Fact{Is: tri.Yes, Evidence: "backported"},
		AllowMismatch: ability.Fact{Is: tri.Yes, Evidence: "text"},
		MaxKind:       ability.Fact{Is: tri.Yes, Value: 17, Evidence: "enumerator"},
	}}}
	r := &release.Release{Key: release.Key{Name: "5.14.0-570.el9.x86_64", Arch: model.X8664}}
	p := profileOf(r.Name, im.Facts, r.Options)
	if !p.Distilled || !p.AllowMismatch || p.KindMax != 17 {
		t.Errorf("%+v", p)
	}
	r.Options = manifest.Config{{Name: "CONFIG_MODULES", Value: "y"}}
	if p := profileOf(r.Name, im.Facts, r.Options); p.AllowMismatch {
		t.Error("a config that does not set the option is not believed")
	}
}

// Since 6.9 kfunc sets are marked; a module that marks some has other uses
// for the rest. Without the import nothing is registered.
func TestRegistered(t *testing.T) {
	ids := &kmod.IDs{Sets: []kmod.IDSet{{Name: "kfuncs", Set8: true, Flags: 1, IDs: []uint32{7}}, {Name: "other", Set8: true}, {Name: "plain"}}}
	f := &kmod.Facts{IDs: ids, Imports: []kmod.Import{{Name: "register_btf_kfunc_id_set"}}}
	if r := registered(f); len(r.Kfuncs) != 1 || r.Kfuncs[0].Name != "kfuncs" || r.RegistersDtors {
		t.Errorf("%+v", r)
	}
	ids.Sets[0].Flags = 0
	if r := registered(f); len(r.Kfuncs) != 2 {
		t.Errorf("unmarked: %+v", r)
	}
	f.Imports = []kmod.Import{{Name: "register_btf_id_dtor_kfuncs"}}
	if r := registered(f); len(r.Kfuncs) != 0 || !r.RegistersDtors {
		t.Errorf("%+v", r)
	}
}

// What init does with ids is said with the set and the id, and ids that lead
// out of a distilled module's map are not said to be refused for certain.
func TestAskOfIDs(t *testing.T) {
	p := verdict.ForVersion(6, 12, 0)
	k, dist, m, fn := btftest.Distilled()
	b, err := verdict.NewBase(&p, k.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[uint32]answer{
		uint32(fn): {verdict: model.Attached},
		1:          {verdict: model.InitFails, words: "init fails with EINVAL (kfunc.func, set kfuncs, id 1)"},
		9000: {verdict: model.InitFails, words: "the kernel reads outside its map of this module's ids: " +
			"init fails, or the kernel oopses (kfunc.beyond, set kfuncs, id 9000)"},
	} {
		f := &kmod.Facts{BTF: m.Bytes(), BTFBase: dist.Bytes(), Imports: []kmod.Import{{Name: "register_btf_kfunc_id_set"}},
			IDs: &kmod.IDs{Sets: []kmod.IDSet{{Name: "kfuncs", Set8: true, Flags: 1, IDs: []uint32{id}}}}}
		if got := (&kernel{base: b, profile: p}).ask(f); got != want {
			t.Errorf("id %d: %+v, want %+v", id, got, want)
		}
	}
}

// A plain list that names types of its own base would be compared with ids of
// another; own ids and the members of sets would not.
func TestStaleList(t *testing.T) {
	w := &windowState{new: &manifest.Manifest{Base: &manifest.Base{Types: 100}}}
	word := func(id uint32, set int) *kmod.Facts {
		return &kmod.Facts{IDs: &kmod.IDs{Located: true, Words: []kmod.IDWord{{ID: id, Set: set}}}}
	}
	for _, c := range []struct {
		f    *kmod.Facts
		want bool
	}{
		{&kmod.Facts{}, false}, {word(50, -1), true}, {word(50, 0), false}, {word(150, -1), false}, {word(0, -1), false},
		{&kmod.Facts{IDs: &kmod.IDs{}}, true},
	} {
		if got := w.staleList(c.f); got != c.want {
			t.Errorf("%+v: %v", c.f.IDs, got)
		}
	}
}
