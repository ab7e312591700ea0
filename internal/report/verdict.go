package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
)

// headline is the verdict in one line, and what explains it.
type headline struct {
	word     string
	tone     screen.Tone
	sentence string
	lead     []string
	// by is the finding that decides, nil where none does.
	by *model.Finding
}

// toneOf is the colour of an outcome.
func toneOf(o model.Outcome) screen.Tone {
	switch {
	case o.Action >= model.RebuildFor:
		return screen.Bad
	case o.Action != model.Keep || o.Inconclusive:
		return screen.Care
	}
	return screen.Good
}

// wordOf is an outcome as the first word of a screen. An action with a
// question that is open is both: what is not known never passes.
func wordOf(o model.Outcome) string {
	if o.Inconclusive && o.ExitCode() == model.ExitInconclusive && o.Action > model.Keep {
		return strings.ToUpper(o.Action.String()) + ", IF"
	}
	return strings.ToUpper(o.Word())
}

// headlineOf is the verdict about one release.
func headlineOf(v *model.ReleaseVerdict) headline {
	h := headline{word: wordOf(v.Outcome), tone: toneOf(v.Outcome), by: decisive(v.Outcome, v.Findings)}
	if open, whole := model.OpenOf(v.Findings); whole && len(open) > 0 && v.Outcome.ExitCode() == model.ExitInconclusive {
		h.word = strings.ToUpper(v.Outcome.Action.String()) + ", IF"
	}
	h.sentence = sentenceOf(v, h.by)
	if len(model.ByPolicy(v.Outcome, v.Findings)) > 0 {
		h.sentence += ", by policy"
	}
	if h.by != nil {
		h.lead = append(h.lead, screen.Sentence(h.by.Message))
	}
	for k := range v.Windows {
		w := &v.Windows[k]
		if w.Judged && w.IfEnforced != w.IfIgnored && w.IfEnforced == v.Outcome.Action {
			h.lead = append(h.lead, fmt.Sprintf("Where no machine enforces signatures: %s.", strings.ToUpper(w.IfIgnored.String())))
			break
		}
	}
	return h
}

// decisive is the finding that an outcome rests on: the first that asks for
// its action, or where the question is what decides, the first that is open.
func decisive(o model.Outcome, list []model.Finding) *model.Finding {
	open := o.ExitCode() == model.ExitInconclusive
	for i := range list {
		f := &list[i]
		if open && f.Inconclusive || !open && o.Action != model.Keep && f.Action == o.Action {
			return f
		}
	}
	return nil
}

// sentenceOf says what the decision about a release means.
func sentenceOf(v *model.ReleaseVerdict, by *model.Finding) string {
	name := v.Release.Name
	old := ""
	asIf := false
	for k := range v.Windows {
		if w := &v.Windows[k]; w.Judged && (old == "" || by != nil && w.Old.Name == by.Against) {
			old, asIf = w.Old.Name, w.Old.Name != name
		}
	}
	a := v.Outcome.Action
	open, whole := model.OpenOf(v.Findings)
	switch {
	case v.Outcome.ExitCode() == model.ExitInconclusive && a == model.Keep && (!whole || len(open) == 0):
		return name + ": the inputs cannot answer the question"
	case v.Outcome.ExitCode() == model.ExitInconclusive:
		return condition(v) + ": " + name
	case a == model.Rebuild:
		return name + " is wrong in itself and must be built again"
	case a == model.Bump && asIf:
		return name + " could not have kept the name " + old
	case a == model.Bump:
		return name + " needs another ABI name"
	case a == model.Keep && asIf:
		return name + " could have kept the name " + old
	case a == model.Keep && old != "":
		return name + " can replace the older build of its name"
	case a == model.Keep:
		return selfSentence(v)
	case asIf:
		return fmt.Sprintf("%s could have kept the name %s with its modules %s", name, old, past(a))
	}
	return fmt.Sprintf("%s can ship once its modules are %s", name, past(a))
}

// condition is what must prove true for the action to be right.
func condition(v *model.ReleaseVerdict) string {
	open := openFindings(v.Findings)
	if len(open) == 0 {
		return "what is open turns out well"
	}
	text := conditionOf(open[0])
	if n := len(open) - 1; n > 0 {
		text += plural(n, ", and one more question is open", ", and %d more questions are open")
	}
	return text
}

func selfSentence(v *model.ReleaseVerdict) string {
	var c fates
	for i := range v.Modules {
		c.add(v.Modules[i].Verdict, v.Modules[i].Meaning, &v.Modules[i].Load)
	}
	switch {
	case c.total > 0 && c.of[Fine] == c.total:
		return v.Release.Name + ": " + plural(c.total, "its one module fits the kernel it ships with", "all %d modules fit the kernel they ship with")
	case c.total > 0 && !slices.ContainsFunc(v.Modules, func(m model.ModuleDecision) bool { return m.BTF != "" }):
		return v.Release.Name + ": " + plural(c.total, "its one module has no BTF, and needs none", "its %d modules have no BTF, and need none")
	case c.total > 0 && inertOnly(v):
		return v.Release.Name + ": this kernel does not read the BTF of modules"
	}
	return v.Release.Name + " is right in itself"
}

func inertOnly(v *model.ReleaseVerdict) bool {
	return !slices.ContainsFunc(v.Modules, func(m model.ModuleDecision) bool { return m.Verdict != model.Inert })
}

func past(a model.Action) string {
	return map[model.Action]string{model.Distill: "distilled", model.Strip: "stripped"}[a]
}

// plural chooses the whole sentence by the number; many holds one %d.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, n)
}

// label is what a finding asks for in a word.
func label(f *model.Finding) string {
	switch {
	case f.Inconclusive:
		return "open"
	case f.Action != model.Keep:
		return f.Action.String()
	}
	return cmp.Or(string(f.Severity), string(model.Info))
}
