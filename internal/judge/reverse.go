package judge

import (
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// reverse judges the modules of the old release on the new kernel. They stand
// for all that was built on the old base and that no repair of the new modules
// reaches: a stale initrd, external modules that nobody rebuilt because the
// name did not change.
func (w *windowState) reverse() error {
	res := &w.res.Reverse
	if len(w.p.old.Packed) == 0 {
		done, err := w.reverseByRefs()
		if err != nil {
			return err
		}
		if done {
			w.reverseFindings()
			return nil
		}
		res.Why = "the old side has no modules to ask with"
		if len(w.old.Modules) > 0 {
			res.Why = "the old side is a manifest: it does not hold the modules' BTF, and there are no references (record --refs) with its base"
		}
		w.reverseFindings()
		return nil
	}
	res.Judged, res.Why, res.Modules = true, "", len(w.p.old.Packed)
	answers := w.reverseLoads()
	own, err := kernelOf(w.r)
	if err != nil {
		return err
	}
	cmp, err := w.reversed(own)
	if err != nil {
		return err
	}
	if res.Each, err = w.reverseEach(own, cmp, answers); err != nil {
		return err
	}
	verdicts, meanings := model.Counter{}, model.Counter{}
	for i := range res.Each {
		verdicts.Add(string(res.Each[i].Verdict))
		meanings.Add(string(res.Each[i].Meaning))
	}
	res.Verdicts, res.Meanings, res.Loads = verdicts.Sorted(), meanings.Sorted(), countLoads(answers)
	w.reverseFindings()
	return nil
}

// notReversed is the reverse encounter that was not judged.
func notReversed(why string) model.ReverseResult {
	return model.ReverseResult{Why: why, Verdicts: []model.Count{}, Meanings: []model.Count{}, Loads: countLoads(nil), Each: []model.ReverseModule{}}
}

// reverseLoads asks whether the new kernel loads them at all; modules of its
// own release may be loaded already.
func (w *windowState) reverseLoads() []loadcheck.Result {
	facts := make([]*kmod.Facts, len(w.p.old.Packed))
	names := make([]string, len(facts))
	for i, p := range w.p.old.Packed {
		facts[i], names[i] = p.Facts, w.old.Modules[i].Name
	}
	scene := loadcheck.Scene{Kernel: loaderOf(w.r, w.new, nil, w.own, w.verifier), Beside: loadcheck.Of(facts, names)}
	scene.Kernel.SameRelease = true
	if w.r.Symvers != nil {
		scene.Earlier = loadcheck.InTable(w.r.Symvers, manifestNames(w.new))
	}
	return scene.All(facts, names, w.jobs)
}

func (w *windowState) reverseEach(own *kernel, cmp *comparison, answers []loadcheck.Result) ([]model.ReverseModule, error) {
	out := make([]model.ReverseModule, len(answers))
	reads := readsModuleBTF(w.new)
	jobs := max(w.jobs, 1)
	var g errgroup.Group
	for j := range jobs {
		g.Go(func() error {
			for i := j; i < len(out); i += jobs {
				var err error
				if out[i], err = w.reverseOne(own, cmp, w.p.old.Packed[i], &answers[i], reads); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return out, g.Wait()
}

func (w *windowState) reverseOne(own *kernel, cmp *comparison, p *release.Packed, load *loadcheck.Result, reads tri.State) (model.ReverseModule, error) {
	x := model.ReverseModule{Path: p.Path, Verdict: model.VerdictUnknown, Meaning: model.MeaningUnknown, Load: loadOf(load)}
	if load.Blocked(false) {
		x.Verdict, x.Meaning = model.Blocked, model.MeaningNone
		return x, nil
	}
	if reads == tri.No {
		x.Verdict, x.Meaning = model.Inert, model.MeaningNone
		return x, nil
	}
	if own == nil {
		return x, nil
	}
	f, err := p.Open()
	if err != nil {
		return x, err
	}
	a := own.ask(f)
	x.Verdict, x.Words = a.verdict, a.words
	switch {
	case len(f.BTF) == 0 || a.verdict == model.Dropped || a.verdict == model.Rejected:
		x.Meaning = model.MeaningNone
	case w.res.BaseEqual == model.Equal:
		x.Meaning = model.Same
	case cmp != nil:
		if r := cmp.module(f); r.known {
			x.Meaning = r.word()
		}
	}
	return x, nil
}

// reversed compares the bases the other way round; nil when they are equal.
func (w *windowState) reversed(own *kernel) (*comparison, error) {
	if w.res.BaseEqual != model.Differs || own == nil {
		return nil, nil
	}
	old, err := kernelOf(w.p.old)
	if err != nil {
		return nil, err
	}
	if err := w.classify(); err != nil || w.bases == nil {
		return nil, err
	}
	return &comparison{w.bases.reversed(), own, old}, nil
}

// reverseFindings: nothing here is repaired by rewriting the new modules;
// the policy says whether it asks for a new name.
func (w *windowState) reverseFindings() {
	res := &w.res.Reverse
	f := model.Finding{Encounter: model.Reverse, Severity: model.Warning, Hint: "rebuild external modules (DKMS, kmod) and initrds when the new kernel is installed"}
	if w.policy.Reverse == policy.Bump {
		f.Severity, f.Action = model.Error, model.Bump
	}
	if w.res.BaseEqual == model.Differs {
		f := f
		f.Rule = "reverse.base"
		f.Message = "external modules and initrds built on the old base do not match the new kernel; repairing the new modules cannot reach them"
		switch {
		case res.Judged && res.Why != "":
			f.Message += fmt.Sprintf(". Of the old release's own %s, by their references: %s", model.Plural(res.Modules, "module", "modules"), meaningText(res.Meanings))
		case res.Judged:
			f.Message += fmt.Sprintf(". Of the old release's own %s: %s", model.Plural(res.Modules, "module", "modules"), verdictText(res.Verdicts))
		}
		w.add(f)
	}
	blocked := loadGroup{rule: "reverse.blocked", what: "of the old release, and what was built like them, that the new kernel refuses to load"}
	for i := range res.Each {
		if x := &res.Each[i]; x.Verdict == model.Blocked {
			blocked.add(x.Path, x.Load.Says[0])
		}
	}
	w.addGroup(&blocked, f)
}

// meaningText says in words what modules mean on another base.
func meaningText(list []model.Count) string {
	words := map[string]string{
		string(model.Same): "mean the same", string(model.Different): "mean something else", string(model.MeaningNone): "have no BTF that is read",
		string(model.MeaningUnknown): "are not known",
	}
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = fmt.Sprintf("%d %s", c.Count, words[c.Word])
	}
	return strings.Join(parts, ", ")
}

// verdictText says in words what a kernel does with modules.
func verdictText(list []model.Count) string {
	words := map[string]string{
		string(model.Attached): "load with their BTF", string(model.Dropped): "load without it", string(model.Rejected): "are refused for it",
		string(model.InitFails): "fail in init", string(model.Inert): "load without BTF", string(model.Blocked): "do not load at all",
		string(model.VerdictUnknown): "are not known",
	}
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = fmt.Sprintf("%d %s", c.Count, words[c.Word])
	}
	return strings.Join(parts, ", ")
}
