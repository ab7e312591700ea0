package release

import (
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/ids"
	"kpkg-btf/internal/health"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/symvers"
)

// Kfunc is a kfunc that the image or a module registers.
type Kfunc struct {
	health.Kfunc
	Owner string // symvers.Vmlinux, or the path of the module
}

// Subject is the name of the kfunc; of an id that is no function, its set and file.
func (k *Kfunc) Subject() string {
	if k.Name != "" {
		return k.Name
	}
	return strings.TrimSpace(k.Owner + " " + k.Set)
}

// Kfuncs are those of the image and of modules with BTF, by owner, set and name;
// none where there is no base that can be read, and of a manifest. Of an image
// without symbols only the sets of 6.9 and later are found.
func (r *Release) Kfuncs() []Kfunc {
	if !r.kfuncsKnown {
		r.kfuncs, r.kfuncsKnown = r.findKfuncs(), true
	}
	return r.kfuncs
}

func (r *Release) findKfuncs() (out []Kfunc) {
	blob, _ := r.Base()
	if blob == nil {
		return nil
	}
	base, err := btf.Parse(blob)
	if err != nil {
		return nil // recordBase says so
	}
	tags := health.TagsOf(base)
	add := func(owner string, own *btf.Raw, sets []ids.Set, tags health.Tags, tagged bool) {
		for _, k := range health.Kfuncs(own, sets, tags, tagged) {
			out = append(out, Kfunc{k, owner})
		}
	}
	tagged := len(tags) > 0
	add(symvers.Vmlinux, base, r.ImageKfuncSets(), tags, tagged)
	for _, m := range r.Modules {
		f := m.Facts
		if f.IDs == nil || f.BTF.Len() == 0 {
			continue
		}
		sets := f.IDs.KfuncSets()
		if len(sets) == 0 {
			continue
		}
		on := base
		if f.BTFBase.Len() > 0 {
			if on, err = btf.Parse(f.BTFBase.Bytes()); err != nil {
				continue // self.btf-malformed
			}
		}
		own, err := btf.ParseSplit(f.BTF.Bytes(), on)
		if err != nil {
			continue // self.btf-malformed
		}
		add(m.Path, own, sets, health.TagsOf(own), tagged)
	}
	return out
}

// ImageKfuncSets are the sets of kfuncs of the release's base: with their names
// where a vmlinux with symbols has that very base.
func (r *Release) ImageKfuncSets() (sets []ids.Set) {
	base, _ := r.Base()
	for _, im := range r.Images {
		if x := im.Facts; string(x.BTF) == string(base) && len(x.KfuncSets) > 0 && (sets == nil || x.IDs != nil && x.IDs.Located) {
			sets = x.KfuncSets
		}
	}
	return sets
}

// recordKfuncs is what a manifest keeps of kfuncs.
func recordKfuncs(list []Kfunc) (out []manifest.KfuncSet) {
	for _, k := range list {
		if k.Name == "" {
			continue
		}
		last := len(out) - 1
		if last < 0 || out[last].Owner != k.Owner || out[last].Number != int64(k.Index) {
			out = append(out, manifest.KfuncSet{Owner: k.Owner, Name: k.Set, Number: int64(k.Index)})
			last++
		}
		s := &out[last]
		if n := len(s.Kfuncs); n > 0 && s.Kfuncs[n-1].Name == k.Name {
			continue // self.ids-broken
		}
		s.Kfuncs = append(s.Kfuncs, manifest.Kfunc{Name: k.Name, Flags: k.Flags, Contradicts: k.Is(health.Flagged)})
	}
	return out
}
