package encounter

import (
	"reflect"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
)

// known is an ability that is known.
func known(yes bool) ability.Fact { return ability.Fact{Is: tri.Of(yes), Evidence: "test"} }

// kernelOf makes a kernel of an image with a base, nil for none.
func kernelOf(t *testing.T, name string, base []byte, change func(*release.Release)) *kernel.Kernel {
	t.Helper()
	r := &release.Release{Key: release.Key{Name: name, Arch: model.X8664}, Images: []*release.Image{{
		Origin: release.Shipped,
		Facts:  &kimage.Facts{BTF: base, Abilities: ability.Set{ModuleBTF: known(true), AllowMismatch: known(false)}},
	}}}
	if change != nil {
		change(r)
	}
	k, err := kernel.Of(r)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// splits are modules on the plain base: apart has nothing to do with struct
// net, whole points at it, embed holds one.
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

// distilledOf distils a module.
func distilledOf(t *testing.T, blob []byte, base *btf.Raw) *kmod.Facts {
	t.Helper()
	split, err := btf.ParseSplit(blob, base)
	if err != nil {
		t.Fatal(err)
	}
	var d distill.Distiller
	r, err := d.Distill(split)
	if err != nil {
		t.Fatal(err)
	}
	return &kmod.Facts{BTF: kmod.BlobOf(r.Split), BTFBase: kmod.BlobOf(r.Base)}
}

// meet asks with the BTF as it is and packed: the answer is one.
func meet(t *testing.T, k *kernel.Kernel, m Module) Cell {
	t.Helper()
	ask := func(m Module) Cell {
		return Meet(k, &m, &Peers{Load: &loadcheck.Result{}, Bases: new(Bases), Distiller: new(distill.Distiller)})
	}
	c := ask(m)
	if m.Facts != nil {
		m.Facts, _ = m.Facts.Packed(nil)
		if p := ask(m); !reflect.DeepEqual(p, c) {
			t.Errorf("held packed: %+v, else %+v", p, c)
		}
	}
	return c
}

// TestMeaning is the table of the package comment, row by row: what the kernel
// does with the module has no part in it.
func TestMeaning(t *testing.T) {
	plain := btftest.Kernel(btftest.Plain)
	base := plain.Parse()
	blobs := splits(plain)
	const old, new = "6.1.0-1", "6.12.0-1"
	build := kernelOf(t, new, plain.Bytes(), nil)
	grown := kernelOf(t, new, btftest.Kernel(btftest.Grown).Bytes(), nil)
	changed := kernelOf(t, new, btftest.Kernel(btftest.Changed).Bytes(), nil)
	ignorant := kernelOf(t, old, btftest.Kernel(btftest.Permuted).Bytes(), nil)
	reads := func(is tri.State) func(*release.Release) {
		return func(r *release.Release) {
			r.Images[0].Facts.Abilities.ModuleBTF = ability.Fact{Is: is, Evidence: "test"}
		}
	}
	blind := kernelOf(t, new, plain.Bytes(), reads(tri.No))
	maybe := kernelOf(t, new, btftest.Kernel(btftest.Grown).Bytes(), reads(tri.Unknown))
	baseless := kernelOf(t, new, nil, nil)
	whole := &kmod.Facts{BTF: kmod.BlobOf(blobs["whole"])}
	apart, dist := &kmod.Facts{BTF: kmod.BlobOf(blobs["apart"])}, distilledOf(t, blobs["whole"], base)
	one := plain.Split()
	one.Struct("lone", 4, btftest.M("x", plain.ID(btf.Int, "int"), 0))
	lone := &kmod.Facts{BTF: kmod.BlobOf(one.Bytes())}
	embed := distilledOf(t, blobs["embed"], base)
	split := &manifest.Module{Path: "a.ko", BTF: manifest.BTF{Kind: manifest.BTFSplit}}
	recorded := &manifest.Module{Path: "a.ko", BTF: manifest.BTF{Kind: manifest.BTFDistilled}}
	refs := func(f *kmod.Facts) *manifest.ModuleRefs { return refsOf(f, base) }
	own := Build{On: build}

	for _, c := range []struct {
		row  string
		k    *kernel.Kernel
		m    Module
		want model.Meaning
	}{
		{"none", grown, Module{Facts: &kmod.Facts{}, Build: own}, model.MeaningNone},
		{"empty", grown, Module{Facts: &kmod.Facts{BTF: kmod.BlobOf([]byte{})}}, model.MeaningNone},
		{"none, recorded", grown, Module{Record: &manifest.Module{BTF: manifest.BTF{Kind: manifest.BTFNone}}}, model.MeaningNone},
		{"reads none", blind, Module{Facts: whole, Build: own}, model.MeaningNone},
		{"reads none, recorded", blind, Module{Record: split}, model.MeaningNone},
		{"split, own", build, Module{Facts: whole, Build: own}, model.Same},
		{"split, another: refused, other places", grown, Module{Facts: whole, Build: own}, model.Different},
		{"split, another: layout behind a pointer", changed, Module{Facts: apart, Build: own}, model.Same},
		{"split, another: size", changed, Module{Facts: whole, Build: own}, model.Different},
		{"split, unknown whether read", maybe, Module{Facts: whole, Build: own}, model.Different},
		{"split, denied", build, Module{Facts: whole, Build: Build{Denied: "its stamp names another base"}}, model.Different},
		{"split, not known", build, Module{Facts: lone}, model.MeaningUnknown},
		{"distilled, ignored", ignorant, Module{Facts: dist, Build: own}, model.Different},
		{"distilled, own", build, Module{Facts: dist, Build: own}, model.Same},
		{"distilled, a type not found", changed, Module{Facts: embed, Build: own}, model.Different},
		{"distilled, another", grown, Module{Facts: dist, Build: own}, model.Same},
		{"distilled, not known", grown, Module{Facts: dist}, model.Same},
		{"recorded, own", build, Module{Record: split, Build: own}, model.Same},
		{"recorded, own, distilled", build, Module{Record: recorded, Build: own}, model.Same},
		{"refs, another: same", changed, Module{Record: split, Refs: refs(apart), Build: own}, model.Same},
		{"refs, another: different", grown, Module{Record: split, Refs: refs(whole), Build: own}, model.Different},
		{"recorded, another, no references", grown, Module{Record: split, Build: own}, model.MeaningUnknown},
		{"no base", baseless, Module{Facts: whole, Build: own}, model.MeaningUnknown},
	} {
		got := meet(t, c.k, c.m)
		if got.Meaning != c.want {
			t.Errorf("%s: %s (%s), want %s", c.row, got.Meaning, got.Differs, c.want)
		}
		if (got.Asks(AboutMeaning) != "") != (c.want == model.MeaningUnknown) {
			t.Errorf("%s: %s, and the question is %q", c.row, got.Meaning, got.Asks(AboutMeaning))
		}
		if c.want == model.Different && got.Differs == "" {
			t.Errorf("%s: different without a reason", c.row)
		}
	}
}

// A module that never loads has the verdict blocked and the meaning that its
// types have; what may be loaded already does not block.
func TestBlocked(t *testing.T) {
	plain := btftest.Kernel(btftest.Plain)
	k := kernelOf(t, "6.12.0-1", plain.Bytes(), nil)
	m := &Module{Facts: &kmod.Facts{BTF: kmod.BlobOf(splits(plain)["whole"])}, Build: Build{On: k}}
	for when, want := range map[loadcheck.When]model.Verdict{loadcheck.Always: model.Blocked, loadcheck.IfLoaded: model.Attached, loadcheck.Enforced: model.Attached} {
		load := &loadcheck.Result{Reasons: []loadcheck.Reason{{Rule: loadcheck.RuleSymbol, When: when}}}
		c := Meet(k, m, &Peers{Load: load, Bases: new(Bases), Distiller: new(distill.Distiller)})
		if c.Verdict != want || c.Meaning != model.Same {
			t.Errorf("%d: %s, %s", when, c.Verdict, c.Meaning)
		}
	}
}

// By its references a module means what it means by its BTF, at each depth,
// with the same layouts; with id words that are known to be ids, and with words
// of which nothing says so.
func TestRefsAgree(t *testing.T) {
	plain := btftest.Kernel(btftest.Plain)
	base := plain.Parse()
	on := kernelOf(t, "6.12.0-1", plain.Bytes(), nil)
	words := map[string]*kmod.IDs{"none": nil}
	for name, id := range map[string]btf.ID{"net": plain.ID(btf.Struct, "net"), "list": plain.ID(btf.Struct, "list_head"), "own": btf.ID(base.NumTypes()), "beyond": 1 << 30} {
		data := []byte{byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24), 0, 0, 0, 0}
		words[name] = &kmod.IDs{Located: true, Data: data, Words: []kmod.IDWord{{ID: uint32(id), Set: -1}}}
		words["unsure "+name] = &kmod.IDs{Data: data}
	}
	seen := map[model.Meaning]int{}
	for _, v := range []btftest.Variant{btftest.Permuted, btftest.Grown, btftest.Changed} {
		k := kernelOf(t, "6.12.0-2", btftest.Kernel(v).Bytes(), nil)
		for name, blob := range splits(plain) {
			for which, ids := range words {
				f := &kmod.Facts{BTF: kmod.BlobOf(blob), IDs: ids}
				want := meet(t, k, Module{Facts: f, Build: Build{On: on}})
				got := meet(t, k, Module{Record: &manifest.Module{BTF: manifest.BTF{Kind: manifest.BTFSplit}}, Refs: refsOf(f, base), Build: Build{On: on}})
				seen[want.Meaning]++
				if got.Meaning != want.Meaning || (got.Differs == "") != (want.Differs == "") || (got.Deeper == "") != (want.Deeper == "") ||
					len(got.Layouts) != len(want.Layouts) || got.Movable != want.Movable || got.SameAt != want.SameAt {
					t.Errorf("variant %d, %s, ids %s: by references %+v\nby BTF %+v", v, name, which, got, want)
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

// What a kernel does with a module of which only a manifest is present.
func TestRecorded(t *testing.T) {
	split := &manifest.Module{Path: "a.ko", BTF: manifest.BTF{Kind: manifest.BTFSplit}}
	bare := &manifest.Module{Path: "b.ko", BTF: manifest.BTF{Kind: manifest.BTFNone}}
	registers := &manifest.Module{Path: "c.ko", BTF: bare.BTF, Registers: []string{"register_btf_kfunc_id_set"}}
	k := kernelOf(t, "6.1.0-1", nil, nil)
	fatal := kernelOf(t, "6.1.0-1", nil, func(r *release.Release) { r.Images[0].Facts.Abilities.KfuncMissing = known(true) })
	blind := kernelOf(t, "6.1.0-1", nil, func(r *release.Release) { r.Images[0].Facts.Abilities.ModuleBTF = known(false) })
	for _, c := range []struct {
		k    *kernel.Kernel
		m    *manifest.Module
		want model.Verdict
	}{
		{k, split, model.VerdictUnknown}, {k, bare, model.Inert}, {k, registers, model.VerdictUnknown},
		{fatal, registers, model.InitFails}, {blind, split, model.Inert}, {blind, registers, model.Inert},
	} {
		got := Meet(c.k, &Module{Record: c.m}, &Peers{Bases: new(Bases)})
		if got.Verdict != c.want || ModuleLoad(got.Load).Loads != model.LoadsUnknown || got.Asks(AboutLoad) == "" {
			t.Errorf("%s: %+v, want %s", c.m.Path, got, c.want)
		}
		if (c.want == model.VerdictUnknown) != (got.Asks(AboutVerdict)+got.Asks(AboutInit) != "") {
			t.Errorf("%s: %s with questions %+v", c.m.Path, got.Verdict, got.Open)
		}
	}
}

// What refuses a module whose BTF does not fit is known, or asked: nothing is
// taken for off.
func TestMismatchUnknown(t *testing.T) {
	plain := btftest.Kernel(btftest.Plain)
	on := kernelOf(t, "6.1.0-1", plain.Bytes(), nil)
	m := Module{Facts: &kmod.Facts{BTF: kmod.BlobOf(splits(plain)["whole"])}, Build: Build{On: on}}
	for is, want := range map[tri.State]model.Verdict{tri.Yes: model.Dropped, tri.No: model.Rejected, tri.Unknown: model.Rejected} {
		k := kernelOf(t, "6.1.0-1", btftest.Kernel(btftest.Grown).Bytes(), func(r *release.Release) {
			r.Images[0].Facts.Abilities.AllowMismatch = ability.Fact{Is: is}
		})
		c := meet(t, k, m)
		if c.Verdict != want || (c.Asks(AboutVerdict) != "") != (is == tri.Unknown) || c.Meaning != model.Different {
			t.Errorf("%s: %s, %s, %+v", is, c.Verdict, c.Meaning, c.Open)
		}
	}
}

// The trial reports whether distilling helps, and why not.
func TestTrial(t *testing.T) {
	plain := btftest.Kernel(btftest.Plain)
	on := kernelOf(t, "6.12.0-1", plain.Bytes(), nil)
	blobs := splits(plain)
	for _, c := range []struct {
		variant     btftest.Variant
		name        string
		tried, help bool
	}{
		{btftest.Grown, "whole", true, true}, {btftest.Plain, "whole", false, false},
		{btftest.Changed, "embed", true, false}, {btftest.Permuted, "embed", true, true},
	} {
		k := kernelOf(t, "6.12.0-1", btftest.Kernel(c.variant).Bytes(), nil)
		got := meet(t, k, Module{Facts: &kmod.Facts{BTF: kmod.BlobOf(blobs[c.name])}, Build: Build{On: on}}).Distilled
		if got.Tried != c.tried || got.Helps() != c.help || (got.Why != "") != (c.tried && !c.help) {
			t.Errorf("variant %d, %s: %+v", c.variant, c.name, got)
		}
	}
	old := kernelOf(t, "6.1.0-1", btftest.Kernel(btftest.Grown).Bytes(), nil)
	if got := meet(t, old, Module{Facts: &kmod.Facts{BTF: kmod.BlobOf(blobs["whole"])}, Build: Build{On: on}}).Distilled; got.Tried {
		t.Errorf("tried on a kernel that ignores .BTF.base: %+v", got)
	}
}
