package release

import (
	"cmp"
	"errors"
	"path"
	"slices"
	"strings"

	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
)

// assemble turns items into releases, whatever their order.
func (c *collector) assemble() (*Loaded, error) {
	c.resolveAliases()
	for _, it := range c.items {
		it.nameFromContent()
	}
	items, unused, err := placeTexts(c.items)
	if err != nil {
		return nil, err
	}
	groups, errs := group(items)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	out := &Loaded{Ignored: c.ignored}
	for _, g := range groups {
		g.installed = c.o.Installed
		r := g.build()
		if why := r.notARelease(); why != "" {
			for _, p := range r.Packages {
				out.Ignored = append(out.Ignored, Ignored{File: p.File, Why: why})
			}
			continue
		}
		out.Releases = append(out.Releases, r)
	}
	placeUnused(out, items, unused)
	slices.SortStableFunc(out.Ignored, func(a, b Ignored) int { return strings.Compare(a.File, b.File) })
	for _, r := range out.Releases {
		r.sortAnomalies()
	}
	slices.SortFunc(out.Releases, func(a, b *Release) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.Arch), string(b.Arch)))
	})
	return out, nil
}

// nameFromContent finds the release of a file whose path does not tell.
func (it *item) nameFromContent() {
	if it.place.release != "" {
		return
	}
	it.certain = false // the name is not the path's
	switch {
	case it.module != nil:
		it.place.release, _, _ = strings.Cut(it.module.Modinfo.Vermagic, " ")
		if it.rel == "" {
			it.rel = it.module.Modinfo.Name + ".ko"
		}
	case it.image != nil:
		it.place.release = it.image.Release
		if it.image.BTFOnly && it.origin == Shipped {
			it.place.origin = Headers
		}
		if it.place.release == "" && it.image.BTFOnly {
			it.place.release = labelOf(it.source) // btfhub names its archives so
		}
	case it.doc != nil:
		it.place.release = it.doc.Release
	}
}

// labelOf is the release that the name of a file with a base is, "" for a label.
func labelOf(s Source) string {
	name := path.Base(cmp.Or(s.Path, s.Package))
	name, _, _ = strings.Cut(name, ".btf")
	return releaseOf(name)
}

func (it *item) arch() model.Arch {
	switch {
	case it.module != nil:
		return it.module.Arch
	case it.image != nil:
		return it.image.Arch
	case it.doc != nil:
		return it.doc.Arch
	}
	return model.ArchUnknown
}

// bundle is the items of one release.
type bundle struct {
	key       Key
	items     []*item
	installed bool // Options.Installed
}

// group sorts items into releases by (uname -r, architecture). Files that
// name no release belong to the only one there is; where there are several
// that is an error the user can settle.
func group(items []*item) ([]*bundle, []error) {
	archs := map[string][]model.Arch{}
	for _, it := range items {
		if a, n := it.arch(), it.place.release; a != model.ArchUnknown && n != "" && !slices.Contains(archs[n], a) {
			archs[n] = append(archs[n], a)
		}
	}
	byKey := map[Key]*bundle{}
	add := func(k Key, it *item) {
		if byKey[k] == nil {
			byKey[k] = &bundle{key: k}
		}
		byKey[k].items = append(byKey[k].items, it)
	}
	var nameless []*item
	for _, it := range items {
		if it.place.release == "" {
			nameless = append(nameless, it)
			continue
		}
		add(Key{it.place.release, it.archAmong(archs[it.place.release])}, it)
	}
	var errs []error
	for _, it := range nameless {
		switch {
		case len(byKey) == 1:
			for k := range byKey {
				add(k, it)
			}
		case it.err != nil:
			errs = append(errs, it.err)
		case len(byKey) == 0 && it.image != nil && it.image.BTFOnly: // a base of its own
			add(Key{Name: path.Base(cmp.Or(it.source.Path, it.source.Package))}, it)
		case it.anomaly != nil: // of no release that was given
		default:
			errs = append(errs, it.source.In(unplaced(len(byKey))))
		}
	}
	out := make([]*bundle, 0, len(byKey))
	for _, b := range byKey {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b *bundle) int { return strings.Compare(a.key.String(), b.key.String()) })
	return out, errs
}

// archAmong picks the architecture of an item among those its release has.
func (it *item) archAmong(archs []model.Arch) model.Arch {
	if a := it.arch(); a != model.ArchUnknown {
		return a
	}
	pkg := model.ArchOfPackage(it.pkg.Arch)
	if len(archs) == 1 {
		return archs[0]
	}
	return pkg
}

// build makes a release of a bundle.
func (b *bundle) build() *Release {
	r := &Release{Key: b.key}
	var modules []*Module
	var tables []tableSource
	var builtins []builtinSource
	var order, dep [][]string
	var bare []string // vmlinux of headers in which nothing is left
	own := ownPackages(b.items)
	slices.SortStableFunc(b.items, func(x, y *item) int {
		return cmp.Or(cmp.Compare(x.origin, y.origin), strings.Compare(x.source.Package, y.source.Package), strings.Compare(x.source.Path, y.source.Path))
	})
	for _, it := range b.items {
		if !slices.Contains(r.Packages, it.pkg) {
			r.Packages = append(r.Packages, it.pkg)
		}
		switch {
		case it.origin == Headers && errors.Is(it.err, kimage.ErrBare):
			bare = append(bare, it.source.String())
		case it.err != nil:
			r.Unread = append(r.Unread, it.err)
		case it.anomaly != nil:
			r.note(*it.anomaly)
		case it.module != nil:
			m := &Module{Path: it.rel, Source: it.source, Origin: it.origin, FileSize: it.size, Facts: it.module}
			if it.origin == Added && own[it.pkg] && !b.installed && !it.linked && !strings.HasPrefix(it.rel, "weak-updates/") {
				m.Own = true
			}
			modules = append(modules, m)
		case it.image != nil:
			r.Images = append(r.Images, &Image{Source: it.source, Origin: it.origin, PathRelease: it.pathRelease(), Rescue: it.rescue, Facts: it.image})
		case it.doc != nil:
			r.addDoc(it)
		case it.role == roleConfig:
			r.Configs = append(r.Configs, &Text{it.source, it.text})
		case it.role == roleBuiltin:
			builtins = append(builtins, builtinSource{&Text{it.source, it.text}, it.pkg})
		case it.role == roleOrder, it.role == roleDep:
			list, err := listed(it.text, it.role == roleDep)
			if err != nil {
				r.Unread = append(r.Unread, it.source.In(err))
				continue
			}
			if it.role == roleOrder {
				order = append(order, list)
			} else {
				dep = append(dep, list)
			}
		case it.role == roleSymvers:
			t, err := symvers.Parse(it.text)
			if err != nil {
				r.Unread = append(r.Unread, it.source.In(err))
				continue
			}
			tables = append(tables, tableSource{it.source, it.pkg, t})
		}
	}
	slices.SortFunc(r.Packages, func(x, y *Package) int { return strings.Compare(x.File, y.File) })
	r.merge(modules)
	r.settleConfig()
	r.settleSymvers(tables)
	r.settleBuiltin(builtins)
	r.compareLists(order, dep, r.builtIn())
	r.headersBase(bare)
	return r
}

func (it *item) pathRelease() string {
	if it.certain {
		return it.place.release
	}
	return ""
}

// merge counts copies of one module once.
func (r *Release) merge(all []*Module) {
	slices.SortStableFunc(all, func(a, b *Module) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Origin, b.Origin), udebLast(a, b), strings.Compare(a.Source.String(), b.Source.String()))
	})
	for i := 0; i < len(all); {
		m, j := all[i], i+1
		for ; j < len(all) && all[j].Path == m.Path; j++ {
			if m.sameAs(all[j]) {
				m.Copies = append(m.Copies, all[j].Source)
			} else {
				m.Differ = append(m.Differ, all[j].Source)
			}
		}
		switch m.Origin {
		case Added:
			r.Added = append(r.Added, m)
		case Shipped:
			r.Modules = append(r.Modules, m)
		}
		i = j
	}
}

func udebLast(a, b *Module) int {
	return cmp.Compare(strings.Count(a.Source.Package, ".udeb"), strings.Count(b.Source.Package, ".udeb"))
}

// sameAs: the BTF and the allocated sections agree. Of a debug copy the code
// must agree, where its sections were not emptied into it (NOBITS): its BTF is
// that of the build, which nothing loads (objcopy --only-keep-debug keeps it),
// and repairs reach the shipped copy alone.
func (m *Module) sameAs(c *Module) bool {
	if c.Origin == Debug {
		return c.Facts.DebugOnly || c.Facts.BTF.Missing() || m.Facts.AllocDigest == c.Facts.AllocDigest
	}
	return m.Facts.BTF.Equal(c.Facts.BTF) && m.Facts.BTFBase.Equal(c.Facts.BTFBase) &&
		m.Facts.AllocDigest == c.Facts.AllocDigest
}

// notARelease says why a bundle is none: debug files alone, a rescue image alone.
func (r *Release) notARelease() string {
	if r.Doc != nil || len(r.Modules)+len(r.Added)+len(r.Unread) > 0 {
		return ""
	}
	rescue := false
	for _, im := range r.Images {
		if im.Origin != Debug && !im.Rescue {
			return ""
		}
		rescue = rescue || im.Rescue
	}
	switch {
	case rescue:
		return "the rescue image of " + r.Name + ", which is not installed any more"
	case len(r.Images) > 0:
		return "debug files alone are not a release"
	}
	if r.Symvers != nil || r.Config != nil || r.Builtin != nil {
		return ""
	}
	return "debug files alone are not a release"
}
