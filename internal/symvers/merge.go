package symvers

import (
	"path"
	"strings"

	"kpkg-btf/internal/model"
)

// ModuleExports are the symbols one module exports.
type ModuleExports struct {
	// Path is where the module is: "kernel/drivers/net/mii.ko.xz", with or
	// without "usr/lib/modules/<release>/" before it. OwnerOf it becomes the
	// owner of the symbols.
	Path    string
	Symbols []Symbol
}

// Merge makes the table that a Module.symvers would hold out of the export
// tables of the image and its modules, for sets of packages without headers.
func Merge(image []Symbol, modules []ModuleExports) *Table {
	n := len(image)
	for i := range modules {
		n += len(modules[i].Symbols)
	}
	all := make([]Symbol, 0, n)
	for _, s := range image {
		s.Owner = Vmlinux
		all = append(all, s)
	}
	for i := range modules {
		owner := OwnerOf(modules[i].Path)
		for _, s := range modules[i].Symbols {
			s.Owner = owner
			all = append(all, s)
		}
	}
	return newTable(all)
}

// OwnerOf returns the owner word that modpost writes for a module: the path in
// the build tree without suffix. In-tree modules are installed with "kernel/"
// before that path (scripts/Makefile.modinst); of external ones ("extra/",
// "updates/") the build path is lost and the installed one stands for it.
func OwnerOf(module string) string {
	p := strings.TrimPrefix(path.Clean("/"+module), "/")
	rest, ok := strings.CutPrefix(p, "usr/lib/modules/")
	if !ok {
		rest, ok = strings.CutPrefix(p, "lib/modules/")
	}
	if ok {
		if _, below, found := strings.Cut(rest, "/"); found {
			p = below
		}
	}
	p = strings.TrimPrefix(p, "kernel/")
	stem, _ := model.ModuleStem(p)
	return stem
}

// Told is the table with what another one tells of the same exports: a
// Module.symvers does not say what is code.
func (t *Table) Told(by *Table) *Table {
	out := *t
	out.syms = append([]Symbol(nil), t.syms...)
	for i := range out.syms {
		s := &out.syms[i]
		if o, ok := by.Lookup(s.Name); ok && s.What == Unknown && o.Owner == s.Owner {
			s.What = o.What
		}
	}
	return &out
}
