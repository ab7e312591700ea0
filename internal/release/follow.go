package release

import (
	"context"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/where"
)

// Which files a kernel may load is what depmod would list (depmod_modules_search
// in kmod's tools/depmod.c): every name below lib/modules/RELEASE, but build and
// source at its top, that ends like a module's and is a regular file once links
// were followed; folders are entered through links too.

// link is a symbolic or hard link of the inputs. Paths are as if the whole
// system had been given (treePrefix).
type link struct {
	place
	pkg    *Package
	source Source
	path   string
	target string // as written; of a hard link the path of the other name
	hard   bool
}

// alias is a module's name that is a link: to a module that is read under a
// name of its own, of which it takes the facts.
type alias struct {
	link
	of *item
}

// maxLinks is how many links a kernel follows (MAXSYMLINKS).
const maxLinks = 40

// tops are the places above lib/modules/RELEASE that may be links to folders.
var tops = []string{"lib", "usr", "usr/lib", "lib/modules", "usr/lib/modules"}

// mayHoldModules reports whether a link at a path may lead to a folder of modules.
func mayHoldModules(p string) bool {
	if slices.Contains(tops, p) {
		return true
	}
	rest, ok := strings.CutPrefix(strings.TrimPrefix(p, "usr/"), "lib/modules/")
	if !ok {
		return false
	}
	_, below, _ := strings.Cut(rest, "/")
	return below != "build" && below != "source" && !strings.HasPrefix(below, "build/") && !strings.HasPrefix(below, "source/")
}

// followed is what the links of one input lead to.
type followed struct {
	c       *collector
	pkg     *Package
	links   map[string]string // symbolic links by path
	items   map[string]*item  // modules of the input by path
	wanted  map[string][]*item
	folders map[string][]link // that lead to a place in which no module was read
}

// follow finds what the links of one input lead to, once it was read: modules
// that were read under another name, files that are called otherwise and must be
// read for it, or nothing that was given. first are the items before this input.
func (c *collector) follow(ctx context.Context, p *pack.Package, pkg *Package, links []link, first int) error {
	if len(links) == 0 {
		return nil
	}
	f := &followed{c: c, pkg: pkg, links: map[string]string{}, items: map[string]*item{}, wanted: map[string][]*item{}, folders: map[string][]link{}}
	for _, l := range links {
		if !l.hard {
			f.links[l.path] = l.target
		}
	}
	for _, it := range c.items[first:] {
		if it.role == roleModule { // whether it could be read is known when all were (resolveAliases)
			f.items[pkg.prefix+it.source.Path] = it
		}
	}
	for _, l := range links {
		switch {
		case l.role == roleModule:
			f.file(l)
		case !l.hard && mayHoldModules(l.path):
			f.folder(l)
		}
	}
	return f.read(ctx, p)
}

// file follows a link that is called like a module.
func (f *followed) file(l link) {
	at, err := l.target, error(nil)
	if !l.hard {
		at, err = f.resolve(path.Dir(l.path), l.target)
	} else {
		at = f.pkg.prefix + at
	}
	if err == nil {
		for _, name := range []string{at, "usr/" + at, strings.TrimPrefix(at, "usr/")} { // where /lib is a link to /usr/lib
			if it := f.items[name]; it != nil {
				f.c.aliases = append(f.c.aliases, alias{l, it})
				return
			}
		}
	}
	it := &item{place: l.place, pkg: f.pkg, source: l.source}
	f.c.items = append(f.c.items, it)
	switch {
	case err != nil && l.origin == Added:
		it.anomaly = &Anomaly{Kind: LinkOutside, Subject: l.source.String(), Names: []string{l.target}}
		return
	case err != nil:
		it.err = l.source.In(err)
		return
	}
	f.wanted[at] = append(f.wanted[at], it)
}

// folder follows a link that may lead to a folder of modules: those in it that
// are no modules of the release by their own paths are so by the link's.
func (f *followed) folder(l link) {
	at, err := f.resolve(path.Dir(l.path), l.target)
	if err != nil || at == "" {
		return // no folder, and so no module
	}
	var below []string
	for name := range f.items {
		if strings.HasPrefix(name, at+"/") {
			below = append(below, name)
		}
	}
	slices.Sort(below)
	for _, name := range below {
		it, through := f.items[name], l
		through.path = l.path + strings.TrimPrefix(name, at)
		through.place = classify(through.path)
		through.source.Path = strings.TrimPrefix(through.path, f.pkg.prefix)
		if through.role == roleModule && through.release != "" && (!it.certain || it.place.release != through.release) {
			f.c.aliases = append(f.c.aliases, alias{through, it})
		}
	}
	if len(below) == 0 {
		f.folders[at] = append(f.folders[at], l)
	}
}

// resolve is the path that a link's target leads to in the folder dir, without a
// link in it; no path leads out of the root.
func (f *followed) resolve(dir, target string) (string, error) {
	at, rest := dir, target
	if path.IsAbs(target) {
		at = ""
	}
	for steps := 0; rest != ""; {
		var step string
		step, rest, _ = strings.Cut(rest, "/")
		switch step {
		case "", ".":
			continue
		case "..":
			if at = path.Dir(at); at == "." || at == "/" {
				at = ""
			}
			continue
		}
		at = strings.TrimPrefix(path.Join(at, step), "./")
		to, ok := f.links[at]
		if !ok {
			continue
		}
		if steps++; steps > maxLinks {
			return "", where.New(where.Malformed, "more than %d links: they lead to one another", maxLinks)
		}
		if rest = to + "/" + rest; path.IsAbs(to) {
			at = ""
		} else if at = path.Dir(at); at == "." {
			at = ""
		}
	}
	return at, nil
}

// read reads, in a second pass over the input, the files that modules' names
// lead to and that are not called like modules themselves, and sees which
// folders are present.
func (f *followed) read(ctx context.Context, p *pack.Package) error {
	if len(f.wanted)+len(f.folders) == 0 {
		return nil
	}
	err := p.Walk(ctx, func(e *pack.Entry, r io.Reader) error {
		full := f.pkg.prefix + e.Path
		for _, name := range []string{full, "usr/" + full, strings.TrimPrefix(full, "usr/")} {
			delete(f.folders, name)
			list := f.wanted[name]
			if len(list) == 0 || e.Type != pack.Regular || list[0].read {
				continue
			}
			for _, it := range list[1:] {
				f.c.aliases = append(f.c.aliases, alias{link{place: it.place, pkg: it.pkg, source: it.source, hard: true}, list[0]})
				it.read, it.dropped = true, true
			}
			list[0].read, list[0].size = true, e.Size
			return f.c.submit(ctx, list[0], r, nil)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for target, list := range f.wanted {
		for _, it := range list {
			f.unread(it, target)
		}
	}
	for _, target := range slices.Sorted(maps.Keys(f.folders)) {
		for _, l := range f.folders[target] {
			f.c.items = append(f.c.items, f.folderOutside(l, target))
		}
	}
	return nil
}

// unread settles a name whose file was not found.
func (f *followed) unread(it *item, target string) {
	switch {
	case it.read:
	case it.origin == Added: // it leads to another kernel's module, as weak-modules has it
		it.anomaly = &Anomaly{Kind: LinkOutside, Subject: it.source.String(), Names: []string{"/" + target}}
	default:
		it.err = it.source.In(where.New(where.Inconclusive, "a link to /%s, which is not among the inputs", target).
			WithHint("a kernel would load what it leads to: give that file too, or leave the link out"))
	}
}

// folderOutside is a link to a folder that is not in the input. Where the folder
// exists on this machine its modules are there and were not read.
func (f *followed) folderOutside(l link, target string) *item {
	it := &item{pkg: f.pkg, source: l.source}
	it.place.release = classify(l.path + "/m.ko").release
	info, err := os.Stat(filepath.Join(f.pkg.File, filepath.FromSlash(l.source.Path)))
	if f.pkg.Kind == string(pack.Tree) && err == nil {
		if info.IsDir() {
			it.err = l.source.In(where.New(where.Inconclusive, "a link to the folder %s outside of this tree: the modules in it were not read", where.Clean(l.target)).
				WithHint("a kernel would load them: give the tree with that folder in it"))
			return it
		}
		it.dropped = true // a file that is not called like a module
		return it
	}
	it.anomaly = &Anomaly{Kind: FolderOutside, Subject: l.source.String(), Names: []string{"/" + target}}
	return it
}

// resolveAliases gives names that are links the facts of the modules they lead
// to. A module that is one by such a name alone is counted under it, not under
// the path of its file.
func (c *collector) resolveAliases() {
	for _, a := range c.aliases {
		if a.of.err != nil {
			continue // it is named already, by its own path
		}
		c.items = append(c.items, &item{place: a.place, pkg: a.pkg, source: a.source, size: a.of.size, module: a.of.module, linked: !a.hard && a.of.place.release != a.place.release})
		switch {
		case !a.of.certain && !a.hard:
			a.of.dropped = true
		case c.o.OnLink != nil && a.of.certain:
			c.o.OnLink(a.source, a.of.source, a.hard)
		}
	}
	c.items = slices.DeleteFunc(c.items, func(it *item) bool { return it.dropped })
}
