package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// OutsideText writes the matrix of modules and kernels, one kernel after the
// other: what becomes of each module there and what it needs.
func OutsideText(w io.Writer, r *model.OutsideReport, verbose bool) error {
	t := &text{w: bufio.NewWriter(w), verbose: verbose}
	for _, n := range r.New {
		t.ref("new", n)
	}
	for _, k := range r.Kernels {
		t.ref("on", k)
	}
	if len(r.Ignored) > 0 {
		t.ignored(r.Ignored)
	}
	for k := range r.Kernels {
		t.f("\non %s (%s)\n", r.Kernels[k].Name, strings.Join(r.Kernels[k].Packages, ", "))
		t.column(r, k)
	}
	t.repairs(r)
	t.f("\ndecision: %s (exit %d)", r.Decision, r.ExitCode)
	if r.FailOn != "" {
		t.f(", passed by --fail-on %s", r.FailOn)
	}
	t.f("\n")
	return t.w.Flush()
}

// column is one kernel: a line a module, first those that need something.
func (t *text) column(r *model.OutsideReport, k int) {
	tw := tabwriter.NewWriter(t.w, 0, 8, 2, ' ', 0)
	fmt.Fprint(tw, "  module\tBTF\tmeaning\tsymbol CRCs\tvermagic\tsignature\tneeds\n")
	kept := 0
	for _, keep := range []bool{false, true} {
		for i := range r.Modules {
			m := &r.Modules[i]
			c := &m.On[k]
			if (c.Needs == model.Keep.String()) != keep {
				continue
			}
			if kept++; keep && !t.verbose && kept > 2*maxLines {
				continue
			}
			fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", where.Clean(m.Path), c.Verdict, c.Meaning, crcs(c), c.Vermagic, c.Load.Signature, c.Needs)
		}
	}
	tw.Flush()
	if n := kept - 2*maxLines; n > 0 && !t.verbose {
		t.f("  and more that need nothing, of %d modules (-v lists all)\n", kept)
	}
	for i := range r.Modules {
		m := &r.Modules[i]
		if c := &m.On[k]; c.Why != "" && c.Needs != model.Keep.String() {
			t.f("  %s: %s\n", m.Path, c.Why)
		}
	}
	t.enforced(r, k)
}

func crcs(c *model.OutsideCell) string {
	if c.Compared+c.Missing == 0 {
		return "none compared"
	}
	out := fmt.Sprintf("%d of %d equal", c.Compared-c.Changed, c.Compared)
	if c.Missing > 0 {
		out += fmt.Sprintf(", %d missing", c.Missing)
	}
	return out
}

// enforced tells which modules load only where signatures are not enforced.
func (t *text) enforced(r *model.OutsideReport, k int) {
	n := 0
	for i := range r.Modules {
		if l := &r.Modules[i].On[k].Load; l.Loads == model.LoadsYes && l.IfEnforced == model.LoadsNo {
			n++
		}
	}
	if n > 0 {
		t.f("  where signatures are enforced %s: enroll the signing key there (MOK)\n", count(n, "module does not load", "modules do not load"))
	}
}

// repairs says what rewriting serves all kernels.
func (t *text) repairs(r *model.OutsideReport) {
	for _, a := range []model.Action{model.Distill, model.Strip} {
		n := 0
		for i := range r.Modules {
			if r.Modules[i].Action == a {
				n++
			}
		}
		if n > 0 {
			t.f("\n%s %s before it ships\n", a.String(), count(n, "module", "modules"))
		}
	}
	for _, k := range r.Rebuild {
		t.f("\nrebuild for %s: its own headers package is what to build against\n", r.Kernels[k].Name)
	}
}
