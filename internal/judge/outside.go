package judge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
	"kpkg-btf/internal/where"
)

// host is one kernel that may load modules built elsewhere.
type host struct {
	r      *release.Release
	m      *manifest.Manifest
	kernel *kernel // nil without an image or base
	base   *base
	index  *evidence.Base
	reads  tri.State // module BTF
	loader *loadcheck.Kernel
}

// outsider is one module built elsewhere, in a row of the matrix.
type outsider struct {
	m       *release.Module
	name    string
	builtOn int            // host on whose base its BTF was encoded, -1 when none of them
	by      model.Evidence // how that is known
	action  model.Action   // the one rewriting that serves all kernels that need one
	cells   []cell         // one a host
}

// Outside judges modules that were built elsewhere (kmod and KMP packages,
// DKMS, weak-updates, a vendor's) on each kernel that may load them. Modules
// of all releases of news take part, those below updates, extra and
// weak-updates too. Nobody tells who ships them to change a kernel's name: what
// no rewriting repairs asks for a rebuild against that kernel.
func Outside(ctx context.Context, news *release.Loaded, kernels []*release.Loaded, o Options) (*model.Report, error) {
	use := o.Policy.On(o.Day)
	o.verifier = new(modsig.Verifier)
	rep := newReport(news, kernels, use, o)
	x := &outside{jobs: max(o.Jobs, 1)}
	var err error
	if x.hosts, err = hostsOf(kernels, o); err != nil {
		return nil, err
	}
	for _, h := range x.hosts {
		rep.Kernels = append(rep.Kernels, refOf(h.r, h.m))
	}
	sets, err := x.gather(news)
	if err != nil {
		return nil, err
	}
	if err := x.judge(ctx); err != nil {
		return nil, err
	}
	for i, r := range news.Releases {
		v, err := x.verdict(r, sets[i], rep.Kernels, o, use)
		if err != nil {
			return nil, err
		}
		join(rep, v)
	}
	finish(rep, use)
	return rep, nil
}

// gather lists the modules of all releases, each release's by path.
func (x *outside) gather(news *release.Loaded) ([][]*outsider, error) {
	var sets [][]*outsider
	for _, r := range news.Releases {
		if r.Doc != nil {
			return nil, where.In(r.Packages[0].File, where.New(where.Inconclusive, "a manifest does not hold the modules that are to be judged").
				WithHint("give the package of the modules; a kernel may be a manifest (--on)"))
		}
		var set []*outsider
		for _, m := range slices.Concat(r.Modules, r.Added) {
			set = append(set, &outsider{m: m, name: m.Name()})
		}
		slices.SortFunc(set, func(a, b *outsider) int { return strings.Compare(a.m.Path, b.m.Path) })
		x.list = append(x.list, set...)
		sets = append(sets, set)
	}
	return sets, nil
}

func hostsOf(kernels []*release.Loaded, o Options) ([]*host, error) {
	var hosts []*host
	for _, set := range kernels {
		for _, r := range set.Releases {
			h, err := hostOf(r, o)
			if err != nil {
				return nil, err
			}
			hosts = append(hosts, h)
		}
	}
	return hosts, nil
}

// outside is the matrix in the making.
type outside struct {
	list  []*outsider
	hosts []*host
	jobs  int

	mu    sync.Mutex
	pairs map[[2]int]*comparison // of the base built on and of a kernel's
}

// judge judges every module on every kernel, then what one rewriting of it
// would do for all of them.
func (x *outside) judge(ctx context.Context) error {
	facts := make([]*kmod.Facts, len(x.list))
	names := make([]string, len(x.list))
	for i, s := range x.list {
		facts[i], names[i] = s.m.Facts, s.name
		s.builtOn, s.by = x.builtOn(s.m.Facts)
	}
	loads := make([][]loadcheck.Result, len(x.hosts))
	for k, h := range x.hosts {
		theirs := loadcheck.InTable(h.r.Symvers, manifestNames(h.m))
		scene := loadcheck.Scene{Kernel: h.loader, Beside: loadcheck.Of(facts, names).With(theirs), Earlier: theirs}
		loads[k] = scene.All(facts, names, x.jobs)
	}
	var g errgroup.Group
	for j := range x.jobs {
		g.Go(func() error {
			var d distill.Distiller
			for i := j; i < len(x.list); i += x.jobs {
				if err := ctx.Err(); err != nil {
					return err
				}
				s := x.list[i]
				for k := range x.hosts {
					s.cells = append(s.cells, x.cell(s, k, &loads[k][i]))
				}
				x.repair(s, &d)
			}
			return nil
		})
	}
	return g.Wait()
}

func (h *host) String() string { return fmt.Sprintf("%s %s", h.r.Name, h.r.Arch) }
