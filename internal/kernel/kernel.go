// Package kernel is what one kernel is and can do, as one value that never
// changes: its name, its base, what it does with the BTF of modules, what its
// loader compares. It is made from whatever there is of the kernel: its image, a
// manifest with the base beside it, a kernel that runs, or headers alone.
//
// What no source says is unknown, never off. What the kernel itself shows
// outranks any config; that the two disagree is found where a release is put
// together (release.ConfigDiffers).
package kernel

import (
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/tri"
	"kpkg-btf/internal/where"
)

// Source is what a kernel was made from.
type Source uint8

const (
	// Headers: a base, a config or symbols, and nothing of the image.
	Headers Source = iota
	// Image: the image that machines boot.
	Image
	// Recorded: a manifest of the image.
	Recorded
	// Running: a kernel that runs, of which there is what it shows in sysfs.
	Running
)

// Kernel is one kernel.
type Kernel struct {
	Name   string // uname -r
	Arch   model.Arch
	Source Source
	Banner string // "Linux version …", "" when none is known
	Base   *Base  // nil: it has none, or none is at hand
	// Sum is the checksum of its base, also where only the manifest names it;
	// nil where no base is known.
	Sum *[32]byte

	// Abilities are what the kernel shows of itself, else what its config says.
	Abilities ability.Set
	// BTF reports whether it should have a base (CONFIG_DEBUG_INFO_BTF).
	BTF ability.Fact
	// Assumed: it is newer than any kernel whose rules are known, or uses a kind
	// that is not known.
	Assumed bool

	config  manifest.Config
	symvers *symvers.Table // of image and modules, nil: not known
	modules []string       // names, as the kernel has them
	rules   *verdict.Base
	loading loading
}

// Of makes the kernel of a release. A base that cannot be read is an error,
// with its source.
func Of(r *release.Release) (*Kernel, error) {
	m, err := r.Record("")
	if err != nil {
		return nil, err
	}
	k := &Kernel{Name: r.Name, Arch: r.Arch, config: m.Config, symvers: r.Symvers}
	for i := range m.Modules {
		k.modules = append(k.modules, m.Modules[i].Name)
	}
	if m.Base != nil {
		k.Sum = &m.Base.SHA256
	}
	k.show(r, m)
	k.settle()
	if k.Base, err = BaseOf(r); err != nil {
		return nil, err
	}
	k.loading = loadingOf(r, m)
	if k.Base == nil || k.Source == Headers {
		return k, nil
	}
	p := k.profile()
	if k.rules, err = verdict.NewBase(&p, k.Base.Raw.Bytes()); err != nil {
		if _, im := r.Base(); im != nil {
			return nil, im.Source.In(err)
		}
		return nil, where.In(r.Name, err)
	}
	k.Assumed = p.Assumed
	return k, nil
}

// show takes what the kernel shows of itself.
func (k *Kernel) show(r *release.Release, m *manifest.Manifest) {
	if im := r.BootImage(); im != nil {
		k.Source, k.Banner, k.Abilities = Image, im.Facts.Banner, im.Facts.Abilities
		if im.Facts.OfRunning() {
			k.Source = Running
		}
		return
	}
	for _, a := range m.Abilities {
		k.Abilities.Put(a.Name, ability.Fact{Is: a.Is, Value: a.Value, Evidence: a.Evidence})
	}
	if m.Image != nil && !m.Image.BTFOnly {
		k.Source, k.Banner = Recorded, m.Image.Banner
	}
}

// The options that abilities of the table stand for.
const (
	optionBTF       = "CONFIG_DEBUG_INFO_BTF"
	optionModuleBTF = "CONFIG_DEBUG_INFO_BTF_MODULES"
	optionMismatch  = "CONFIG_MODULE_ALLOW_BTF_MISMATCH"
	optionSigned    = "CONFIG_MODULE_SIG"
)

// settle lets the config answer what the kernel does not show.
func (k *Kernel) settle() {
	k.BTF = k.option(optionBTF)
	if k.Sum != nil {
		k.BTF = ability.Fact{Is: tri.Yes, Evidence: "it has a base"}
	}
	for _, o := range [...]struct {
		name string
		to   *ability.Fact
	}{{optionModuleBTF, &k.Abilities.ModuleBTF}, {optionMismatch, &k.Abilities.AllowMismatch}, {optionSigned, &k.Abilities.SigModule}} {
		said := k.option(o.name)
		// A base alone shows what is in it, not what is not.
		if said.Is != tri.Unknown && (o.to.Is == tri.Unknown || k.Source == Headers) {
			*o.to = said
		}
	}
}

// option is what the config says of a switch.
func (k *Kernel) option(name string) ability.Fact {
	v, ok := k.config.Value(name)
	if !ok {
		return ability.Fact{Evidence: "no config"}
	}
	return ability.Fact{Is: tri.Of(v == "y"), Evidence: "config: " + name + "=" + v}
}

// Option is what the kernel's config says of a switch.
func (k *Kernel) Option(name string) tri.State { return k.option(name).Is }

// ReadsBTF reports whether the kernel reads the BTF of modules. One that has
// no base, and should have none, does not.
func (k *Kernel) ReadsBTF() ability.Fact {
	if k.Sum == nil && k.BTF.Is == tri.No && k.Abilities.ModuleBTF.Is == tri.Unknown {
		return k.BTF
	}
	return k.Abilities.ModuleBTF
}

// Rules are what the kernel asks of BTF, with its base; nil where its image or
// its base is not known: then nobody can say what it does with a module's BTF.
func (k *Kernel) Rules() *verdict.Base { return k.rules }

// HonoursDistilled reports whether the kernel reads .BTF.base.
func (k *Kernel) HonoursDistilled() tri.State {
	if k.rules != nil {
		return tri.Of(k.rules.Profile().Distilled)
	}
	return k.Abilities.Distilled.Is
}

// Unasked says why there are no Rules; "" where there are.
func (k *Kernel) Unasked() string {
	switch {
	case k.rules != nil:
		return ""
	case k.Base == nil && k.Source == Recorded && k.Sum != nil:
		return "the base of the kernel is not beside its manifest"
	case k.Base == nil:
		return "the kernel's base is not among the inputs"
	}
	return "the kernel's image is not among the inputs, its base alone"
}

// SameBase reports whether two kernels have one base. Two that are known to
// have none are the same; headers without a base need not say that there is none.
func SameBase(a, b *Kernel) tri.State {
	none := func(k *Kernel) bool { return k.Sum == nil && (k.Source != Headers || k.BTF.Is == tri.No) }
	switch {
	case a.Sum != nil && b.Sum != nil:
		return tri.Of(*a.Sum == *b.Sum)
	case none(a) && none(b):
		return tri.Yes
	case (a.Sum != nil || none(a)) && (b.Sum != nil || none(b)):
		return tri.No
	}
	return tri.Unknown
}
