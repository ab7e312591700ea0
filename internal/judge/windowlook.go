package judge

import (
	"golang.org/x/sync/errgroup"

	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
)

// looked is what was found out about one new module on the old kernel.
type looked struct {
	asked  bool // answer is the old kernel's
	answer answer
	read   read
	trial  trial
}

// look asks the old kernel about every new module and reads its BTF on the old
// base; where both kernels honour .BTF.base, it tries what distilling gives.
// Any of it may be impossible: then it is not known.
func (w *windowState) look() ([]looked, error) {
	out := make([]looked, len(w.new.Modules))
	if w.res.BaseEqual != model.Differs || readsModuleBTF(w.old) == tri.No {
		return out, nil
	}
	refs, err := w.r.WholeRefs()
	if err != nil || refs == nil && len(w.r.Modules) == 0 {
		return out, err
	}
	old, err := kernelOf(w.p.old)
	if err != nil {
		return nil, err
	}
	own, err := kernelOf(w.r)
	if err != nil {
		return nil, err
	}
	if err := w.classify(); err != nil {
		return nil, err
	}
	if w.bases != nil {
		w.cmp = &comparison{w.bases, old, own}
	}
	if refs != nil {
		w.lookByRefs(out, refs)
		return out, nil
	}
	repair, _ := w.repair()
	try := repair == model.Distill && old != nil && own != nil && w.cmp != nil
	jobs := max(w.jobs, 1)
	var g errgroup.Group
	for j := range jobs {
		g.Go(func() error {
			var d distill.Distiller
			for i := j; i < len(out); i += jobs {
				if w.new.Modules[i].BTF.Kind != manifest.BTFNone {
					out[i] = w.lookAt(&d, i, old, try)
				}
			}
			return nil
		})
	}
	return out, g.Wait()
}

// classify classes the bases of both sides, once.
func (w *windowState) classify() (err error) {
	if w.bases == nil {
		w.bases, err = classify(w.p.old, w.r)
	}
	return err
}

func (w *windowState) lookAt(d *distill.Distiller, i int, old *kernel, try bool) looked {
	f := w.r.Modules[i].Facts
	var l looked
	if old != nil {
		l.asked, l.answer = true, old.ask(f)
	}
	if w.cmp != nil {
		l.read = w.cmp.module(f)
	}
	if try && (l.answer.verdict != model.Attached || !gate(&l.read.res) || !l.read.known) {
		l.trial = w.cmp.distil(d, f)
	}
	return l
}
