// Package report renders results. It draws from the documents of package
// model alone, so that a saved document and a fresh result look the same.
package report

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
	"kpkg-btf/internal/where"
)

// screenLines is how many lines the text of a common decision has at most: it
// is read on a terminal of 24 lines, the next prompt included. What is left
// out is counted, and -v has it.
const screenLines = 22

// Text writes a decision for people: the verdict, which modules meet which
// kernel, why, what to do next. Verbose adds everything there is.
func Text(w io.Writer, r *model.Report, o Options) error {
	s := screen.New(w, o.Width, o.Colour)
	d := decided{r: r, o: o, s: s}
	c := d.conclude()
	s.Headline(c.word, c.tone, c.sentence, d.exit(), c.lead...)
	if len(r.Releases) > 0 {
		s.Blank()
	}
	facts := func(*screen.Screen) {}
	switch {
	case len(r.Releases) != 1:
		d.outcomes(d.alike())
	case r.Releases[0].Elsewhere():
		d.matrix(&r.Releases[0])
	default:
		d.table(&r.Releases[0])
		facts = func(s *screen.Screen) { d.facts(s, &r.Releases[0]) }
	}
	d.reasons(c.reasons, func(s *screen.Screen) {
		facts(s)
		d.ending(s, &c)
	})
	if o.Verbose {
		d.whole()
	}
	return s.Flush()
}

// decided is one decision on its way to a screen.
type decided struct {
	r *model.Report
	o Options
	s *screen.Screen
}

// exit is the right end of the verdict's line.
func (d *decided) exit() string { return fmt.Sprintf("exit %d", d.r.ExitCode) }

// conclusion is what every report for people says of a decision before any
// detail: the verdict, why, and what to do next.
type conclusion struct {
	headline
	reasons    []reason
	next, more []step
}

// conclude draws the conclusion of the whole run.
func (d *decided) conclude() conclusion {
	if len(d.r.Releases) != 1 {
		return d.several()
	}
	v := &d.r.Releases[0]
	var h headline
	if v.Elsewhere() {
		h = outsideHead(v)
	} else {
		h = headlineOf(v)
		d.runDecides(&h, v)
	}
	h.lead = append(h.lead, d.passed(v)...)
	next := nextSteps(v, h.by, &d.o.Run)
	if v.Outcome != d.r.Outcome {
		next = hintSteps(h.by, "give the whole set")
	}
	by := h.by
	if by == nil && len(v.Findings) > 0 {
		by = &v.Findings[0]
	}
	return conclusion{h, d.reasonsOf(v, h.by), next, moreSteps(by, &d.o.Run)}
}

// runDecides puts what is wrong with the run itself into the verdict's line
// where it is graver than what is wrong with the one release.
func (d *decided) runDecides(h *headline, v *model.ReleaseVerdict) {
	if v.Outcome == d.r.Outcome {
		return
	}
	h.word, h.tone = wordOf(d.r.Outcome), toneOf(d.r.Outcome)
	if by := decisive(d.r.Outcome, d.r.Findings); by != nil {
		h.by = by
		h.sentence = "the set that was given cannot be decided on"
		if !by.Inconclusive {
			h.sentence = v.Release.Name + " shares what the set needs"
		}
		h.lead = []string{screen.Sentence(by.Message)}
	}
}

// passed says what let a lower decision through: a policy or --fail-on. Both
// belong to the verdict.
func (d *decided) passed(list ...*model.ReleaseVerdict) []string {
	var out []string
	if d.r.FailOn != "" {
		out = append(out, fmt.Sprintf("Passed by --fail-on %s: without it the exit code would be %d.", d.r.FailOn, d.r.Outcome.ExitCode()))
	}
	if len(d.r.Variables) > 0 {
		out = append(out, "Told by the environment: "+strings.Join(d.r.Variables, ", ")+".")
	}
	seen := map[string]bool{}
	for _, v := range list {
		for i := range v.Findings {
			if f := &v.Findings[i]; f.Waived != "" && !seen[f.Waived] {
				seen[f.Waived] = true
				out = append(out, fmt.Sprintf("By policy: %s does not decide (%s).", f.Rule, f.Waived))
			}
		}
	}
	if len(out) > 3 && !d.o.Verbose {
		out = append(out[:2], fmt.Sprintf("And %d more by policy (-v).", len(out)-2))
	}
	return out
}

// table says which modules meet which kernel, and what becomes of them.
func (d *decided) table(v *model.ReleaseVerdict) {
	t, star := meetingTable(v)
	d.s.Table(2, t)
	if star {
		d.s.Text(2, starNote)
	}
}

const starNote = "* where signatures are enforced"

// meetingTable has a row for each encounter; star reports whether a cell has one.
func meetingTable(v *model.ReleaseVerdict) (t screen.Table, star bool) {
	rows := meetings(v)
	t = screen.Table{Head: []string{"modules", "on kernel", "fine", "without BTF", "wrong types", "refused"},
		Right: []bool{false, false, true, true, true, true}}
	open := slices.ContainsFunc(rows, func(m meeting) bool { return m.fates.of[Open] > 0 })
	if open {
		t.Head, t.Right = append(t.Head, "not known"), append(t.Right, true)
	}
	t.Head = append(t.Head, "")
	for i := range rows {
		m := &rows[i]
		row := []string{m.modules, m.on}
		if !m.judged {
			row = append(row, "-", "-", "-", "-")
		} else {
			star = star || m.fates.enforced != m.fates.of[Refused]
			row = append(row, cell(m.fates.of[Fine]), cell(m.fates.of[Bare]), cell(m.fates.of[Wrong]), m.fates.refusedCell())
		}
		if open {
			row = append(row, cell(m.fates.of[Open]))
		}
		t.Rows = append(t.Rows, append(row, m.needs))
		t.Tones = append(t.Tones, toneOf(model.Outcome{Action: m.tone}))
	}
	return t, star
}

// reason is one line of Why.
type reason struct {
	label, text string
	tone        screen.Tone
}

func reasonOf(f *model.Finding) reason {
	text := f.Message
	if f.Waived != "" {
		text += " (does not decide: " + f.Waived + ")"
	}
	return reason{label(f), text + " [" + f.Rule + "]", toneOf(model.Outcome{Action: f.Action, Inconclusive: f.Inconclusive})}
}

// reasonsOf are the findings in the order in which they matter: what decides,
// what is open, why the bases differ, warnings, the rest.
func (d *decided) reasonsOf(v *model.ReleaseVerdict, lead *model.Finding) []reason {
	var list []*model.Finding
	for i := range d.r.Findings {
		list = append(list, &d.r.Findings[i])
	}
	for i := range v.Findings {
		list = append(list, &v.Findings[i])
	}
	slices.SortStableFunc(list, func(a, b *model.Finding) int { return weightOf(a) - weightOf(b) })
	var out []reason
	for _, f := range list {
		if f != lead {
			out = append(out, reasonOf(f))
		}
	}
	if v.Self.BuildBase != nil {
		out = append(out, reason{"build base", buildBase(v.Self.BuildBase), screen.Plain})
	}
	for k := range v.Windows {
		if w := &v.Windows[k]; !w.Judged {
			out = append(out, reason{"note", fmt.Sprintf("no window on %s: %s", w.Old.Name, w.Why), screen.Plain})
		}
	}
	for _, g := range d.r.Ignored {
		out = append(out, reason{"ignored", g.File + ": " + g.Why, screen.Plain})
	}
	return out
}

// causeRule is the finding that says why two bases differ.
const causeRule = "window.cause"

// reasons write as much of the Why as the screen has room for, above what
// ends it.
func (d *decided) reasons(list []reason, ending func(*screen.Screen)) {
	var end bytes.Buffer
	tail := screen.New(&end, d.s.Width(), d.o.Colour)
	ending(tail)
	_ = tail.Flush() // into memory
	room := screenLines - d.s.Lines() - bytes.Count(end.Bytes(), []byte("\n"))
	name, shown := "Why", 0
	for _, x := range list {
		if d.o.Verbose {
			break // all of them stand below, whole
		}
		most := reasonLines
		if shown > 0 {
			most--
		}
		text, lines := x.text, 1+(len(x.text)+len(x.label)+2)/(d.s.Width()-2-labelColumn)
		if lines > most {
			text, lines = shorten(x.text, most*(d.s.Width()-2-labelColumn)-len(x.label)-10), most
		}
		if shown > 0 && (lines > room-1 || shown == len(list)-1 && lines > room) {
			break
		}
		d.s.Entry(2, name, labelColumn, screen.Strong, x.label+": "+text)
		name = ""
		shown++
		room -= lines
	}
	if left := len(list) - shown; left > 0 && !d.o.Verbose {
		d.s.Entry(2, name, labelColumn, screen.Strong, plural(left, "one more finding (-v)", "%d more findings (-v)"))
	}
	d.s.Raw(end.Bytes())
}

// reasonLines is how many lines the first reason has on the common screen, the
// others have one less.
const reasonLines = 3

// shorten cuts a sentence at a blank and keeps the rule's name at its end.
func shorten(text string, to int) string {
	rule := ""
	if i := strings.LastIndex(text, " ["); i > 0 {
		text, rule = text[:i], text[i:]
	}
	to -= len(rule) + 2
	if to <= 0 || len(text) <= to {
		return text + rule
	}
	cut := strings.LastIndexByte(text[:to], ' ')
	if cut <= 0 {
		cut = to
	}
	return strings.TrimRight(strings.ToValidUTF8(text[:cut], ""), " ,;:(") + " …" + rule
}

// facts are what was compared beside the modules.
func (d *decided) facts(s *screen.Screen, v *model.ReleaseVerdict) {
	for k := range v.Windows {
		w := &v.Windows[k]
		label := "ABI"
		if k > 0 {
			label = ""
		}
		text := "exported symbols: not known"
		if x := w.Symbols; x != nil {
			text = symbolText(x)
		}
		if len(v.Windows) > 1 {
			text = "against " + w.Old.Name + ": " + text
		}
		s.Entry(2, label, labelColumn, screen.Strong, text)
	}
}

func symbolText(x *model.SymbolFacts) string {
	text := fmt.Sprintf("symbol CRCs equal: %d of %d, changed: %d; symbols lost: %d, new: %d", x.Compared-x.Changed, x.Common, x.Changed, x.Lost, x.Added)
	for _, p := range []struct {
		n    int
		what string
	}{{x.Uncovered, "without a CRC"}, {x.Moved, "moved"}, {x.LeftImage, "into or out of vmlinux"}, {x.Stricter, "stricter"}, {x.Namespace, "in another namespace"}} {
		if p.n > 0 {
			text += fmt.Sprintf(", %s: %d", p.what, p.n)
		}
	}
	return text
}

// ending is what to do next, and how to see more.
func (d *decided) ending(s *screen.Screen, c *conclusion) {
	steps(s, "Next", c.next)
	if d.r.Policy.Source != "" && d.r.Policy.Source != defaultPolicy {
		s.Entry(2, "By", labelColumn, screen.Strong, fmt.Sprintf("policy %s (sha256 %.12s…)", d.r.Policy.Source, d.r.Policy.SHA256))
	}
	steps(s, "More", c.more)
}

// defaultPolicy is the source of the policy that is built in.
const defaultPolicy = "embedded default"

// text writes lines without a layout.
type text struct {
	w       *bufio.Writer
	verbose bool
	width   int
}

// newText writes lines that fold at the width of the screen.
func newText(w io.Writer, o Options) *text {
	return &text{w: bufio.NewWriter(screen.Fold(w, o.Width)), verbose: o.Verbose, width: screen.Columns(o.Width)}
}

func (t *text) f(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = where.Clean(s)
		}
	}
	fmt.Fprintf(t.w, format, args...)
}

func (t *text) ignored(list []model.IgnoredInput) {
	if !t.verbose && len(list) > 3 {
		t.f("ignored: %d inputs without kernel content (-v lists them)\n", len(list))
		return
	}
	for _, i := range list {
		t.f("ignored: %s: %s\n", i.File, i.Why)
	}
}

// fateWords say in words what a kernel does with modules.
var fateWords = map[string]string{
	string(model.Attached):       "load with their BTF",
	string(model.Dropped):        "load without it because this kernel allows the mismatch",
	string(model.Rejected):       "are refused",
	string(model.InitFails):      "fail in init",
	string(model.Inert):          "load without BTF",
	string(model.Blocked):        "would not load anyway",
	string(model.VerdictUnknown): "with a verdict that is not known",
}

func fate(list []model.Count) string {
	if len(list) == 0 {
		return "no modules"
	}
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = fmt.Sprintf("%d %s", c.Count, fateWords[c.Word])
	}
	return strings.Join(parts, ", ")
}

func words(list []model.Count) string {
	if len(list) == 0 {
		return "nothing"
	}
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = fmt.Sprintf("%s %d", c.Word, c.Count)
	}
	return strings.Join(parts, ", ")
}

// Bytes spells a size as people read it: decimal units, one digit.
func Bytes(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// maxLines is how many lines of one kind other screens show.
const maxLines = 12

// weightOf puts what decides or is open first, the cause behind it, then
// warnings.
func weightOf(f *model.Finding) int {
	switch {
	case f.Inconclusive || f.Action != model.Keep:
		return 0
	case f.Rule == causeRule:
		return 1
	case f.Severity != model.Info:
		return 2
	}
	return 3
}
