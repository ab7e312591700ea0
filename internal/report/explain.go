package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/model"
)

// alike is how many events of one kind and cause are shown in full.
const alike = 2

// ExplainText writes what a log means, for people. Events with the same cause
// and cure stand together: a boot can log one for each of 4000 modules.
func ExplainText(w io.Writer, x *model.Explanation, verbose bool) error {
	t := &text{w: bufio.NewWriter(w), verbose: verbose}
	t.ignored(x.Ignored)
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
	t.f("%s, %s explained, %s about other things\n", model.Plural(x.Lines, "line", "lines"), model.Plural(len(x.Events), "event", "events"), model.Plural(x.Unknown, "line", "lines"))
	if x.Left > 0 {
		t.f("%d more events are beyond the limit and were not looked at\n", x.Left)
	}
	return t.w.Flush()
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
		key := e.Kind + "\x00" + strings.ReplaceAll(e.Meaning, "module "+e.Module, "module") + "\x00" + strings.Join(e.Cures, "\x00")
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

func (t *text) group(g []*model.LogEvent) {
	shown := g
	if !t.verbose && len(g) > alike+1 {
		shown = g[:alike]
	}
	for _, e := range shown {
		t.event(e)
	}
	if rest := g[len(shown):]; len(rest) > 0 {
		t.f("and %d more like these (-v lists them): %s\n", len(rest), modulesOf(rest))
	}
	e := g[0]
	t.f("  means: %s\n", e.Meaning)
	for i, c := range e.Cures {
		word := "  do:   "
		if i > 0 {
			word = "        "
		}
		t.f("%s%s\n", word, c)
	}
}

func (t *text) event(e *model.LogEvent) {
	t.f("line %d [%s]", e.Line, e.Kind)
	if e.Count > 1 {
		t.f(", %d times", e.Count)
	}
	t.f("\n")
	for _, l := range joinFragments(e.Log) {
		t.f("    %s\n", l)
	}
	if e.Name != "" {
		t.f("  name: %s\n", e.Name)
	}
	for i := range e.Sources {
		s := &e.Sources[i]
		t.f("  from: %s of %s (%s), on the kernel of %s (%s)\n", s.Module, given(&s.Of), s.Of.Name, given(&s.On), s.On.Name)
		t.f("        %s", s.Says)
		if s.Own != "not asked" {
			t.f("; its own build's kernel: %s", s.Own)
		}
		t.f("\n")
	}
	if e.More > 0 {
		t.f("        and %d more\n", e.More)
	}
	if e.Open != "" {
		t.f("  not found: %s\n", e.Open)
	}
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

func modulesOf(events []*model.LogEvent) string {
	var names []string
	for _, e := range events {
		if len(names) == 8 {
			return strings.Join(names, ", ") + ", …"
		}
		if e.Module != "" {
			names = append(names, e.Module)
		} else {
			names = append(names, fmt.Sprintf("line %d", e.Line))
		}
	}
	return strings.Join(names, ", ")
}
