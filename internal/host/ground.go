package host

import (
	"fmt"

	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
)

// ground is a kernel that modules may meet, and how the report calls it.
type ground struct {
	r    *release.Release
	on   string
	note string // what its answers rest on beside itself
}

// grounds are the kernels that may load the modules of one installed kernel:
// its own image, and the kernel that runs under its name, unless both have one
// base and so give one answer.
func (v *verifier) grounds(disk *release.Release) []ground {
	var out []ground
	if disk.BootImage() != nil {
		out = append(out, ground{r: disk, on: onInstalled})
	}
	if run := v.runningAs(disk); run != nil && (len(out) == 0 || baseRef(run.r).SHA256 != baseRef(disk).SHA256) {
		out = append(out, *run)
	}
	return out
}

// runningAs is the kernel that runs, as one that may load the modules of a
// release; nil unless it goes by its name and shows its base.
func (v *verifier) runningAs(disk *release.Release) *ground {
	if v.running == nil || v.s.Booted != disk.Name {
		return nil
	}
	run := *v.running
	run.Key = disk.Key
	g := &ground{r: &run, on: onRunning}
	im := *run.Images[0]
	facts := *im.Facts
	im.Facts, run.Images = &facts, []*release.Image{&im}
	// What it wants of a module it does not show; but for the name that is made
	// of options that do not change under one name.
	facts.Vermagic = disk.Vermagic()
	if a := &facts.Abilities.AllowMismatch; a.Is == tri.Unknown && facts.Config == nil {
		*a = mismatchOf(disk)
		g.note = "whether the running kernel loads a module whose BTF it cannot use is not known: taken as no"
		if a.Is != tri.Unknown {
			g.note = "whether the running kernel loads a module whose BTF it cannot use is taken from the kernel installed under its name: " + a.Evidence
		}
	}
	return g
}

// configured is an image of an installed release with the config that lies on
// disk for it, where it carries none.
func configured(im *image, disk *release.Release) *release.Release {
	r := *im.r
	if r.Name == disk.Name && r.Config == nil {
		r.Config, r.Configs, r.Options = disk.Config, disk.Configs, disk.Options
	}
	r.Arch = disk.Arch
	return &r
}

// mismatchOf is whether an installed kernel loads a module whose BTF it cannot
// use, by its config, else by its image.
func mismatchOf(disk *release.Release) ability.Fact {
	const option = "CONFIG_MODULE_ALLOW_BTF_MISMATCH"
	v, ok := disk.Options.Value(option)
	if !ok {
		if im := disk.BootImage(); im != nil {
			return im.Facts.Abilities.AllowMismatch
		}
		return ability.Fact{}
	}
	if v == "y" {
		return ability.Fact{Is: tri.Yes, Evidence: fmt.Sprintf("%s=y in %s", option, disk.Config.Source)}
	}
	return ability.Fact{Is: tri.No, Evidence: fmt.Sprintf("%s is not set in %s", option, disk.Config.Source)}
}
