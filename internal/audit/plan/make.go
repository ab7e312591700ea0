package plan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/abiname"
	"kpkg-btf/internal/fetch"
	"kpkg-btf/internal/where"
)

// Wanted says which units a plan is to have.
type Wanted struct {
	Kernels fetch.Query
	// Modules are shell patterns of the names of packages with external modules.
	Modules []string
	// Names is how many earlier names of its series a kernel is judged against as
	// if it had kept them.
	Names int
	// Since are the questions of an earlier plan, which are left out.
	Since map[[32]byte]bool
}

// notModules are packages that only look like external modules: the tools to
// load them, debug information.
var notModules = []string{"kmod-libs", "kmod-devel", "kmod-debuginfo", "kmod-debugsource", "kmod-compat", "kmod-testsuite"}

// Make asks the sources.
func Make(ctx context.Context, sources []fetch.Source, w *Wanted) ([]*Unit, error) {
	var lists [][]fetch.Package
	var external []fetch.Package
	for _, s := range sources {
		found, err := s.Packages(ctx, func(p *fetch.Package) bool { return w.isModules(p) || w.Kernels.May(p) })
		if err != nil {
			return nil, err
		}
		var kernels []fetch.Package
		for _, p := range found {
			if p.Digest == (fetch.Digest{}) {
				if err := hashed(&p); err != nil {
					return nil, err
				}
			}
			if w.isModules(&p) {
				external = append(external, p)
			} else {
				kernels = append(kernels, p)
			}
		}
		lists = append(lists, kernels)
	}
	kernels := w.Kernels.All(lists)
	kernels = slices.DeleteFunc(kernels, func(k *fetch.Kernel) bool { return len(k.Image) == 0 })
	if len(kernels) == 0 {
		names := make([]string, len(sources))
		for i, s := range sources {
			names[i] = s.String()
		}
		return nil, where.New(where.Inconclusive, "no kernel in %s", strings.Join(names, ", ")).
			WithHint("--package and --source say which; --suite, --component and --arch where")
	}
	p := &planner{wanted: w, asked: map[[32]byte]bool{}}
	sides := make([]Side, len(kernels))
	for i, k := range kernels {
		s, err := sideOf(k)
		if err != nil {
			return nil, err
		}
		sides[i] = s
	}
	for i := range kernels {
		p.add(&Unit{Kind: Kernel, New: sides[i]})
		p.windows(kernels[:i+1], sides)
	}
	if err := p.outside(external, kernels, sides); err != nil {
		return nil, err
	}
	return p.units, nil
}

func (w *Wanted) isModules(p *fetch.Package) bool {
	if p.Arch == "all" || p.Arch == "noarch" || p.Arch == "src" || slices.Contains(notModules, p.Name) {
		return false
	}
	return slices.ContainsFunc(w.Modules, func(pattern string) bool { ok, _ := path.Match(pattern, p.Name); return ok })
}

// hashed gives a file of a folder, which nobody vouches for, the digest that it
// has now: a run refuses another one.
func hashed(p *fetch.Package) error {
	f, err := os.Open(p.At)
	if err != nil {
		return where.In(p.At, where.New(where.IO, "%w", err))
	}
	defer f.Close()
	h := sha256.New()
	if p.Size, err = io.Copy(h, f); err != nil {
		return where.In(p.At, where.New(where.IO, "%w", err))
	}
	p.Digest = fetch.Digest{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
	p.At, err = filepath.Abs(p.At)
	return err
}

func sideOf(k *fetch.Kernel) (Side, error) {
	list := slices.Clone(k.Image)
	if k.Headers != nil {
		list = append(list, *k.Headers)
	}
	return sideFrom(k.Release, k.Arch, k.Version, list)
}

func sideFrom(name, arch, version string, list []fetch.Package) (Side, error) {
	s := Side{Name: name, Arch: arch, Version: version, Packages: []Package{}}
	for _, p := range list {
		one := Package{Name: p.Name, Digest: p.Digest.Algorithm + ":" + p.Digest.Hex, Size: p.Size, At: p.At}
		if err := readable(&one, name, version); err != nil {
			return s, err
		}
		s.Packages = append(s.Packages, one)
	}
	slices.SortFunc(s.Packages, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	return s, nil
}

// planner collects units, each question once.
type planner struct {
	wanted *Wanted
	units  []*Unit
	asked  map[[32]byte]bool
}

func (p *planner) add(u *Unit) {
	q := u.Question()
	if p.asked[q] || p.wanted.Since[q] {
		return
	}
	p.asked[q] = true
	p.units = append(p.units, u)
}

// windows pairs the last of some kernels, which are in the order of their age,
// with the earlier ones: all uploads under its own name, whose users may have
// them booted, and the newest upload of each of the last names of its series.
func (p *planner) windows(kernels []*fetch.Kernel, sides []Side) {
	last := len(kernels) - 1
	k := kernels[last]
	var names []string
	for i := last - 1; i >= 0; i-- {
		o := kernels[i]
		if o.Arch != k.Arch || o.Rpm != k.Rpm || abiname.Family(o.Release) != abiname.Family(k.Release) {
			continue
		}
		asIf := o.Release != k.Release
		if asIf {
			if len(names) == p.wanted.Names || slices.Contains(names, o.Release) {
				continue
			}
			names = append(names, o.Release)
		}
		p.add(&Unit{Kind: Window, AsIf: asIf, New: sides[last], Old: &sides[i]})
	}
}

// outside pairs external modules with every kernel of their architecture, those
// of a flavour ("foo-kmp-default") with kernels of that flavour.
func (p *planner) outside(external []fetch.Package, kernels []*fetch.Kernel, sides []Side) error {
	slices.SortStableFunc(external, func(a, b fetch.Package) int {
		return strings.Compare(a.Name+"\x00"+a.Arch+"\x00"+a.Version, b.Name+"\x00"+b.Arch+"\x00"+b.Version)
	})
	for _, e := range external {
		s, err := sideFrom(e.Name, e.Arch, e.Version, []fetch.Package{e})
		if err != nil {
			return err
		}
		_, flavour, kmp := strings.Cut(e.Name, "-kmp-")
		for i, k := range kernels {
			if k.Arch != e.Arch || k.Rpm != e.Rpm || kmp && abiname.Flavour(k.Release) != flavour {
				continue
			}
			p.add(&Unit{Kind: Outside, New: s, On: &sides[i]})
		}
	}
	return nil
}

// Questions reads the questions of a plan.
func Questions(name string) (map[[32]byte]bool, error) {
	r, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := map[[32]byte]bool{}
	for {
		u, err := r.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out[u.Question()] = true
	}
}
