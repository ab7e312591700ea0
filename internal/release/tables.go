package release

import (
	"fmt"
	"slices"

	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/symvers"
)

// tableSource is one Module.symvers that was read.
type tableSource struct {
	source Source
	pkg    *Package
	table  *symvers.Table
}

// settleSymvers takes the table of exported symbols that all files given hold,
// else what the image and its modules export. A file that contradicts the image
// counts for the modules' symbols alone; of several that differ the one counts
// that agrees with the image, if there is exactly one, and nothing depends on
// their order.
func (r *Release) settleSymvers(given []tableSource) {
	image := r.imageExports()
	groups := tableGroups(given)
	switch {
	case len(groups) == 0:
		if image != nil {
			r.Symvers, r.SymversSource = symvers.Merge(image, r.moduleExports()), ownTables
		}
		return
	case len(groups) == 1:
	default:
		a := Anomaly{Kind: SymversDiffers, Subject: firstDifference(groups[0][0].table, groups[1][0].table)}
		var pkgs []*Package
		for _, g := range groups {
			for _, t := range g {
				a.Claims = append(a.Claims, Claim{t.source, saysOf(t.table, a.Subject)})
				pkgs = append(pkgs, t.pkg)
			}
		}
		agree := slices.DeleteFunc(slices.Clone(groups), func(g []tableSource) bool {
			return image == nil || len(denied(g[0].table, image)) > 0
		})
		a.OneVersion = oneVersion(pkgs)
		if groups = nil; len(agree) == 1 {
			groups, a.Settled = agree, "the image exports what "+agree[0][0].source.String()+" lists"
		}
		r.note(a)
		if groups == nil {
			if image != nil {
				r.Symvers, r.SymversSource = symvers.Merge(image, r.moduleExports()), ownTables
			}
			return
		}
	}
	t := groups[0][0]
	own := symvers.Merge(image, r.moduleExports())
	r.Symvers, r.SymversSource = t.table.Told(own), t.source.String()
	if image == nil {
		return
	}
	if names := denied(t.table, image); len(names) > 0 {
		r.note(Anomaly{Kind: SymversImage, Subject: t.source.String(), Names: names, Count: len(names), Settled: "the image's export tables"})
		r.Symvers = corrected(t.table, image).Told(own)
	}
}

const ownTables = "the export tables of the image and its modules"

// imageExports are those of the image that boots, nil where none shows any.
func (r *Release) imageExports() []symvers.Symbol {
	for _, im := range r.Images {
		if im.Facts.Exports != nil {
			return im.Facts.Exports
		}
	}
	return nil
}

func (r *Release) moduleExports() []symvers.ModuleExports {
	var out []symvers.ModuleExports
	for _, m := range r.Modules {
		if len(m.Facts.Exports) > 0 {
			out = append(out, symvers.ModuleExports{Path: m.Path, Symbols: m.Facts.Exports})
		}
	}
	return out
}

// tableGroups puts equal tables together, in the order of their first sources.
func tableGroups(given []tableSource) [][]tableSource {
	var groups [][]tableSource
	for _, t := range given {
		i := slices.IndexFunc(groups, func(g []tableSource) bool { return slices.Equal(g[0].table.Symbols(), t.table.Symbols()) })
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], t)
	}
	return groups
}

// firstDifference is the first symbol by name of which two tables say different
// things.
func firstDifference(a, b *symvers.Table) string {
	x, y := a.Symbols(), b.Symbols()
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return min(x[i].Name, y[i].Name)
		}
	}
	if len(x) > len(y) {
		return x[len(y)].Name
	}
	return y[len(x)].Name
}

// saysOf is what a table says of a symbol, in words.
func saysOf(t *symvers.Table, name string) string {
	s, ok := t.Lookup(name)
	switch {
	case !ok:
		return "does not list it"
	case s.HasCRC:
		return fmt.Sprintf("0x%08x of %s", s.CRC, s.Owner)
	}
	return "of " + s.Owner
}

// denied are the symbols, in order, of which a table says otherwise than the
// image that exports them: another checksum, or none where it has one.
func denied(t *symvers.Table, image []symvers.Symbol) []string {
	var out []string
	for _, s := range image {
		if got, ok := t.Lookup(s.Name); !ok || s.HasCRC && (!got.HasCRC || got.CRC != s.CRC) {
			out = append(out, s.Name)
		}
	}
	return out
}

// corrected is a table with the image's own symbols in place of those that it
// lists of vmlinux.
func corrected(t *symvers.Table, image []symvers.Symbol) *symvers.Table {
	list := make([]symvers.Symbol, 0, len(image))
	own := map[string]bool{}
	for _, s := range image {
		s.Owner = symvers.Vmlinux
		list = append(list, s)
		own[s.Name] = true
	}
	for _, s := range t.Symbols() {
		if s.Owner != symvers.Vmlinux && !own[s.Name] {
			list = append(list, s)
		}
	}
	return symvers.NewTable(list)
}

// builtinSource is one modules.builtin that was read.
type builtinSource struct {
	text *Text
	pkg  *Package
}

// settleBuiltin takes the list of built-in modules that all files given hold;
// where they differ none counts.
func (r *Release) settleBuiltin(given []builtinSource) {
	var first []string
	var pkgs []*Package
	a := Anomaly{Kind: BuiltinDiffers}
	for i, b := range given {
		list, err := manifest.BuiltInPaths(b.text.Data)
		if err != nil {
			r.Unread = append(r.Unread, b.text.Source.In(err))
			continue
		}
		if r.Builtin == nil {
			r.Builtin, first = b.text, list
		} else if a.Subject == "" && !slices.Equal(first, list) {
			a.Subject = firstOther(first, list)
		}
		a.Claims = append(a.Claims, Claim{given[i].text.Source, fmt.Sprintf("%d modules", len(list))})
		pkgs = append(pkgs, b.pkg)
	}
	if a.Subject == "" {
		return
	}
	a.OneVersion = oneVersion(pkgs)
	r.note(a)
	r.Builtin = nil
}

// firstOther is the first element that only one of two sorted lists has.
func firstOther(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return min(a[i], b[i])
		}
	}
	if len(a) > len(b) {
		return a[len(b)]
	}
	return b[len(a)]
}
