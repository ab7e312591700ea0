package judge

import (
	"golang.org/x/sync/errgroup"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/release"
)

// simulated is what would become of one module if it were distilled; "" when
// both kernels take it.
type simulated string

// simulateDistill distils every module in memory and asks both kernels: the
// old one, still booted, and its own after the reboot. Relocation fails where
// a type that the module embeds changed its size, which is a real change of
// the ABI (btf_relocate, KERNEL-BTF.md §3.2).
func (w *windowState) simulateDistill(old *kernel) ([]simulated, error) {
	own, err := kernelOf(w.r)
	if err != nil || own == nil {
		return nil, err
	}
	base, err := baseOf(w.r)
	if err != nil || base == nil {
		return nil, err
	}
	out := make([]simulated, len(w.r.Modules))
	var g errgroup.Group
	jobs := max(w.jobs, 1)
	for j := range jobs {
		g.Go(func() error {
			var d distill.Distiller
			for i := j; i < len(out); i += jobs {
				out[i] = simulate(&d, w.r.Modules[i], base.raw, own, old)
			}
			return nil
		})
	}
	return out, g.Wait()
}

func simulate(d *distill.Distiller, m *release.Module, base *btf.Raw, own, old *kernel) simulated {
	f := m.Facts
	split, under := f.BTF, f.BTFBase
	if len(under) == 0 {
		var why string
		if split, under, why = distilled(d, f, base); why != "" {
			return simulated(why)
		}
	}
	if res := old.base.Module(split, under); !res.OK {
		return simulated("distilled, the old kernel refuses it: " + res.String())
	}
	if res := own.base.Module(split, under); !res.OK {
		return simulated("distilled, its own kernel refuses it: " + res.String())
	}
	return ""
}

func distilled(d *distill.Distiller, f *kmod.Facts, base *btf.Raw) (split, under []byte, why string) {
	if len(f.BTF) == 0 {
		return nil, nil, ""
	}
	raw, err := btf.ParseSplit(f.BTF, base)
	if err != nil {
		return nil, nil, "cannot be distilled: " + err.Error()
	}
	r, err := d.Distill(raw)
	if err != nil {
		return nil, nil, "cannot be distilled: " + err.Error()
	}
	return r.Split, r.Base, ""
}
