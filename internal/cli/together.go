package cli

import (
	"context"
	"strings"

	"kpkg-btf/internal/pack"
)

// together are the sets that repeated flags name (--against, --on). A release that
// comes in several packages, named one by one, is one set and not several that
// lack an image or modules each: packages of one version and architecture whose
// names end in one release, or in none. Each set is where its first package was.
func together(ctx context.Context, args []string) [][]string {
	if len(args) == 1 {
		return [][]string{args} // nothing to put together: no need to open it
	}
	var sets [][]string
	at := map[string]int{}
	for _, arg := range args {
		key := halfOf(ctx, arg)
		if i, ok := at[key]; ok && key != "" {
			sets[i] = append(sets[i], arg)
			continue
		}
		at[key] = len(sets)
		sets = append(sets, []string{arg})
	}
	return sets
}

// halfOf is what packages of one release have in common; "" for whatever is no
// package. What cannot be read is told by who reads it as a whole.
func halfOf(ctx context.Context, arg string) string {
	if !pack.IsName(arg) {
		return ""
	}
	in := pack.Input{Path: arg, Size: -1}
	p, err := in.Open(ctx, pack.Options{})
	if err != nil {
		return ""
	}
	defer p.Close()
	if p.Name == "" || p.Version == "" {
		return ""
	}
	return strings.Join([]string{p.Version, p.Arch, releaseIn(p.Name)}, " ")
}

// releaseIn is the part of a package's name that names a release:
// "6.1.0-55-amd64" of "linux-image-6.1.0-55-amd64-unsigned"; "" without one, as
// in "kernel-modules-core".
func releaseIn(name string) string {
	for i := range len(name) - 1 {
		if c := name[i+1]; name[i] == '-' && c >= '0' && c <= '9' {
			name = name[i+1:]
			for _, kind := range []string{"-unsigned", "-dbg", "-dbgsym"} {
				name = strings.TrimSuffix(name, kind)
			}
			return name
		}
	}
	return ""
}
