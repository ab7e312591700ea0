package report

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// kernel is one column of the matrix of modules that were built elsewhere: a
// line a module, first those that need something.
func (t *text) kernel(v *model.ReleaseVerdict, k int) {
	ref := &v.On[k].Kernel
	t.f("\n%s on %s (%s)\n", strings.TrimSpace("modules of "+v.Release.Name), ref.Name, strings.Join(ref.Packages, ", "))
	tw := tabwriter.NewWriter(t.w, 0, 8, 2, ' ', 0)
	fmt.Fprint(tw, "  module\tBTF\tmeaning\tsymbol CRCs\tvermagic\tsignature\tneeds\n")
	shown, kept := 0, 0
	for _, keep := range []bool{false, true} {
		for i := range v.Modules {
			m := &v.Modules[i]
			c := &m.On[k]
			if (c.Needs() == model.Keep.String()) != keep {
				continue
			}
			if shown++; !t.verbose && shown > 2*maxLines {
				kept++
				continue
			}
			fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", where.Clean(m.Path), c.Verdict, c.Meaning, crcs(c), c.Vermagic, c.Load.Signature, c.Needs())
		}
	}
	tw.Flush()
	if kept > 0 {
		t.f("  and %d more of %d modules (-v lists all)\n", kept, len(v.Modules))
	}
	if t.verbose {
		t.whys(v, k)
	}
}

// whys are the reasons of all modules, one by one.
func (t *text) whys(v *model.ReleaseVerdict, k int) {
	for i := range v.Modules {
		m := &v.Modules[i]
		if c := &m.On[k]; c.Why != "" {
			t.f("  %s: %s\n", m.Path, c.Why)
		}
	}
}

func crcs(c *model.ModuleOn) string {
	if c.Compared+c.Missing == 0 {
		return "none compared"
	}
	out := fmt.Sprintf("%d of %d equal", c.Compared-c.Changed, c.Compared)
	if c.Missing > 0 {
		out += fmt.Sprintf(", %d missing", c.Missing)
	}
	return out
}

// built tells, of modules built elsewhere, what BTF they carry and how it is
// known which base it was encoded against.
func (t *text) built(v *model.ReleaseVerdict) {
	kinds := map[string]int{}
	var order []string
	for i := range v.Modules {
		word := origin(v, &v.Modules[i])
		if kinds[word]++; kinds[word] == 1 {
			order = append(order, word)
		}
	}
	t.f("\n")
	for _, w := range order {
		t.f("%s of %s: %s\n", model.Plural(kinds[w], "module", "modules"), v.Release.Name, w)
	}
}

func origin(v *model.ReleaseVerdict, m *model.ModuleDecision) string {
	kind := "split BTF"
	switch {
	case m.BTF == "":
		return "without BTF: " + m.MissingWhy
	case m.BTFBase != "":
		kind = "distilled BTF"
	}
	for i := range v.On {
		if k := &v.On[i].Kernel; m.BuiltOn != "" && m.BuiltOn == k.Base.SHA256 {
			return fmt.Sprintf("%s, encoded against the base %s… of %s%s", kind, m.BuiltOn[:8], k.Name, knownBy(m))
		}
	}
	return kind + ", encoded against a base that is none of these kernels'"
}

func knownBy(m *model.ModuleDecision) string {
	switch m.BuildBase {
	case model.ByStamp:
		return " (its stamp says so)"
	case model.ByAssumed:
		return " (its vermagic says so)"
	}
	return fmt.Sprintf(" (its vermagic says so, its BTF agrees: %s)", m.BuildBase)
}
