package decision

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/abiname"
	"kpkg-btf/internal/model"
)

// Settle makes one decision of the releases of a report: what the set must
// hold is compared with what it holds, a bump of one release bumps all that
// share its ABI name, and those that need another name get a suggestion. It
// may be called again on its own result.
func Settle(rep *model.Report, members []Member) {
	rep.Findings = slices.DeleteFunc(rep.Findings, func(f model.Finding) bool { return strings.HasPrefix(f.Rule, "set.") && f.Rule != "set.policies" })
	for _, f := range expected(rep, members) {
		f.NameSubjects()
		rep.Findings = append(rep.Findings, f)
	}
	bumpTogether(rep)
	for i := range rep.Releases {
		rep.Releases[i].Next = nextName(rep, &rep.Releases[i])
	}
	conclude(rep)
}

// conclude joins what releases and findings ask for.
func conclude(rep *model.Report) {
	o := outcomeOf(rep.Findings)
	for i := range rep.Releases {
		o = o.Join(rep.Releases[i].Outcome)
	}
	if len(rep.Releases) == 0 {
		o.Inconclusive = true
	}
	rep.Outcome, rep.Decision, rep.ExitCode, rep.FailOn = o, rep.DecisionOf(o), o.ExitCode(), ""
}

// bumpTogether: a distribution has one ABI name for all architectures and
// flavours, so any that needs another gives all of them another.
func bumpTogether(rep *model.Report) {
	needs := map[string][]string{} // stem -> releases that need a bump themselves
	for i := range rep.Releases {
		v := &rep.Releases[i]
		if v.Outcome.Action == model.Bump && !has(v, "set.bump") {
			stem := abiname.Stem(v.Release.Name)
			needs[stem] = append(needs[stem], refText(&v.Release))
		}
	}
	for i := range rep.Releases {
		v := &rep.Releases[i]
		by := needs[abiname.Stem(v.Release.Name)]
		if len(by) == 0 || v.Outcome.Action >= model.Bump || v.Elsewhere() {
			continue
		}
		msg := by[0] + " needs another ABI name, and one name serves all architectures and flavours"
		if len(by) > 1 {
			msg = fmt.Sprintf("%d releases need another ABI name, and one name serves all architectures and flavours: %s", len(by), strings.Join(by, ", "))
		}
		f := model.Finding{Rule: "set.bump", Severity: model.Error, Encounter: model.Run, Release: v.Release.Name, Action: model.Bump, Count: len(by), Subjects: by, Message: msg}
		v.Findings = slices.Insert(v.Findings, 0, f)
		concludeRelease(v)
	}
}

func has(v *model.ReleaseVerdict, rule string) bool {
	return slices.ContainsFunc(v.Findings, func(f model.Finding) bool { return f.Rule == rule })
}

// concludeRelease joins what the findings of a release ask for. Under another
// name, or in a release that is to be built anew, no module needs rewriting.
func concludeRelease(v *model.ReleaseVerdict) {
	v.Outcome = outcomeOf(v.Findings)
	v.Decision = model.DecisionOf(v.Outcome, v.Findings)
	if v.Outcome.Action >= model.RebuildFor {
		for i := range v.Modules {
			v.Modules[i].Action = model.Keep
		}
	}
}

// nextName suggests a name for a release that needs another one.
func nextName(rep *model.Report, v *model.ReleaseVerdict) *model.NextName {
	if v.Outcome.Action != model.Bump {
		return nil
	}
	taken := []string{v.Release.Name}
	for i := range rep.Old {
		taken = append(taken, rep.Old[i].Name)
	}
	n, known := abiname.Parse(v.Release.Name)
	if !slices.ContainsFunc(taken[1:], func(t string) bool { return abiname.Stem(t) == abiname.Stem(v.Release.Name) }) && len(rep.Old) > 0 {
		out := &model.NextName{Scheme: n.Scheme, Name: v.Release.Name, Why: "it already has another name than the older releases: keep that"}
		if !known {
			out.Scheme = unknownScheme
		}
		return out
	}
	next, scheme, ok := abiname.Next(v.Release.Name, taken...)
	if !ok {
		return &model.NextName{Scheme: unknownScheme, Why: "scheme unknown: choose a name that no release in use has"}
	}
	return &model.NextName{Scheme: scheme, Name: next, Why: "the next name of the scheme"}
}

const unknownScheme = "unknown"
