package kernel

import (
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
)

// image is a release of an image that shows something and of a config.
func image(name string, shown ability.Set, config manifest.Config, base []byte) *release.Release {
	return &release.Release{
		Key:     release.Key{Name: name, Arch: model.X8664},
		Options: config,
		Images:  []*release.Image{{Origin: release.Shipped, Facts: &kimage.Facts{Abilities: shown, BTF: base}}},
	}
}

// twice makes the kernel of a release and that of its manifest, which must
// agree in all that a manifest holds.
func twice(t *testing.T, r *release.Release) (whole, recorded *Kernel) {
	t.Helper()
	whole, err := Of(r)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Record("")
	if err != nil {
		t.Fatal(err)
	}
	if recorded, err = Of(&release.Release{Key: r.Key, Doc: m}); err != nil {
		t.Fatal(err)
	}
	return whole, recorded
}

// What a kernel shows outranks its config, which answers the rest. A manifest
// gives the same answer.
func TestWhatCounts(t *testing.T) {
	bpf := manifest.Option{Name: "CONFIG_BPF", Value: "y"}
	on, off := manifest.Option{Name: optionModuleBTF, Value: "y"}, manifest.Option{Name: optionModuleBTF, Value: "n"}
	for _, c := range []struct {
		config      manifest.Config
		shown, want tri.State
	}{
		{nil, tri.Unknown, tri.Unknown},
		{nil, tri.Yes, tri.Yes},
		{nil, tri.No, tri.No},
		{manifest.Config{bpf, on}, tri.Unknown, tri.Yes},
		{manifest.Config{bpf, off}, tri.Unknown, tri.No},
		{manifest.Config{bpf, off}, tri.Yes, tri.Yes},
		{manifest.Config{bpf, on}, tri.No, tri.No},
		{manifest.Config{bpf, on}, tri.Yes, tri.Yes},
	} {
		a, b := twice(t, image("6.1.0-1", ability.Set{ModuleBTF: ability.Fact{Is: c.shown, Evidence: "a text"}}, c.config, nil))
		for _, k := range []*Kernel{a, b} {
			if got := k.ReadsBTF().Is; got != c.want {
				t.Errorf("%v, shown %s: %s, want %s", c.config, c.shown, got, c.want)
			}
		}
	}
}

// The rules are those of the version but for what the kernel shows; an option
// that it does not show is the config's.
func TestRules(t *testing.T) {
	base := btftest.Kernel(btftest.Plain).Bytes()
	shown := ability.Set{
		Distilled: ability.Fact{Is: tri.Yes, Evidence: "backported"},
		MaxKind:   ability.Fact{Is: tri.Yes, Value: 17, Evidence: "enumerator"},
	}
	r := image("5.14.0-570.el9.x86_64", shown, manifest.Config{{Name: optionMismatch, Value: "y"}}, base)
	k, err := Of(r)
	if err != nil {
		t.Fatal(err)
	}
	if p := k.Rules().Profile(); !p.Distilled || !p.AllowMismatch || p.KindMax != 17 || k.HonoursDistilled() != tri.Yes {
		t.Errorf("%+v", p)
	}
	shown.AllowMismatch = ability.Fact{Is: tri.No, Evidence: "no text"}
	if k, err = Of(image(r.Name, shown, r.Options, base)); err != nil || k.Rules().Profile().AllowMismatch {
		t.Errorf("the config outranks the kernel: %v", err)
	}
	if k.Unasked() != "" {
		t.Errorf("asked and %q", k.Unasked())
	}
}

// Headers hold a base and no rules; a manifest whose base is not beside it
// names it and cannot be asked.
func TestWithoutRules(t *testing.T) {
	base := btftest.Kernel(btftest.Plain).Bytes()
	r := image("6.1.0-1", ability.Set{}, nil, base)
	r.Images[0].Origin, r.Images[0].Facts.BTFOnly = release.Headers, true
	k, err := Of(r)
	if err != nil || k.Rules() != nil || k.Base == nil || k.Source != Headers || k.Unasked() == "" {
		t.Errorf("headers: %v, %+v", err, k)
	}
	whole, recorded := twice(t, image("6.1.0-1", ability.Set{}, nil, base))
	if whole.Rules() == nil || recorded.Rules() != nil || recorded.Base != nil || recorded.Sum == nil || *recorded.Sum != whole.Base.Sum {
		t.Errorf("%+v, %+v", whole, recorded)
	}
	if SameBase(whole, recorded) != tri.Yes || SameBase(whole, k) != tri.Yes {
		t.Error("one base is not one")
	}
}

func TestSameBase(t *testing.T) {
	a, b := &[32]byte{1}, &[32]byte{2}
	off := ability.Fact{Is: tri.No}
	for _, c := range []struct {
		a, b Kernel
		want tri.State
	}{
		{Kernel{Sum: a}, Kernel{Sum: a}, tri.Yes},
		{Kernel{Sum: a}, Kernel{Sum: b}, tri.No},
		{Kernel{Source: Image}, Kernel{Source: Recorded}, tri.Yes},
		{Kernel{Source: Image}, Kernel{Source: Headers}, tri.Unknown},
		{Kernel{Source: Image}, Kernel{Source: Headers, BTF: off}, tri.Yes},
		{Kernel{Sum: a}, Kernel{Source: Image}, tri.No},
		{Kernel{Sum: a}, Kernel{Source: Headers}, tri.Unknown},
	} {
		if got, back := SameBase(&c.a, &c.b), SameBase(&c.b, &c.a); got != c.want || back != c.want {
			t.Errorf("%+v and %+v: %s, %s", c.a, c.b, got, back)
		}
	}
}
