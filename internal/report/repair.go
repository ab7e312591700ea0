package report

import (
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
)

// Repair writes the account of apply for people: what was done in one line,
// then output by output. Verbose lists every module.
func Repair(w io.Writer, r *model.Repair, o Options) error {
	s := screen.New(w, o.Width, o.Colour)
	changed := 0
	for i := range r.Outputs {
		changed += r.Outputs[i].Changed
	}
	word, tone := "DONE", screen.Good
	sentence := fmt.Sprintf("modules changed: %d of %d", changed, len(r.Modules))
	if r.DryRun {
		word, tone = "DRY RUN", screen.Care
		sentence = fmt.Sprintf("nothing is written; modules to change: %d of %d", changed, len(r.Modules))
	}
	var parts []string
	for _, a := range r.Actions {
		parts = append(parts, fmt.Sprintf("%d %s", a.Count, a.Word))
	}
	by := "By " + r.Source
	if r.DecisionSHA256 != "" {
		by += " (sha256 " + r.DecisionSHA256 + ")"
	}
	s.Headline(word, tone, sentence, "", by+": "+strings.Join(parts, ", ")+".")
	for i := range r.Outputs {
		repairOutput(s, &r.Outputs[i])
	}
	repairModules(s, r, o.Verbose)
	for _, c := range r.Checks {
		s.Entry(2, c.By, 18, screen.Plain, c.Result)
	}
	for _, n := range r.Notes {
		s.Entry(2, "note", 6, screen.Care, n)
	}
	return s.Flush()
}

func repairOutput(s *screen.Screen, o *model.RepairOutput) {
	done := "changed"
	if !o.Published && o.Changed > 0 {
		done = "to change"
	}
	text := fmt.Sprintf("%s: %d of %s %s", o.Input, o.Changed, model.Plural(o.Modules, "module", "modules"), done)
	if o.Output != o.Input && o.Output != "" {
		text += " -> " + o.Output
	}
	if o.SHA256 != "" {
		text += " (sha256 " + o.SHA256 + ")"
	}
	s.Entry(2, "", 0, screen.Plain, text)
	for _, n := range o.Notes {
		s.Text(4, n)
	}
}

// repairModules lists what was lost, always, and with -v every module.
func repairModules(s *screen.Screen, r *model.Repair, verbose bool) {
	shown := 0
	for i := range r.Modules {
		m := &r.Modules[i]
		if verbose {
			text := fmt.Sprintf("%s: %s, signature %s", m.Path, m.Done, m.Signature)
			if m.After != "" {
				text += fmt.Sprintf(", %.12s… -> %.12s…", m.Before, m.After)
			}
			s.Entry(4, m.Input+":", 4, screen.Plain, text)
		}
		if len(m.Lost) == 0 {
			continue
		}
		if shown++; shown > maxLines && !verbose {
			continue
		}
		s.Entry(4, m.Path+":", 4, screen.Plain, strings.Join(m.Lost, "; "))
	}
	if more := shown - maxLines; more > 0 && !verbose {
		s.Text(4, plural(more, "1 more module loses ids (-v lists it)", "%d more modules lose ids (-v lists them)"))
	}
}
