package judge

import (
	"encoding/hex"
	"fmt"
	"slices"

	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// verdict makes the judgement of one release's modules out of its rows.
// none: there are no modules at all.
func (x *outside) verdict(r *release.Release, set []*externalModule, none bool, odd []note, kernels []model.ReleaseRef, o Options, use *policy.Use) (*model.ReleaseVerdict, error) {
	m, err := r.Record("")
	if err != nil {
		return nil, err
	}
	v := &model.ReleaseVerdict{Release: refOf(r, m), Self: notJudged(len(set)), Windows: []model.WindowResult{}, Modules: []model.ModuleDecision{}}
	v.Release.Modules, v.Release.BTFBytes = len(set), 0
	var list []note
	for _, err := range r.Unread {
		list = append(list, said(model.Finding{Rule: "outside.unreadable", Severity: model.Error, Encounter: model.Outside, Inconclusive: true, Message: err.Error()}))
	}
	for _, s := range set {
		v.Release.BTFBytes += int64(s.m.Facts.BTF.Len())
	}
	if none {
		list = append(list, said(model.Finding{Rule: "outside.no-modules", Severity: model.Error, Encounter: model.Outside, Inconclusive: true,
			Message: "no modules among the inputs: 0 of 0 proves nothing"}))
	}
	list = slices.Concat(list, x.setNotes(set), odd)
	for k := range x.kernels {
		v.On = append(v.On, kernelResult(k, set, kernels[k]))
		list = append(list, x.kernelNotes(k, set, kernels[k], o)...)
	}
	j := ruleOn(list, r.Name, use)
	v.Findings, v.Outcome = j.findings(), j.outcome()
	v.Decision = model.DecisionOf(v.Outcome, v.Findings)
	x.decide(&j, v, set)
	return v, nil
}

// setNotes are about the modules themselves, whatever kernel loads them.
func (x *outside) setNotes(set []*externalModule) []note {
	var n gathering
	wanted := x.readsBTF()
	for _, s := range set {
		f := s.m.Facts
		why, stripped := f.WhyNoBTF()
		malformed := encounter.MalformedBTF(f)
		switch {
		case malformed != nil:
			what := s.m.Path + ": " + malformed.Error()
			if f.BTFSections > 1 {
				what += fmt.Sprintf(" (the first of %d sections .BTF, which the kernel takes)", f.BTFSections)
			}
			n.add(model.Finding{Rule: "outside.btf-malformed", Severity: model.Error, Encounter: model.Outside, Action: model.RebuildFor,
				Hint: "build them again; a step of the packaging may cut or rewrite sections"},
				modulesText("{has|have} BTF that cannot be parsed"), s.m.Path, what)
		case why != "" && !stripped && wanted:
			n.add(model.Finding{Rule: "outside.btf-none", Severity: model.Info, Encounter: model.Outside,
				Hint: "no types for bpf; headers with a vmlinux (Debian from 6.12.16) and pahole give them BTF, from 6.11 distilled"},
				modulesText("{has|have} no BTF"), s.m.Path, s.m.Path+": "+why)
		case why == "" && f.BTFBase.Len() == 0 && s.builtOn < 0:
			n.add(model.Finding{Rule: "outside.base-unknown", Severity: model.Warning, Encounter: model.Outside,
				Hint: "give the kernel they were built on with --on: without it no dependency on its base (kernel-btf-…) can be written"},
				modulesText("{has|have} split BTF of a base that is none of these kernels'"), s.m.Path, s.m.Path)
		}
	}
	return n
}

// outsideRules are the findings of a kernel in the order of their weight, with
// what modules do there.
var outsideRules = []struct {
	rule      string
	severity  model.Severity
	one, many string // "module does …"
	hint      string
}{
	{"outside.blocked", model.Error, "module does not load on %s, whatever its BTF", "modules do not load on %s, whatever their BTF", "build against the headers package of that very kernel"},
	{"outside.rejected", model.Error, "module is refused by %s for its BTF", "modules are refused by %s for their BTF", ""},
	{"outside.init-fails", model.Error, "module fails in init on %s for its BTF", "modules fail in init on %s for their BTF", ""},
	{"outside.different", model.Error, "module is taken by %s with other types than it was built with", "modules are taken by %s with other types than they were built with", ""},
	{"outside.meaning-unknown", model.Error, "module is taken by %s, perhaps with other types than it was built with", "modules are taken by %s, perhaps with other types than they were built with", "give the kernel they were built on with --on, too"},
	{"outside.stale-ids", model.Error, "module has a list of type ids that are not those of %s", "modules have lists of type ids that are not those of %s", ""},
	{"outside.unknown", model.Error, "module of which it is not known what becomes of it on %s", "modules of which it is not known what becomes of them on %s", "give the kernel's image, config and Module.symvers (its headers package), which tell"},
	{"outside.dropped", model.Info, "module loads on %s without its BTF, which is of another base", "modules load on %s without their BTF, which is of another base", ""},
}

// kernelResult counts what one kernel does with the modules.
func kernelResult(k int, set []*externalModule, ref model.ReleaseRef) model.KernelResult {
	res := model.KernelResult{Kernel: ref}
	verdicts, meanings := model.Counter{}, model.Counter{}
	var loads model.LoadCounter
	for _, s := range set {
		verdicts.Add(string(s.cells[k].Verdict))
		meanings.Add(string(s.cells[k].Meaning))
		loads.Add(&s.cells[k].Load)
	}
	res.Verdicts, res.Meanings, res.Loads = verdicts.Sorted(), meanings.Sorted(), loads.Counts()
	return res
}

// kernelNotes are about what one kernel does with the modules.
func (x *outside) kernelNotes(k int, set []*externalModule, ref model.ReleaseRef, o Options) (list []note) {
	for _, r := range outsideRules {
		for _, action := range []model.Action{model.RebuildFor, model.Strip, model.Distill, model.Keep} {
			f := model.Finding{Rule: r.rule, Severity: r.severity, Action: action, Inconclusive: r.rule == "outside.unknown", Hint: r.hint}
			if f.Inconclusive {
				f.Hint = "" // Close
			}
			one, many, why := r.one, r.many, ""
			var kfuncs []string
			for _, s := range set {
				c := &s.cells[k]
				if c.rule != r.rule || c.Action != action {
					continue
				}
				if f.Subjects = append(f.Subjects, s.m.Path); why == "" && c.Why != "" {
					why = " (first: " + s.m.Path + ": " + c.Why + ")"
				}
				if c.cell.Kfuncs {
					kfuncs = append(kfuncs, s.m.Path)
				}
				if r.rule == "outside.different" && c.Verdict == model.VerdictUnknown {
					one, many = "module is refused by %s, or taken with other types than it was built with", "modules are refused by %s, or taken with other types than they were built with"
				}
			}
			if r.rule == "outside.unknown" {
				f.Close = []string{r.hint}
				if x.kernels[k].Rules() == nil {
					f.Close[0] = "what is there of it tells symbols at most: give its image, too (--on @FILE, a list of image, config and headers)"
				}
			}
			if r.rule == "outside.rejected" && x.kernels[k].Abilities.AllowMismatch.Is == tri.Unknown {
				why += "; " + mismatchOpen
			}
			if action == model.Strip || action == model.Distill {
				f.Hint = action.String() + " before it ships: kpkg-btf apply DECISION --on KERNEL"
			}
			if action == model.Strip && len(kfuncs) > 0 {
				f.Hint = joined(f.Hint, kfuncsVanish(len(kfuncs), kfuncs[0]))
			}
			list = append(list, x.notes(k, f, func(n int) string { return fmt.Sprintf(model.Plural(n, one, many), ref.Name) + why })...)
		}
	}
	return slices.Concat(list, x.bareKfuncs(k, set), x.signatures(k, set, ref, o))
}

// bareKfuncs are the kfuncs that are missing on a kernel.
func (x *outside) bareKfuncs(k int, set []*externalModule) (list []note) {
	mods, cells := make([]encounter.Module, len(set)), make([]encounter.Cell, len(set))
	for i, s := range set {
		mods[i], cells[i] = encounter.Module{Path: s.m.Path}, s.cells[k].cell
	}
	for _, n := range bareKfuncs(x.kernels[k].Name, x.kernels[k], mods, cells) {
		n.Severity = model.Info
		list = append(list, x.notes(k, n.Finding, n.text)...)
	}
	return list
}

// notes is one about a kernel; none where it is about nothing.
func (x *outside) notes(k int, f model.Finding, text func(int) string) []note {
	if len(f.Subjects) == 0 {
		return nil
	}
	f.Count, f.Encounter, f.Against = len(f.Subjects), model.Outside, x.kernels[k].Name
	n := worded(f, text)
	if f.Inconclusive {
		name := x.kernels[k].Name
		n = provided(f, text, func(n int) string {
			return model.Plural(n, "module loads", "modules load") + " on " + name + " as " + model.Agree(n, "{it is|they are}")
		})
	}
	n.in = meeting{host: x.kernels[k]}
	return []note{n}
}

// signatures: modules that only load where signatures are not enforced. Whose
// key a machine trusts beside its kernel's is not seen here (MOK).
func (x *outside) signatures(k int, set []*externalModule, ref model.ReleaseRef, o Options) []note {
	f := model.Finding{Rule: "outside.signature", Severity: model.Warning, Hint: "sign them, and enroll the key there (MOK)"}
	if o.Policy.Signatures == policy.Ignored {
		f.Severity = model.Info
	}
	for _, s := range set {
		if l := &s.cells[k].Load; l.Loads == model.LoadsYes && l.IfEnforced == model.LoadsNo {
			f.Subjects = append(f.Subjects, s.m.Path)
		}
	}
	return x.notes(k, f, func(n int) string {
		return fmt.Sprintf(model.Plural(n, "module does not load on %s where signatures are enforced", "modules do not load on %s where signatures are enforced"), ref.Name)
	})
}

// decide says what is to be done with each module, after the policy.
func (x *outside) decide(j *judged, v *model.ReleaseVerdict, set []*externalModule) {
	all := j.reasons()
	for _, s := range set {
		d := bind(s.m)
		d.BuildBase, d.BuildBaseBy = s.mod.Build.Grade, s.mod.Build.By
		if s.builtOn >= 0 {
			d.BuiltOn = hex.EncodeToString(x.kernels[s.builtOn].Sum[:])
		}
		if d.MissingWhy != "" && d.Missing != model.Stripped {
			d.Missing = model.NoneExpected
		}
		j.explain(all, &d, meeting{}, model.Rebuild)
		for k := range s.cells {
			c := s.cells[k].ModuleOn
			c.Action = j.explain(all, &d, meeting{host: x.kernels[k]}, c.Action)
			v.On[k].Action = max(v.On[k].Action, c.Action)
			d.On = append(d.On, c)
			d.DistilledBytes = max(d.DistilledBytes, s.cells[k].cell.Distilled.Bytes)
			d.Action = max(d.Action, c.Action)
		}
		if v.Outcome.Action >= model.RebuildFor {
			d.Action = model.Keep // nothing a module's rewriting could repair
		}
		v.Modules = append(v.Modules, d)
	}
}
