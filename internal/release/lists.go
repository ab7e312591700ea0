package release

import (
	"bytes"
	"slices"
	"strings"

	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// A kernel's folder lists its modules: modules.order as the build made them,
// modules.dep as depmod found them. Neither decides what a kernel loads; what they
// do not agree with is worth a word.

// listed reads the paths of one list, below lib/modules/RELEASE/ and as Module
// has them, sorted. In modules.dep a path ends with a colon and may be absolute
// (depmod(8)).
func listed(text []byte, dep bool) ([]string, error) {
	var out []string
	off, n := 0, 0
	for raw := range bytes.Lines(text) {
		n++
		at := int64(off)
		off += len(raw)
		line := string(bytes.TrimRight(raw, "\r\n"))
		if dep {
			line, _, _ = strings.Cut(line, ":")
			if _, below, ok := strings.Cut(line, "/lib/modules/"); ok {
				_, line, _ = strings.Cut(below, "/")
			}
		}
		if line == "" {
			continue
		}
		stem, ok := model.ModuleStem(line)
		if !ok {
			return nil, where.New(where.Malformed, "line %d: %s is not the path of a module", n, where.Clean(line)).At(at)
		}
		out = append(out, stem+".ko")
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// compareLists compares what was given with what the release's lists name: below
// kernel/, where they list all there is, and for modules.dep everywhere.
func (r *Release) compareLists(order, dep [][]string, builtin []string) {
	if len(r.Modules) == 0 {
		return
	}
	given := make(map[string]bool, len(r.Modules))
	for _, m := range slices.Concat(r.Modules, r.Added) {
		given[m.Path] = true
	}
	inKernel := func(p string) bool { return strings.HasPrefix(p, "kernel/") }
	inOrder, inDep := union(order), union(dep)
	var missing, unlisted, both []string
	for p := range merged(inOrder, inDep) {
		if inKernel(p) && !given[p] {
			missing = append(missing, p)
		}
	}
	for _, m := range r.Modules {
		if inOrder != nil && inKernel(m.Path) && !inOrder[m.Path] || inDep != nil && !inDep[m.Path] {
			unlisted = append(unlisted, m.Path)
		}
	}
	for _, p := range builtin {
		if given[p] {
			both = append(both, p)
		}
	}
	for _, x := range []struct {
		kind  AnomalyKind
		names []string
	}{{ListedNotGiven, missing}, {GivenNotListed, unlisted}, {BuiltInToo, both}} {
		if len(x.names) > 0 {
			slices.Sort(x.names)
			r.note(Anomaly{Kind: x.kind, Count: len(x.names), Names: x.names})
		}
	}
}

// union is the set of what any list names, nil without a list.
func union(lists [][]string) map[string]bool {
	var out map[string]bool
	for _, l := range lists {
		if out == nil {
			out = make(map[string]bool, len(l))
		}
		for _, p := range l {
			out[p] = true
		}
	}
	return out
}

func merged(a, b map[string]bool) map[string]bool {
	out := make(map[string]bool, len(a)+len(b))
	for p := range a {
		out[p] = true
	}
	for p := range b {
		out[p] = true
	}
	return out
}

// builtIn are the release's built-in modules, nil where none are known.
func (r *Release) builtIn() []string {
	if r.Builtin == nil {
		return nil
	}
	list, err := manifest.BuiltInPaths(r.Builtin.Data)
	if err != nil {
		return nil // settleBuiltin has named it
	}
	return list
}

// ownPackages are the packages and trees that hold the kernel itself or modules
// of it, and those of one source and version with them: what they ship below
// updates/ or extra/ is part of the release.
func ownPackages(items []*item) map[*Package]bool {
	own := map[*Package]bool{}
	type origin struct{ source, version string }
	sources := map[origin]bool{}
	for _, it := range items {
		if it.err != nil || it.origin != Shipped || it.image == nil && it.module == nil || it.image != nil && it.image.BTFOnly {
			continue
		}
		own[it.pkg] = true
		if it.pkg.Version != "" {
			sources[origin{it.pkg.Source, it.pkg.Version}] = true
		}
	}
	for _, it := range items {
		if sources[origin{it.pkg.Source, it.pkg.Version}] {
			own[it.pkg] = true
		}
	}
	return own
}
