package release

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/tri"
)

// settleConfig makes the release's options of all configs that count for it and
// of what its image shows. The image comes first, the configuration that it
// embeds second; where it shows nothing, and configs disagree, an option is not
// listed: unknown. Nothing depends on the order of the configs.
func (r *Release) settleConfig() {
	shown := r.shownOptions()
	claims := map[string][]Claim{}
	var names []string
	claim := func(o manifest.Option, by Source) {
		if claims[o.Name] == nil {
			names = append(names, o.Name)
		}
		claims[o.Name] = append(claims[o.Name], Claim{by, o.Value})
	}
	for _, c := range r.Configs {
		options, err := manifest.ConfigOptions(c.Data)
		if err != nil {
			r.Unread = append(r.Unread, c.Source.In(err))
			continue
		}
		if r.Config == nil {
			r.Config = c
		}
		for _, o := range options {
			claim(o, c.Source)
		}
	}
	for _, im := range r.bootImages() {
		if im.Facts.Config == nil {
			continue
		}
		options, err := manifest.ConfigOptions(im.Facts.Config)
		if err != nil {
			r.Unread = append(r.Unread, im.Source.In(err))
			continue
		}
		if r.Config == nil {
			r.Config = &Text{im.Source, im.Facts.Config}
		}
		for _, o := range options {
			if _, ok := shown[o.Name]; !ok {
				shown[o.Name] = showing{o.Value, "the configuration in the image"}
			}
			claim(o, im.Source)
		}
	}
	for name := range shown {
		if claims[name] == nil && len(claims) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		r.settleOption(name, claims[name], shown)
	}
}

// showing is what an image shows of an option, and by what.
type showing struct{ value, evidence string }

func (r *Release) settleOption(name string, claims []Claim, shown map[string]showing) {
	s, known := shown[name]
	value := s.value
	if !known {
		value = claims[0].Says
	}
	if slices.ContainsFunc(claims, func(c Claim) bool { return c.Says != value }) {
		a := Anomaly{Kind: ConfigDiffers, Subject: name, Claims: claims}
		if known {
			a.Settled = fmt.Sprintf("%s=%s: %s", name, s.value, s.evidence)
		}
		r.note(a)
		if !known {
			return
		}
	}
	r.Options = append(r.Options, manifest.Option{Name: name, Value: value})
}

// bootImages are the images that machines boot.
func (r *Release) bootImages() []*Image {
	var out []*Image
	for _, im := range r.Images {
		if im.Origin == Shipped && !im.Facts.BTFOnly {
			out = append(out, im)
		}
	}
	return out
}

// shownOptions are the options that the images show by what they hold, whatever
// any config says; those of which two images show different things are not
// among them.
func (r *Release) shownOptions() map[string]showing {
	out := map[string]showing{}
	none := map[string]bool{}
	for _, im := range r.bootImages() {
		for name, s := range optionsOf(im) {
			if had, ok := out[name]; ok && had.value != s.value {
				none[name] = true
			}
			out[name] = s
		}
	}
	for name := range none {
		delete(out, name)
	}
	return out
}

// optionsOf reads options off an image: off its code and its base by abilities,
// MODVERSIONS off vermagic, which has a word for it (include/linux/vermagic.h).
// An image without a base shows nothing of DEBUG_INFO_BTF: it may have lost it.
func optionsOf(im *Image) map[string]showing {
	out := map[string]showing{}
	f := im.Facts
	by := func(option string, a ability.Fact) {
		if a.Is != tri.Unknown {
			out[option] = showing{yn(a.Is == tri.Yes), a.Evidence}
		}
	}
	by("CONFIG_DEBUG_INFO_BTF_MODULES", f.Abilities.ModuleBTF)
	by("CONFIG_MODULE_ALLOW_BTF_MISMATCH", f.Abilities.AllowMismatch)
	by("CONFIG_MODULE_SIG", f.Abilities.SigModule)
	switch {
	case f.BTF != nil:
		out["CONFIG_DEBUG_INFO_BTF"] = showing{"y", "a base at " + f.BTFWhere}
	case f.Abilities.ModuleBTF.Is == tri.Yes: // which depends on it (lib/Kconfig.debug)
		out["CONFIG_DEBUG_INFO_BTF"] = showing{"y", f.Abilities.ModuleBTF.Evidence}
	}
	if f.Vermagic != "" {
		out["CONFIG_MODVERSIONS"] = showing{yn(slices.Contains(strings.Fields(f.Vermagic), "modversions")), fmt.Sprintf("vermagic %q", f.Vermagic)}
	}
	return out
}

func yn(yes bool) string {
	if yes {
		return "y"
	}
	return "n"
}
