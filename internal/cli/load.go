package cli

import (
	"context"
	"runtime/debug"

	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
)

// load reads one set of inputs.
func (a *app) load(ctx context.Context, args []string) (*release.Loaded, error) {
	inputs, err := pack.Expand(args)
	if err != nil {
		return nil, err
	}
	p := a.progress("reading")
	defer p.done()
	// What reading one set needed is garbage before the next is read: the peak
	// is promised for the whole run.
	defer debug.FreeOSMemory()
	return release.Load(ctx, inputs, release.Options{Jobs: a.jobs, Progress: p.step})
}
