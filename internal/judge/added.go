package judge

import (
	"context"
	"fmt"

	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/model"
)

// added judges the modules that lie below updates/, extra/ and weak-updates/
// on the release's own kernel, where that is at hand. Links into weak-updates/
// lead to modules of other releases: what they need is told to whoever ships
// them and does not decide about this one. What the release itself ships below
// updates/ or extra/ in the kernel's own packages is its own, and modprobe prefers it to what lies below
// kernel/: wrong, it makes the release wrong.
func (s *selfSide) added(ctx context.Context) ([]note, error) {
	if len(s.r.Added) == 0 {
		return nil, nil
	}
	var own []note
	f := model.Finding{Rule: "outside.added", Severity: model.Info, Encounter: model.Outside, Count: len(s.r.Added)}
	for _, a := range s.r.Added {
		f.Subjects = append(f.Subjects, a.Path)
	}
	f.Message = model.Plural(f.Count, "module", "modules") + " below updates/, extra/ or weak-updates/"
	if s.image != nil && s.kernel != nil {
		x := &outside{kernels: []*kernel.Kernel{s.kernel}, jobs: max(s.jobs, 1), trust: s.trust, bases: s.bases}
		list, err := x.judge(ctx, s.r.Added)
		if err != nil {
			return nil, err
		}
		tellAdded(&f, list)
		own = ownAdded(list)
	}
	return append(own, said(f)), nil
}

// ownAdded reports what is wrong of the release's own.
func ownAdded(list []*externalModule) []note {
	var n gathering
	f := model.Finding{Rule: "self.added", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
		Hint: "modprobe prefers these to the modules below kernel/: build them with this kernel, or leave them out"}
	for _, x := range list {
		c := &x.cells[0]
		if !x.m.Own || c.Action == model.Keep && c.Verdict != model.Dropped {
			continue
		}
		why := c.Why
		if c.Verdict == model.Dropped {
			why = firstOf(why, c.Words)
		}
		n.add(f, modulesText("that the release ships below updates/ or extra/ and that are wrong on its own kernel"), x.m.Path, x.m.Path+": "+why)
	}
	return n
}

// tellAdded says what becomes of them.
func tellAdded(f *model.Finding, list []*externalModule) {
	verdicts, needs := model.Counter{}, model.Counter{}
	first := ""
	for _, s := range list {
		c := &s.cells[0]
		verdicts.Add(string(c.Verdict))
		if c.Action == model.Keep && !c.Unknown {
			continue
		}
		needs.Add(c.Needs())
		if first == "" {
			first = s.m.Path + ": " + c.Why
		}
	}
	f.Message += "; on this kernel " + verdictText(verdicts.Sorted())
	if len(needs) == 0 {
		return
	}
	f.Severity = model.Warning
	for i, n := range needs.Sorted() {
		sep := ", "
		if i == 0 {
			sep = "; needed: "
		}
		f.Message += fmt.Sprintf("%s%s %d", sep, n.Word, n.Count)
	}
	f.Message += " (first: " + first + ")"
	f.Hint = "whoever ships them: `kpkg-btf check MODULES --on THIS-KERNEL` has the matrix"
}
