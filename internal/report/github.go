package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// GitHub writes the findings as commands of a GitHub workflow, which shows them
// as annotations: what fails is an error, what warns a warning, the rest a
// notice, in this order, since GitHub shows ten of a kind for each step. The
// first line is the verdict, for the log.
func GitHub(w io.Writer, r *model.Report, o Options) error {
	d := decided{r: r, o: o}
	c := d.conclude()
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "kpkg-btf: %s %s (%s)\n", where.Clean(c.word), where.Clean(c.sentence), d.exit())
	if len(r.Releases) == 0 {
		b.WriteString("::error title=kpkg-btf::no kernel release in the inputs\n")
	}
	type annotation struct {
		level int
		text  string
	}
	var list []annotation
	for _, t := range track(r) {
		for _, p := range t.parts {
			for _, f := range p.findings {
				level := githubLevel(r, f.Finding)
				props := "title=" + githubProperty("kpkg-btf "+f.Rule+" ("+strings.TrimSpace(t.family+" "+p.name)+")")
				if o.Source != "" {
					props = "file=" + githubProperty(o.Source) + ",line=1," + props
				}
				text := inBrief(f.Finding)
				if f.Hint != "" {
					text += "\n" + where.Clean(f.Hint)
				}
				list = append(list, annotation{level, "::" + githubLevels[level] + " " + props + "::" + githubData(text+"\nkpkg-btf help "+where.Clean(f.Rule)) + "\n"})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b annotation) int { return a.level - b.level })
	for _, a := range list {
		b.WriteString(a.text)
	}
	return b.Flush()
}

var githubLevels = [...]string{"error", "warning", "notice"}

func githubLevel(r *model.Report, f *model.Finding) int {
	switch {
	case fails(r, f):
		return 0
	case f.Severity != model.Info && f.Waived == "":
		return 1
	}
	return 2
}

// githubData escapes the text of a workflow command, githubProperty a value
// before it (actions/toolkit, packages/core/src/command.ts).
func githubData(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func githubProperty(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(githubData(where.Clean(text)))
}
