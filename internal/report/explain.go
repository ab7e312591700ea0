package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
)

// alike is how many events of one kind and cause are shown in full.
const alike = 2

// ExplainText writes what a log means, for people: first what happened, then
// each cause with what to do. Events with the same cause and cure stand
// together: a boot can log one for each of 4000 modules.
func ExplainText(w io.Writer, x *model.Explanation, o Options) error {
	t := newText(w, o)
	t.ignored(x.Ignored)
	t.headline(x)
	for _, g := range x.Given {
		t.f("looked in: %s (%s), %s", given(&g), strings.TrimSpace(g.Name+" "+string(g.Arch)), model.Plural(g.Modules, "module", "modules"))
		if !g.Kernel {
			t.f(", no kernel to ask: %s", g.Why)
		}
		t.f("\n")
	}
	groups := groupEvents(x.Events)
	for _, g := range groups {
		t.f("\n")
		t.group(g)
	}
	if len(groups) > 0 {
		t.f("\n")
	}
	t.loose("lines are missing here, so a message may be too:", x.Gaps)
	t.loose("these lines have a word of BTF and fit nowhere:", x.Loose)
	if x.LooseLeft > 0 {
		t.f("    and %d more\n", x.LooseLeft)
	}
	t.f("%s, %s explained, %s about other things\n", model.Plural(x.Lines, "line", "lines"), model.Plural(len(x.Events), "event", "events"), model.Plural(x.Unknown-len(x.Loose)-x.LooseLeft, "line", "lines"))
	if x.Left > 0 {
		t.f("%d more events are beyond the limit and were not looked at\n", x.Left)
	}
	return t.w.Flush()
}

// headline says in one line what the log is about.
func (t *text) headline(x *model.Explanation) {
	var refused []string
	nameless, build, other := 0, 0, 0
	for i := range x.Events {
		e := &x.Events[i]
		switch {
		case e.Kind == "btf.refused" && e.Module == "":
			nameless++
		case e.Kind == "btf.refused":
			if !slices.Contains(refused, e.Module) {
				refused = append(refused, e.Module)
			}
		case e.Gate != "":
			build++
		default:
			other++
		}
	}
	var parts []string
	if len(refused) > 0 {
		first := refused[:min(3, len(refused))]
		s := "BTF refused of " + model.Plural(len(refused), "module", "modules") + ": " + strings.Join(first, ", ")
		if len(refused) > len(first) {
			s += ", …"
		}
		parts = append(parts, s)
	}
	if nameless > 0 {
		parts = append(parts, model.Plural(nameless, "refusal", "refusals")+" whose module is not in the log")
	}
	if build > 0 {
		parts = append(parts, model.Plural(build, "message", "messages")+" of a build")
	}
	if other > 0 && len(parts) > 0 {
		parts = append(parts, model.Plural(other, "other event", "other events"))
	}
	if len(parts) > 0 {
		t.f("%s\n", strings.Join(parts, "; "))
	}
}

func (t *text) loose(title string, lines []model.LooseLine) {
	if len(lines) == 0 {
		return
	}
	t.f("%s\n", title)
	for i, l := range lines {
		if !t.verbose && i == 8 {
			t.f("    and %d more (-v lists them)\n", len(lines)-i)
			break
		}
		t.f("    line %d: %s\n", l.Line, strings.TrimSpace(l.Text))
	}
}

func given(g *model.GivenRelease) string {
	if len(g.Packages) == 0 {
		return g.Name
	}
	return strings.Join(g.Packages, ", ")
}

// groupEvents puts events of one kind, cause and cure together, in the order
// of the first of each.
func groupEvents(events []model.LogEvent) [][]*model.LogEvent {
	var groups [][]*model.LogEvent
	at := map[string]int{}
	for i := range events {
		e := &events[i]
		key := e.Kind + "\x00" + withoutName(e.Meaning, e.Module)
		for _, c := range e.Cures {
			key += "\x00" + withoutName(c, e.Module)
		}
		n, ok := at[key]
		if !ok {
			n = len(groups)
			at[key] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], e)
	}
	return groups
}

// withoutName puts one word for a module's name, where it stands as a word.
func withoutName(s, module string) string {
	if module == "" || !strings.Contains(s, module) {
		return s
	}
	return strings.Join(slices.Collect(func(yield func(string) bool) {
		for w := range strings.FieldsSeq(s) {
			if strings.Trim(w, ".,;:()'\"") == module {
				w = "MODULE"
			}
			if !yield(w) {
				return
			}
		}
	}), " ")
}

func (t *text) group(g []*model.LogEvent) {
	shown := g
	if !t.verbose && len(g) > alike+1 {
		shown = g[:alike]
	}
	for _, e := range shown {
		t.event(e)
	}
	if rest := g[len(shown):]; len(rest) > 0 {
		t.para("", fmt.Sprintf("and %d more like these (-v lists them): ", len(rest)), modulesOf(rest))
	}
	e := g[0]
	for i, c := range e.Cures {
		label := "do:   "
		if i > 0 {
			label = "      "
		}
		t.para("  ", label, c)
	}
	t.para("  ", "means: ", e.Meaning)
	if e.Gate != "" {
		t.para("  ", "gate: ", e.Gate)
	}
}

func (t *text) event(e *model.LogEvent) {
	t.f("line %d [%s]", e.Line, e.Kind)
	if e.Count > 1 {
		t.f(", %d times", e.Count)
	}
	if len(e.Boots) > 1 {
		t.f(" in %d boots", len(e.Boots))
	}
	t.f("\n")
	for _, l := range joinFragments(e.Log) {
		t.f("    %s\n", l)
	}
	if len(e.Mixed) > 0 {
		t.para("  ", "mixed: ", "the lines of "+model.Plural(len(e.Mixed), "refusal", "refusals")+" stand in one another and the log does not say whose is whose: "+mixedTypes(e.Mixed)+
			". With the packages of both builds it is found out")
	}
	if e.Name != "" {
		t.para("  ", "name: ", e.Name)
	}
	for i := range e.Sources {
		s := &e.Sources[i]
		t.para("  ", "from: ", fmt.Sprintf("%s of %s (%s), on the kernel of %s (%s)", s.Module, given(&s.Of), s.Of.Name, given(&s.On), s.On.Name))
		says := s.Says
		if s.Own != "not asked" {
			says += "; its own build's kernel: " + s.Own
		}
		t.para("        ", "", says)
	}
	if e.More > 0 {
		t.f("        and %d more\n", e.More)
	}
	if e.Open != "" {
		t.para("  ", "not found: ", e.Open)
	}
}

// mixedTypes names the types of refusals that could not be told apart.
func mixedTypes(types []model.LoggedType) string {
	var out []string
	for i := range types {
		l := &types[i]
		s := strings.TrimSpace(l.Kind + " " + l.Name)
		if l.ID != 0 {
			s = fmt.Sprintf("[%d] %s", l.ID, s)
		}
		if s == "" {
			s = "a type that is not in the log"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// joinFragments makes one line of the fragments that a kernel prints.
func joinFragments(log []string) []string {
	var out []string
	open := false
	for _, l := range log {
		text, ok := strings.CutPrefix(l, "BPF:")
		words := strings.Join(strings.Fields(text), " ")
		switch {
		case !ok:
			out = append(out, strings.TrimSpace(l))
		case open && words != "":
			out[len(out)-1] += " " + words
		case !open:
			out = append(out, "BPF: "+words)
		}
		open = ok
	}
	return out
}

// modulesOf names the modules of events, each once, or their lines.
func modulesOf(events []*model.LogEvent) string {
	var names []string
	seen := map[string]bool{}
	for _, e := range events {
		name := e.Module
		if name == "" {
			name = fmt.Sprintf("line %d", e.Line)
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// para writes a labelled sentence, wrapped; further lines stand under its
// first word.
func (t *text) para(indent, label, s string) {
	hang := len(indent) + min(len(label), 8)
	lines := screen.Wrap(s, t.width-len(indent)-utf8.RuneCountInString(label), t.width-hang)
	if len(lines) == 0 {
		lines = []string{""}
	}
	t.f("%s\n", strings.TrimRight(indent+label+lines[0], " "))
	for _, l := range lines[1:] {
		t.f("%s\n", strings.Repeat(" ", hang)+l)
	}
}

// ExplainEvent writes one event of a log that goes on.
func ExplainEvent(w io.Writer, e *model.LogEvent, o Options) error {
	o.Verbose = true
	t := newText(w, o)
	t.group([]*model.LogEvent{e})
	t.f("\n")
	return t.w.Flush()
}

// summed is what a log says of one module.
type summed struct {
	module   string
	times    int
	boots    map[int]bool
	kinds    []string
	releases []string
}

// objection is the kernel's own reason, as short as it printed it.
func objection(e *model.LogEvent) string {
	if e.Type != nil && e.Type.Text != "" {
		return e.Type.Text
	}
	if e.Symbol != "" {
		return e.Symbol
	}
	for _, l := range slices.Backward(e.Log) {
		if text, ok := strings.CutPrefix(l, "BPF:"); ok && strings.TrimSpace(text) != "" {
			return strings.TrimSpace(text)
		}
	}
	return ""
}

// ExplainSummary writes one line a module over all boots of a log: how often,
// in how many boots, what happened, on which kernels; what names no module
// stands last.
func ExplainSummary(w io.Writer, x *model.Explanation, o Options) error {
	t := newText(w, o)
	var all []*summed
	at := map[string]*summed{}
	for i := range x.Events {
		e := &x.Events[i]
		name := e.Module
		if name == "" {
			name = nobody
		}
		s := at[name]
		if s == nil {
			s = &summed{module: name, boots: map[int]bool{}}
			at[name] = s
			all = append(all, s)
		}
		s.add(e)
	}
	slices.SortStableFunc(all, func(a, b *summed) int { return strings.Compare(a.order(), b.order()) })
	width := len("MODULE")
	for _, s := range all {
		width = max(width, min(len(s.module), 40))
	}
	boots := max(1, len(x.Boots))
	if len(all) > 0 {
		t.f("%-*s  TIMES  BOOTS  WHAT\n", width, "MODULE")
	}
	for _, s := range all {
		line := strings.Join(s.kinds, ", ")
		if len(s.releases) > 0 {
			line += "  on " + strings.Join(s.releases, ", ")
		}
		t.f("%-*s  %5d  %5s  %s\n", width, s.module, s.times, fmt.Sprintf("%d/%d", len(s.boots), max(boots, len(s.boots))), line)
	}
	t.f("%s, %s, %s\n", model.Plural(x.Lines, "line", "lines"), model.Plural(len(x.Boots), "boot begins in the log", "boots begin in the log"), model.Plural(len(x.Events), "event", "events"))
	return t.w.Flush()
}

// order is where a module stands: by name, what names none last.
func (s *summed) order() string {
	if s.module == nobody {
		return "\x7f"
	}
	return s.module
}

const nobody = "(no module named)"

func (s *summed) add(e *model.LogEvent) {
	s.times += e.Count
	for _, b := range e.Boots {
		s.boots[b] = true
	}
	what := e.Kind
	if why := objection(e); why != "" {
		what += " (" + why + ")"
	}
	if !slices.Contains(s.kinds, what) && len(s.kinds) < 6 {
		s.kinds = append(s.kinds, what)
	}
	if e.Release != "" && !slices.Contains(s.releases, e.Release) && len(s.releases) < 4 {
		s.releases = append(s.releases, e.Release)
	}
}
