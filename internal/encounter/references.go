package encounter

import (
	"context"
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// References are what the modules of a release use of its base, for a check that
// will have no more of them than the manifest m. A module whose BTF is not
// well-formed on the base, or whose .BTF.base the release's own kernel does not
// take, which self tells, has no entry.
func References(ctx context.Context, r *release.Release, m *manifest.Manifest, jobs int) (*manifest.Refs, error) {
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	x := &manifest.Refs{Tool: m.Tool, Manifest: digest, Release: m.Release, Arch: m.Arch}
	blob, im := r.Base()
	if blob == nil || len(r.Modules) == 0 {
		return nil, where.In(r.Name, where.New(where.Inconclusive, "no references to record: they need the modules and the base of the release").
			WithHint("give the packages that hold the image and the modules"))
	}
	base, err := btf.Parse(blob)
	if err != nil {
		return nil, im.Source.In(where.In("base BTF", err))
	}
	var own *verdict.Base
	if slices.ContainsFunc(r.Modules, func(m *release.Module) bool { return m.Facts.BTFBase.Len() > 0 }) {
		k, err := kernel.Of(r)
		if err != nil {
			return nil, err
		}
		own = k.Rules()
	}
	split, distilled := make([]*manifest.ModuleRefs, len(r.Modules)), make([]*manifest.DistilledRefs, len(r.Modules))
	err = Each(ctx, len(r.Modules), jobs, func(i int, d *distill.Distiller) error {
		f := r.Modules[i].Facts.Opened()
		switch {
		case f.BTF.Len() == 0:
		case f.BTFBase.Len() == 0:
			split[i] = refsOf(f, base)
		case own != nil:
			distilled[i] = distilledRefs(f, own, d)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, mod := range r.Modules {
		if split[i] != nil {
			split[i].Path = mod.Path
			x.Modules = append(x.Modules, *split[i])
		}
		if distilled[i] != nil {
			distilled[i].Path = mod.Path
			x.Distilled = append(x.Distilled, *distilled[i])
		}
	}
	return x, nil
}

// refsOf are those of a module with split BTF; nil where it is not well-formed.
func refsOf(f *kmod.Facts, base *btf.Raw) *manifest.ModuleRefs {
	split, err := btf.ParseSplit(f.BTF.Bytes(), base)
	if err != nil {
		return nil
	}
	ids, sure := f.TypeIDs()
	x := &manifest.ModuleRefs{Refs: *meaning.RefsOf(split, ids), UnsureIDs: !sure && len(ids) > 0}
	if x.UnsureIDs {
		x.OwnTypes = meaning.RefsOf(split, nil).OwnTypes // what may be an id proves nothing
	}
	reg := Registered(f)
	x.Kfuncs = kfuncNames(split, reg.Kfuncs)
	return x
}

// distilledRefs are those of a module with a .BTF.base; nil where its own kernel
// does not take it, where its .BTF.base is not what distilling on that kernel's
// base returns, and where a kernel would look at more than is kept here.
func distilledRefs(f *kmod.Facts, own *verdict.Base, d *distill.Distiller) *manifest.DistilledRefs {
	at, answer := own.Relocate(f.BTF.Bytes(), f.BTFBase.Bytes())
	reg := Registered(f)
	init := own.InitIDs(f.BTF.Bytes(), f.BTFBase.Bytes(), reg, nil)
	if !own.Profile().Distilled || !answer.OK || !init.OK || len(init.Wild) > 0 {
		return nil
	}
	split, err := splitOn(f, nil)
	if err != nil {
		return nil
	}
	first := split.FirstID()
	x := &manifest.DistilledRefs{}
	for _, id := range at[1:first] {
		x.Outlines = append(x.Outlines, btf.ID(id))
	}
	if !slices.IsSorted(x.Outlines) {
		return nil
	}
	if made, err := d.Base(own.Raw(), x.Outlines); err != nil || kmod.BlobOf(made).Sum() != f.BTFBase.Sum() {
		return nil
	}
	refs := meaning.RefsOf(split, nil)
	if len(refs.Types) != len(x.Outlines) {
		return nil // one that its .BTF does not refer to
	}
	ids, sure := f.TypeIDs()
	x.Embedded, x.IDs, x.UnsureIDs = refs.Embedded, below(ids, first), !sure && len(ids) > 0
	x.Inline = held(split)
	if f.IDs != nil && sure {
		for _, w := range f.IDs.Words {
			if w.Set < 0 && w.ID != 0 {
				x.Lists = append(x.Lists, manifest.ListWord{Name: w.Name, ID: w.ID})
			}
		}
		slices.SortFunc(x.Lists, func(a, b manifest.ListWord) int { return strings.Compare(a.Key(), b.Key()) })
		x.Lists = slices.Compact(x.Lists)
	}
	x.Kfuncs = kfuncNames(split, reg.Kfuncs)
	if slices.ContainsFunc(x.Kfuncs, iterator) {
		return nil // its prototype counts
	}
	return x
}

// kfuncNames are the names of the functions in sets of kfuncs, ascending.
func kfuncNames(split *btf.Raw, sets []verdict.Kfuncs) (names []string) {
	for i := range sets {
		for _, id := range sets[i].IDs {
			if t, ok := split.Record(btf.ID(id)); ok {
				names = append(names, split.Name(t.Name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// iterator reports whether a kernel may look at the prototype of a kfunc of this
// name.
func iterator(kfunc string) bool { return strings.HasPrefix(kfunc, "bpf_iter_") }

// below are the ids below one, ascending, each once.
func below(ids []btf.ID, end btf.ID) (out []btf.ID) {
	for _, id := range ids {
		if id < end {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// held are the types of a distilled base that structs and unions of the split
// hold, through modifiers and arrays.
func held(split *btf.Raw) (out []btf.ID) {
	seen := map[btf.ID]bool{0: true}
	first := split.FirstID()
	for t := range split.Types {
		if !t.Kind.Composite() {
			continue
		}
		for _, id := range t.Refs {
			for !seen[id] {
				seen[id] = true
				if id < first {
					out = append(out, id)
					break
				}
				id = content(split, id)
			}
		}
	}
	slices.Sort(out)
	return out
}

// content is the type that a modifier or an array is of, 0 for all else.
func content(split *btf.Raw, id btf.ID) btf.ID {
	switch t, _ := split.Record(id); {
	case t.Kind.Modifier():
		return t.Ref()
	case t.Kind == btf.Array:
		elem, _, _ := t.Array()
		return elem
	}
	return 0
}
