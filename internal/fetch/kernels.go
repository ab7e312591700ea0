package fetch

import (
	"cmp"
	"path"
	"slices"
	"strings"

	debversion "github.com/knqyf263/go-deb-version"
	rpmversion "github.com/knqyf263/go-rpm-version"

	"kpkg-btf/internal/abiname"
)

// Kernel is one published build: a release in one version, for one
// architecture, and the packages of it.
type Kernel struct {
	Release string // uname -r
	Arch    string // the packaging's own word
	Version string
	Rpm     bool
	// Headers is what modules are built with; nil when the source has none.
	Headers *Package
	// Image are the packages that together hold image, modules and config.
	Image []Package
}

// Query says which kernels are wanted.
type Query struct {
	// Patterns are shell patterns (path.Match) for names of packages, Sources
	// names of source packages: one that matches is enough, none is all.
	Patterns, Sources []string
	// Name, if not "", asks for all releases that share its ABI name: those
	// published since the last bump. Without it, those that share the newest
	// one's of each flavour.
	Name string
}

// role is what a package is to a kernel.
type role uint8

const (
	noRole role = iota
	headersRole
	imageRole
	unsignedRole // an image that the signed one repeats
)

// debNames are the prefixes before uname -r: Debian, Ubuntu, Proxmox. The
// longer one of two comes first.
var debNames = []struct {
	prefix string
	role   role
}{
	{"linux-image-unsigned-", unsignedRole}, {"linux-image-", imageRole}, {"linux-binary-", imageRole}, {"linux-base-", imageRole},
	{"linux-modules-extra-", imageRole}, {"linux-modules-", imageRole}, {"linux-headers-", headersRole},
	{"proxmox-kernel-", imageRole}, {"proxmox-headers-", headersRole}, {"pve-kernel-", imageRole}, {"pve-headers-", headersRole},
}

// rpmNames are the ends of names behind the flavour: Fedora, RHEL, SUSE.
var rpmNames = []struct {
	suffix string
	role   role
}{
	{"-devel", headersRole}, {"-modules-core", imageRole}, {"-modules-extra", imageRole}, {"-modules", imageRole}, {"-core", imageRole}, {"", imageRole},
}

// notKernels are ends of names that only look like a release: debug
// information, sources and headers common to several, templates for signing.
var notKernels = []string{"-dbg", "-dbgsym", "-common", "-common-rt", "-signed-template", "-source", "-vdso", "-debuginfo", "-doc", "-macros", "-srpm-macros", "-matched", "-internal", "-headers", "-tools", "-partner"}

// kernelOf tells which release a package belongs to, and as what.
func kernelOf(p *Package) (release string, r role) {
	if p.Rpm {
		return rpmKernel(p)
	}
	for _, n := range debNames {
		rel, ok := strings.CutPrefix(p.Name, n.prefix)
		if !ok {
			continue
		}
		r = n.role
		for _, mark := range []string{"-signed", "-unsigned"} {
			if cut, ok := strings.CutSuffix(rel, mark); ok {
				rel = cut
				if mark == "-unsigned" {
					r = unsignedRole
				}
			}
		}
		if rel == "" || rel[0] < '0' || rel[0] > '9' || !strings.Contains(rel, "-") || p.Arch == "all" || notKernel(rel) {
			return "", noRole
		}
		return rel, r
	}
	return "", noRole
}

func notKernel(name string) bool {
	return slices.ContainsFunc(notKernels, func(end string) bool { return strings.HasSuffix(name, end) })
}

func rpmKernel(p *Package) (string, role) {
	if !strings.HasPrefix(p.Name, "kernel") || p.Arch == "noarch" || p.Arch == "src" || notKernel(p.Name) {
		return "", noRole
	}
	for _, n := range rpmNames {
		flavour, ok := strings.CutSuffix(p.Name, n.suffix)
		if !ok {
			continue
		}
		rel := p.Release
		if rel == "" {
			_, version, ok := strings.Cut(p.Version, ":")
			if !ok {
				version = p.Version
			}
			rel = version + "." + p.Arch
			if f := strings.TrimPrefix(flavour, "kernel-"); f != flavour {
				rel = version + "-" + f // SUSE's form
			}
		}
		return rel, n.role
	}
	return "", noRole
}

// May reports whether a package may be part of an answer: what a source keeps.
func (q *Query) May(p *Package) bool {
	_, r := kernelOf(p)
	return r != noRole
}

// Valid checks the patterns.
func (q *Query) Valid() error {
	for _, p := range q.Patterns {
		if _, err := path.Match(p, ""); err != nil {
			return err
		}
	}
	return nil
}

// matches: the whole kernel is taken when one of its packages is named.
func (q *Query) matches(p *Package) bool {
	if len(q.Patterns) == 0 && len(q.Sources) == 0 {
		return true
	}
	return slices.Contains(q.Sources, p.Source) ||
		slices.ContainsFunc(q.Patterns, func(pattern string) bool { ok, _ := path.Match(pattern, p.Name); return ok })
}

// Select puts packages together to kernels and gives those that the query
// wants, in order of release, architecture and version, the newest version of
// a release first.
func (q *Query) Select(list []Package) []*Kernel {
	all := q.group(list)
	newest := map[string]*Kernel{} // by architecture and flavour
	for _, k := range all {
		key := k.Arch + " " + abiname.Flavour(k.Release)
		if n := newest[key]; n == nil || k.Compare(n) > 0 {
			newest[key] = k
		}
	}
	var wanted []*Kernel
	for _, k := range all {
		as := q.Name
		if as == "" {
			as = newest[k.Arch+" "+abiname.Flavour(k.Release)].Release
		}
		if abiname.Stem(k.Release) == abiname.Stem(as) {
			wanted = append(wanted, k)
		}
	}
	slices.SortFunc(wanted, func(a, b *Kernel) int {
		return cmp.Or(strings.Compare(a.Release, b.Release), strings.Compare(a.Arch, b.Arch), b.Compare(a))
	})
	return wanted
}

// All puts the packages of several sources together to kernels and returns every
// one of which the query names a package, whatever its ABI name: by architecture,
// flavour and age, the oldest first. What two sources have alike is one kernel;
// two builds under one name and version stay two, each with the packages of its
// source alone.
func (q *Query) All(sources [][]Package) []*Kernel {
	apart := conflicts(sources)
	shared, own := []Package{}, make([][]Package, len(sources))
	for i, list := range sources {
		for _, p := range list {
			if rel, _ := kernelOf(&p); apart[build{rel, p.Arch, p.Version, p.Rpm}] {
				own[i] = append(own[i], p)
			} else {
				shared = append(shared, p)
			}
		}
	}
	all := q.group(shared)
	for _, list := range own {
		all = append(all, q.group(list)...)
	}
	slices.SortStableFunc(all, func(a, b *Kernel) int {
		return cmp.Or(strings.Compare(a.Arch, b.Arch), strings.Compare(abiname.Flavour(a.Release), abiname.Flavour(b.Release)), a.Compare(b), strings.Compare(a.Release, b.Release))
	})
	return all
}

// build is what the packages of one kernel share.
type build struct {
	release, arch, version string
	rpm                    bool
}

// conflicts are the builds of which a package is published with different
// contents under one name.
func conflicts(sources [][]Package) map[build]bool {
	type name struct {
		build
		name string
	}
	seen, apart := map[name]Digest{}, map[build]bool{}
	for _, list := range sources {
		for _, p := range list {
			rel, r := kernelOf(&p)
			if r == noRole {
				continue
			}
			id := name{build{rel, p.Arch, p.Version, p.Rpm}, p.Name}
			if d, ok := seen[id]; ok && d != p.Digest {
				apart[id.build] = true
			}
			seen[id] = p.Digest
		}
	}
	return apart
}

// group returns the kernels of which a package is named by the query.
func (q *Query) group(list []Package) []*Kernel {
	groups, named := map[build]*Kernel{}, map[build]bool{}
	var order []build
	unsigned := map[build][]Package{}
	for _, p := range list {
		rel, r := kernelOf(&p)
		if r == noRole {
			continue
		}
		id := build{rel, p.Arch, p.Version, p.Rpm}
		k := groups[id]
		if k == nil {
			k = &Kernel{Release: rel, Arch: p.Arch, Version: p.Version, Rpm: p.Rpm}
			groups[id] = k
			order = append(order, id)
		}
		named[id] = named[id] || q.matches(&p)
		switch r {
		case headersRole:
			if k.Headers == nil {
				k.Headers = &p
			}
		case unsignedRole:
			unsigned[id] = appendNew(unsigned[id], p)
		default:
			k.Image = appendNew(k.Image, p)
		}
	}
	var out []*Kernel
	for _, id := range order {
		k := groups[id]
		if len(unsigned[id]) > 0 && !slices.ContainsFunc(k.Image, isSigned) {
			k.Image = append(k.Image, unsigned[id]...)
		}
		if named[id] {
			out = append(out, k)
		}
	}
	return out
}

// isSigned: a package that holds an image, not only modules beside one.
func isSigned(p Package) bool {
	return strings.HasPrefix(p.Name, "linux-image-") || strings.HasPrefix(p.Name, "proxmox-kernel-") || strings.HasPrefix(p.Name, "pve-kernel-")
}

// appendNew: two sources may have the same package.
func appendNew(list []Package, p Package) []Package {
	if slices.ContainsFunc(list, func(o Package) bool { return o.Name == p.Name }) {
		return list
	}
	return append(list, p)
}

// Compare orders two kernels by the versions of their packages, then by name.
func (k *Kernel) Compare(o *Kernel) int {
	return cmp.Or(k.compareVersions(o), rpmversion.NewVersion(k.Release).Compare(rpmversion.NewVersion(o.Release)))
}

func (k *Kernel) compareVersions(o *Kernel) int {
	if !k.Rpm && !o.Rpm {
		a, errA := debversion.NewVersion(k.Version)
		b, errB := debversion.NewVersion(o.Version)
		if errA == nil && errB == nil {
			return a.Compare(b)
		}
	}
	return rpmversion.NewVersion(k.Version).Compare(rpmversion.NewVersion(o.Version))
}
