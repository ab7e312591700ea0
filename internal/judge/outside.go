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
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// host is one kernel that may load modules built elsewhere.
type host struct {
	r      *release.Release
	m      *manifest.Manifest
	kernel *kernel // nil without an image or base
	base   *base
	index  *evidence.Base
	reads  kimage.Tri // module BTF
	loader *loadcheck.Kernel
}

// outsider is one module built elsewhere.
type outsider struct {
	m       *release.Module
	release string
	name    string
}

// Outside judges modules that were built elsewhere (kmod and KMP packages,
// DKMS, weak-updates, a vendor's) on each kernel that may load them. Modules
// of all releases of news take part, those below updates, extra and
// weak-updates too. Nobody tells who ships them to change a kernel's name: what
// no rewriting repairs asks for a rebuild against that kernel.
func Outside(ctx context.Context, news *release.Loaded, kernels []*release.Loaded, o Options) (*model.OutsideReport, error) {
	rep := &model.OutsideReport{Schema: model.OutsideSchema, New: []model.ReleaseRef{}, Kernels: []model.ReleaseRef{},
		Ignored: ignored(news, kernels), Modules: []model.OutsideModule{}, Rebuild: []int{}}
	list, err := outsiders(news, rep)
	if err != nil {
		return nil, err
	}
	hosts, err := hostsOf(kernels, rep, o)
	if err != nil {
		return nil, err
	}
	x := &outside{list: list, hosts: hosts, jobs: max(o.Jobs, 1), out: make([]model.OutsideModule, len(list))}
	x.origins()
	if err := x.cells(ctx); err != nil {
		return nil, err
	}
	rep.Modules = append(rep.Modules, x.out...)
	conclude(rep)
	return rep, nil
}

// outsiders lists the modules, by release and path.
func outsiders(news *release.Loaded, rep *model.OutsideReport) ([]outsider, error) {
	var list []outsider
	for _, r := range news.Releases {
		if r.Doc != nil {
			return nil, where.In(r.Packages[0].File, where.New(where.Inconclusive, "a manifest does not hold the modules that are to be judged").
				WithHint("give the package of the modules; a kernel may be a manifest (--on)"))
		}
		for _, err := range r.Unread {
			return nil, err
		}
		m, err := r.Record("")
		if err != nil {
			return nil, err
		}
		ref := refOf(r, m)
		ref.Modules = len(r.Modules) + len(r.Added)
		ref.BTFBytes = 0
		for _, m := range slices.Concat(r.Modules, r.Added) {
			ref.BTFBytes += int64(len(m.Facts.BTF))
			list = append(list, outsider{m: m, release: r.Name, name: moduleName(m)})
		}
		rep.New = append(rep.New, ref)
	}
	if len(list) == 0 {
		return nil, where.New(where.Inconclusive, "no modules among the inputs: 0 of 0 proves nothing")
	}
	slices.SortStableFunc(list, func(a, b outsider) int {
		return strings.Compare(a.release+"\x00"+a.m.Path, b.release+"\x00"+b.m.Path)
	})
	return list, nil
}

func hostsOf(kernels []*release.Loaded, rep *model.OutsideReport, o Options) ([]*host, error) {
	var hosts []*host
	for _, set := range kernels {
		for _, r := range set.Releases {
			h, err := hostOf(r, o)
			if err != nil {
				return nil, err
			}
			hosts = append(hosts, h)
			rep.Kernels = append(rep.Kernels, refOf(r, h.m))
		}
	}
	return hosts, nil
}

// outside is the matrix in the making.
type outside struct {
	list  []outsider
	hosts []*host
	jobs  int
	out   []model.OutsideModule

	mu    sync.Mutex
	pairs map[[2]int]*comparison // of the base built on and of a kernel's
}

// origins fills in what modules are, and on which of the kernels' bases they
// were encoded.
func (x *outside) origins() {
	for i := range x.list {
		s, f := &x.list[i], x.list[i].m.Facts
		d := &x.out[i]
		*d = model.OutsideModule{Path: s.m.Path, Name: s.name, Release: s.release, Source: s.m.Source.String(), Vermagic: f.Modinfo.Vermagic,
			BTF: digest(f.BTF), BTFBase: digest(f.BTFBase), BuiltOn: -1, BuildBase: model.ByAssumed, On: []model.OutsideCell{}}
		if f.Sig != nil {
			d.KeyID = f.Sig.KeyID
		}
		if f.IDs != nil {
			d.BTFIDs = digest(f.IDs.Data)
		}
		d.BuiltOn, d.BuildBase = x.builtOn(s)
	}
}

// cells judges every module on every kernel, then what one rewriting of it
// would do for all of them.
func (x *outside) cells(ctx context.Context) error {
	facts := make([]*kmod.Facts, len(x.list))
	names := make([]string, len(x.list))
	for i := range x.list {
		facts[i], names[i] = x.list[i].m.Facts, x.list[i].name
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
				for k := range x.hosts {
					x.out[i].On = append(x.out[i].On, x.cell(i, k, &loads[k][i]))
				}
				x.repair(i, &d)
			}
			return nil
		})
	}
	return g.Wait()
}

// conclude joins the modules' needs.
func conclude(rep *model.OutsideReport) {
	action := model.Keep
	for i := range rep.Modules {
		m := &rep.Modules[i]
		action = max(action, m.Action)
		for _, c := range m.On {
			switch c.Needs {
			case model.NeedsRebuild:
				rep.Rebuild = append(rep.Rebuild, c.Kernel)
			case model.NeedsUnknown:
				rep.Inconclusive = true
			}
		}
	}
	slices.Sort(rep.Rebuild)
	rep.Rebuild = slices.Compact(rep.Rebuild)
	switch {
	case len(rep.Rebuild) > 0:
		var names []string
		for _, k := range rep.Rebuild {
			names = append(names, rep.Kernels[k].Name)
		}
		rep.Decision, rep.ExitCode = "rebuild for "+strings.Join(names, ", "), model.ExitBump
	case rep.Inconclusive:
		rep.Decision, rep.ExitCode = "inconclusive", model.ExitInconclusive
	default:
		o := model.Outcome{Action: action}
		rep.Decision, rep.ExitCode = o.Word(), o.ExitCode()
	}
}

func (h *host) String() string { return fmt.Sprintf("%s %s", h.r.Name, h.r.Arch) }
