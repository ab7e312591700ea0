package encounter

import (
	"context"

	"golang.org/x/sync/errgroup"

	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod/loadcheck"
)

// All asks a kernel about many modules, in parallel; the cells are in their
// order. loads are as Loads returns them, nil where the loader was not asked.
func All(ctx context.Context, k *kernel.Kernel, list []Module, loads []*loadcheck.Result, bases *Bases, jobs int) ([]Cell, error) {
	out := make([]Cell, len(list))
	err := Each(ctx, len(list), jobs, func(i int, d *distill.Distiller) error {
		p := Peers{Bases: bases, Distiller: d}
		if loads != nil {
			p.Load = loads[i]
		}
		out[i] = Meet(k, &list[i], &p)
		return nil
	})
	return out, err
}

// Each calls do for 0 to n-1 on some goroutines, each with a distiller of its
// own. It ends early when ctx does.
func Each(ctx context.Context, n, jobs int, do func(i int, d *distill.Distiller) error) error {
	var g errgroup.Group
	jobs = max(jobs, 1)
	for j := range jobs {
		g.Go(func() error {
			var d distill.Distiller
			for i := j; i < n; i += jobs {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := do(i, &d); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}
