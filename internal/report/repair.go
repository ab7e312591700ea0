package report

import (
	"bufio"
	"cmp"
	"io"
	"strings"

	"kpkg-btf/internal/model"
)

// Repair writes the account of apply for people. Verbose lists every module.
func Repair(w io.Writer, r *model.Repair, verbose bool) error {
	t := &text{w: bufio.NewWriter(w), verbose: verbose}
	if r.DryRun {
		t.f("dry run: nothing is written\n")
	}
	t.f("by %s", r.Source)
	if r.DecisionSHA256 != "" {
		t.f(" (sha256 %s)", r.DecisionSHA256)
	}
	t.f(":")
	for _, a := range r.Actions {
		t.f(" %d %s,", a.Count, a.Word)
	}
	t.f(" %d in all\n", len(r.Modules))
	for _, o := range r.Outputs {
		t.repairOutput(r, &o)
	}
	t.repairModules(r)
	for _, c := range r.Checks {
		t.f("%s: %s\n", c.By, c.Result)
	}
	for _, n := range r.Notes {
		t.f("note: %s\n", n)
	}
	return t.w.Flush()
}

func (t *text) repairOutput(r *model.Repair, o *model.RepairOutput) {
	would := ""
	if !o.Published && o.Changed > 0 {
		would = " to change"
	}
	t.f("%s: %d of %d modules%s", o.Input, o.Changed, o.Modules, cmp.Or(would, " changed"))
	if o.Output != o.Input && o.Output != "" {
		t.f(" -> %s", o.Output)
	}
	if o.SHA256 != "" {
		t.f(" (sha256 %s)", o.SHA256)
	}
	t.f("\n")
	for _, n := range o.Notes {
		t.f("  %s\n", n)
	}
}

// repairModules lists what was lost, always, and with -v every module.
func (t *text) repairModules(r *model.Repair) {
	shown := 0
	for i := range r.Modules {
		m := &r.Modules[i]
		if t.verbose {
			t.f("%s: %s: %s, signature %s", m.Input, m.Path, m.Done, m.Signature)
			if m.After != "" {
				t.f(", %s… -> %s…", m.Before[:12], m.After[:12])
			}
			t.f("\n")
		}
		if len(m.Lost) == 0 {
			continue
		}
		if shown++; shown > maxLines && !t.verbose {
			continue
		}
		t.f("%s: %s\n", m.Path, strings.Join(m.Lost, "; "))
	}
	if more := shown - maxLines; more > 0 && !t.verbose {
		t.f("%d more modules lost ids (-v lists them)\n", more)
	}
}
