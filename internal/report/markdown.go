package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
	"kpkg-btf/internal/where"
)

// Markdown writes a decision as a comment of a merge request or the summary of
// a job shows it: the verdict, the table, what to do next, and the findings
// folded away. Names from inputs are text, whatever they are made of.
func Markdown(w io.Writer, r *model.Report, o Options) error {
	d := decided{r: r, o: o}
	c := d.conclude()
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "## %s: %s\n\n%s", inMarkdown(c.word), inMarkdown(c.sentence), markdownLines(append([]string{d.exit() + "."}, c.lead...)))
	switch {
	case len(r.Releases) != 1:
		d.markdownOutcomes(b)
	case r.Releases[0].Elsewhere():
		markdownKernels(b, &r.Releases[0])
	default:
		t, star := meetingTable(&r.Releases[0])
		markdownTable(b, &t)
		if star {
			b.WriteString(inMarkdown(starNote) + "\n\n")
		}
	}
	markdownSteps(b, "Next", c.next)
	markdownSteps(b, "More", c.more)
	if len(c.reasons) > 0 {
		fmt.Fprintf(b, "<details><summary>%s</summary>\n\n", plural(len(c.reasons), "One more finding", "%d more findings"))
		for _, x := range c.reasons[:min(len(c.reasons), listed)] {
			fmt.Fprintf(b, "- **%s** %s\n", inMarkdown(x.label), inMarkdown(x.text))
		}
		if n := len(c.reasons) - listed; n > 0 {
			fmt.Fprintf(b, "- and %d more\n", n)
		}
		b.WriteString("\n</details>\n\n")
	}
	var read []string
	for _, side := range [][]model.ReleaseRef{r.New, r.Old, r.Kernels} {
		for i := range side {
			read = append(read, releaseName(&side[i])+" ("+packagesOf(&side[i])+")")
		}
	}
	fmt.Fprintf(b, "Read: %s. Policy: %s.\n", inMarkdown(strings.Join(read, "; ")), inMarkdown(r.Policy.Source))
	return b.Flush()
}

func markdownLines(list []string) string {
	var b strings.Builder
	for _, l := range list {
		b.WriteString(inMarkdown(l) + "\n\n")
	}
	return b.String()
}

// inMarkdown makes a text mean itself.
func inMarkdown(text string) string {
	var b strings.Builder
	for _, c := range where.Clean(text) {
		switch {
		case c == '@':
			b.WriteString("&#64;") // nobody is called
			continue
		case strings.ContainsRune("\\`*_{}[]<>()#+!|~&$", c):
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// inCode is a command or name in the type of code.
func inCode(text string) string {
	text = where.Clean(text)
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}

func markdownTable(b *bufio.Writer, t *screen.Table) {
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + c + " ")
		}
		b.WriteString("|\n")
	}
	head, rule := make([]string, len(t.Head)), make([]string, len(t.Head))
	for i, h := range t.Head {
		head[i], rule[i] = inMarkdown(h), "---"
		if i < len(t.Right) && t.Right[i] {
			rule[i] = "--:"
		}
	}
	line(head)
	line(rule)
	for _, r := range t.Rows {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = inMarkdown(c)
		}
		line(cells)
	}
	b.WriteString("\n")
}

// markdownOutcomes is one line for each outcome, the flavours behind it.
func (d *decided) markdownOutcomes(b *bufio.Writer) {
	t := screen.Table{Head: []string{"outcome", "releases", "because of"}}
	for _, g := range d.alike() {
		names := make([]string, len(g.releases))
		for i, v := range g.releases {
			names[i] = releaseName(&v.Release)
		}
		by := ""
		if g.by != nil {
			by = g.by.Rule
		}
		t.Rows = append(t.Rows, []string{wordOf(g.releases[0].Outcome), strings.Join(shortNames(names), ", "), by})
	}
	if len(t.Rows) > 0 {
		markdownTable(b, &t)
	}
}

// markdownKernels is a row for kernels with equal answers.
func markdownKernels(b *bufio.Writer, v *model.ReleaseVerdict) {
	rows := answers(v, false)
	t := screen.Table{Head: []string{"kernels"}}
	for _, r := range rows {
		head := r.first
		if n := len(r.paths); n > 1 {
			head = fmt.Sprintf("%s and %d more", r.first, n-1)
		}
		t.Head = append(t.Head, head)
	}
	for _, c := range foldKernels(v, rows) {
		names := make([]string, len(c))
		for i, k := range c {
			names[i] = v.On[k].Kernel.Name
		}
		row := []string{strings.Join(shortNames(names), ", ")}
		for _, r := range rows {
			row = append(row, markNamed(r.marks[c[0]]).what)
		}
		t.Rows = append(t.Rows, row)
	}
	markdownTable(b, &t)
}

func markdownSteps(b *bufio.Writer, name string, list []step) {
	for _, s := range pageSteps(list) {
		switch {
		case s.Command == "":
			fmt.Fprintf(b, "**%s** %s\n\n", name, inMarkdown(s.What))
		case s.What == "":
			fmt.Fprintf(b, "**%s** %s\n\n", name, inCode(s.Command))
		default:
			fmt.Fprintf(b, "**%s** %s (%s)\n\n", name, inCode(s.Command), inMarkdown(s.What))
		}
	}
}
