package release

import (
	"bytes"
	"cmp"
	"path"
	"slices"
	"strings"

	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/where"
)

// assemble turns items into releases, whatever their order.
func (c *collector) assemble() (*Loaded, error) {
	c.resolveAliases()
	for _, it := range c.items {
		it.nameFromContent()
	}
	groups, errs := group(c.items)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	out := &Loaded{Ignored: c.ignored}
	for _, g := range groups {
		r := g.build()
		if why := r.notARelease(); why != "" {
			for _, p := range r.Packages {
				out.Ignored = append(out.Ignored, Ignored{File: p.File, Why: why})
			}
			continue
		}
		out.Releases = append(out.Releases, r)
	}
	slices.SortFunc(out.Releases, func(a, b *Release) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.Arch), string(b.Arch)))
	})
	return out, nil
}

// resolveAliases gives a module that is a further link of another the facts of
// that one. A link in weak-updates is a module added to the kernel it lies
// under, where what it names is in the same tree; else it stays unresolved, and
// what it names is judged where it is.
func (c *collector) resolveAliases() {
	if len(c.aliases) == 0 {
		return
	}
	byPath := make(map[Source]*item, len(c.items))
	for _, it := range c.items {
		byPath[it.source] = it
	}
	for _, a := range c.aliases {
		t := byPath[Source{a.pkg.File, a.target}]
		for _, target := range a.targets() {
			if t == nil {
				t = byPath[Source{a.pkg.File, target}]
			}
		}
		if t != nil && t.role == roleModule {
			c.items = append(c.items, &item{place: a.place, pkg: a.pkg, source: a.source, size: t.size, module: t.module, err: t.err})
			if c.o.Linked != nil {
				c.o.Linked(a.source, t.source, a.hard)
			}
		}
	}
}

// targets are where the link of a module that was added (weak-updates) may
// lead within its tree: absolute ones begin at the root, where /lib may be a
// link to /usr/lib.
func (a *alias) targets() []string {
	if a.hard || a.place.origin != Added {
		return nil
	}
	t := path.Join(path.Dir(a.source.Path), a.target)
	if path.IsAbs(a.target) {
		t = strings.TrimPrefix(path.Clean(a.target), "/")
	}
	return []string{t, "usr/" + t, strings.TrimPrefix(t, "usr/")}
}

// nameFromContent finds the release of a file whose path does not tell.
func (it *item) nameFromContent() {
	if it.place.release != "" {
		return
	}
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
	case it.doc != nil:
		it.place.release = it.doc.Release
	}
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
	key   Key
	items []*item
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
		case len(byKey) == 0:
			errs = append(errs, it.source.In(where.New(where.Inconclusive, "no other input says which release this file belongs to").
				WithHint("give the package or image it came with")))
		default:
			errs = append(errs, it.source.In(where.New(where.Inconclusive, "the inputs hold %d releases and nothing says which one this file belongs to", len(byKey)).
				WithHint("give the files of one release at a time, or keep their usual names (config-RELEASE)")))
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
	slices.SortStableFunc(b.items, func(x, y *item) int {
		return cmp.Or(cmp.Compare(x.origin, y.origin), strings.Compare(x.source.Package, y.source.Package), strings.Compare(x.source.Path, y.source.Path))
	})
	for _, it := range b.items {
		if !slices.Contains(r.Packages, it.pkg) {
			r.Packages = append(r.Packages, it.pkg)
		}
		switch {
		case it.err != nil:
			r.Unread = append(r.Unread, it.err)
		case it.module != nil:
			modules = append(modules, &Module{Path: it.rel, Source: it.source, Origin: it.origin, FileSize: it.size, Facts: it.module})
		case it.image != nil:
			r.Images = append(r.Images, &Image{Source: it.source, Origin: it.origin, PathRelease: it.pathRelease(), Facts: it.image})
		case it.doc != nil:
			r.addDoc(it)
		case it.role == roleConfig:
			r.Configs = append(r.Configs, &Text{it.source, it.text})
		case it.role == roleBuiltin:
			if r.Builtin == nil {
				r.Builtin = &Text{it.source, it.text}
			}
		case it.role == roleSymvers:
			t, err := symvers.Parse(it.text)
			if err != nil {
				r.Unread = append(r.Unread, it.source.In(err))
				continue
			}
			tables = append(tables, tableSource{it.source, t})
		}
	}
	slices.SortFunc(r.Packages, func(x, y *Package) int { return strings.Compare(x.File, y.File) })
	r.merge(modules)
	r.chooseConfig()
	r.chooseSymvers(tables)
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
		return c.Facts.DebugOnly || c.Facts.BTF == nil || m.Facts.AllocDigest == c.Facts.AllocDigest
	}
	return bytes.Equal(m.Facts.BTF, c.Facts.BTF) && bytes.Equal(m.Facts.BTFBase, c.Facts.BTFBase) &&
		m.Facts.AllocDigest == c.Facts.AllocDigest
}

// chooseConfig takes the config of the image's package; the headers' .config
// is the same file in every distribution.
func (r *Release) chooseConfig() {
	if len(r.Configs) > 0 {
		r.Config = r.Configs[0]
	}
	for _, im := range r.Images {
		if r.Config == nil && im.Facts.Config != nil {
			r.Config = &Text{im.Source, im.Facts.Config}
		}
	}
	if r.Config == nil {
		return
	}
	var err error
	if r.Options, err = manifest.ConfigOptions(r.Config.Data); err != nil {
		r.Unread = append(r.Unread, r.Config.Source.In(err))
	}
}

type tableSource struct {
	source Source
	table  *symvers.Table
}

// chooseSymvers takes Module.symvers, else what the image and its modules export.
func (r *Release) chooseSymvers(given []tableSource) {
	var image []symvers.Symbol
	for _, im := range r.Images {
		if im.Facts.Exports != nil {
			image = im.Facts.Exports
			break
		}
	}
	if image == nil && len(given) == 0 {
		return
	}
	var modules []symvers.ModuleExports
	for _, m := range r.Modules {
		if len(m.Facts.Exports) > 0 {
			modules = append(modules, symvers.ModuleExports{Path: m.Path, Symbols: m.Facts.Exports})
		}
	}
	r.Symvers, r.SymversSource = symvers.Merge(image, modules), "the export tables of the image and its modules"
	if len(given) > 0 {
		r.Symvers, r.SymversSource = given[0].table.Told(r.Symvers), given[0].source.String()
	}
}

// notARelease says why a bundle is none: debug files alone.
func (r *Release) notARelease() string {
	if r.Doc != nil || len(r.Modules)+len(r.Added)+len(r.Unread) > 0 {
		return ""
	}
	for _, im := range r.Images {
		if im.Origin != Debug {
			return ""
		}
	}
	if len(r.Images) > 0 {
		return "debug files alone are not a release"
	}
	if r.Symvers != nil || r.Config != nil || r.Builtin != nil {
		return ""
	}
	return "debug files alone are not a release"
}
