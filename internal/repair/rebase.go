package repair

import (
	"slices"
	"sync"

	"kpkg-btf/internal/btf/rebase"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// rebases reports whether modules are to be rebased.
func (o *Options) rebases() bool {
	if o.Decision == nil {
		return o.Action == Rebase
	}
	for i := range o.Decision.Releases {
		if slices.ContainsFunc(o.Decision.Releases[i].Modules, func(d model.ModuleDecision) bool { return d.Action == model.Rebase }) {
			return true
		}
	}
	return false
}

// settleOnto finds the one base that modules are rebased onto: a rebased
// module is of one kernel.
func (j *job) settleOnto(b *bases) error {
	if !j.o.rebases() {
		return nil
	}
	if len(b.on) != 1 {
		return usage("rebase rewrites modules for one kernel, --on names %d with a base", len(b.on)).
			WithHint("give --on once, with the package or manifest of the kernel the modules are for")
	}
	for _, j.onto = range b.on {
	}
	return nil
}

// rebaser is made once for each base that modules were built on.
func (j *job) rebaser(from *buildBase) (*rebase.Rebaser, error) {
	if from == nil {
		return nil, where.New(where.Usage, "the base it was built on is not known").
			WithHint("--base, with the image, headers or manifest of the kernel it was built for")
	}
	made, _ := j.rebasers.LoadOrStore(from.digest(), sync.OnceValues(func() (*rebase.Rebaser, error) { return rebase.New(from.raw, j.onto.raw) }))
	return made.(func() (*rebase.Rebaser, error))()
}
