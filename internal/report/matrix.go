package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/page"
	"kpkg-btf/internal/report/screen"
)

// marks are the cells of the matrix of external modules, the gravest first.
var marks = []markWord{
	{"R", "build for this kernel", page.Bad},
	{"S", "strip before it ships", page.Care},
	{"D", "distill before it ships", page.Care},
	{"w", "loads with wrong types", page.Bad},
	{"x", "refused", page.Bad},
	{"?", "not known", page.Care},
	{"d", "loads without BTF", page.Note},
	{".", "fine", page.Good},
}

// markWord is a cell, what it means, and how good or bad that is.
type markWord struct {
	mark, what string
	tone       page.Tone
}

func markNamed(mark string) markWord {
	return marks[slices.IndexFunc(marks, func(m markWord) bool { return m.mark == mark })]
}

func markOf(c *model.ModuleOn) string {
	switch {
	case c.Unknown:
		return "?"
	case c.Action >= model.RebuildFor:
		return "R"
	case c.Action == model.Strip:
		return "S"
	case c.Action == model.Distill:
		return "D"
	}
	return map[Fate]string{Fine: ".", Bare: "d", Wrong: "w", Refused: "x", Open: "?"}[FateOf(c.Verdict, c.Meaning)]
}

// outsideHead is the verdict about external modules on the kernels of --on.
func outsideHead(v *model.ReleaseVerdict) headline {
	h := headline{word: wordOf(v.Outcome), tone: toneOf(v.Outcome), by: decisive(v.Outcome, v.Findings)}
	what := packagesOf(&v.Release)
	modules := plural(len(v.Modules), "1 module", "%d modules")
	n, of := 0, len(v.On)
	for k := range v.On {
		if v.On[k].Action >= model.RebuildFor {
			n++
		}
	}
	switch a := v.Outcome.Action; {
	case a == model.RebuildFor:
		h.word = fmt.Sprintf("BUILD FOR %d of %s", n, kernelCount(of))
		h.sentence = what + ", " + modules
	case v.Outcome.ExitCode() == model.ExitInconclusive && a == model.Keep:
		h.sentence = fmt.Sprintf("%s, %s: the inputs cannot answer for every kernel", what, modules)
	case v.Outcome.ExitCode() == model.ExitInconclusive:
		h.sentence = fmt.Sprintf("%s: %s, %s", condition(v), what, modules)
	case a == model.Keep:
		h.sentence = fmt.Sprintf("%s, %s: nothing to do for %s", what, modules, kernelCount(of))
	default:
		h.sentence = fmt.Sprintf("%s, %s: ready for %s once %s", what, modules, kernelCount(of), past(a))
	}
	if h.by != nil {
		h.lead = append(h.lead, screen.Sentence(h.by.Message))
	}
	if b := builtOn(v); b != "" {
		h.lead = append(h.lead, b)
	}
	return h
}

func kernelCount(n int) string { return plural(n, "1 kernel", "%d kernels") }

func packagesOf(r *model.ReleaseRef) string {
	switch n := len(r.Packages); {
	case n == 0:
		return r.Name
	case n > 2:
		return fmt.Sprintf("%s and %d more", r.Packages[0], n-1)
	}
	return strings.Join(r.Packages, ", ")
}

// builtOn says which base the modules were encoded on, where that is one for
// all that have BTF.
func builtOn(v *model.ReleaseVerdict) string {
	name, known := "", true
	for i := range v.Modules {
		m := &v.Modules[i]
		if m.BTF == "" {
			continue
		}
		at := slices.IndexFunc(v.On, func(k model.KernelResult) bool { return m.BuiltOn != "" && k.Kernel.Base.SHA256 == m.BuiltOn })
		if at < 0 || name != "" && name != v.On[at].Kernel.Name {
			known = false
			break
		}
		name = v.On[at].Kernel.Name
	}
	if name == "" || !known {
		return ""
	}
	return "Their BTF is encoded on the base of " + name + "."
}

// line is modules with the same answer on every kernel.
type line struct {
	first string
	paths []string
	marks []string
}

// answers parts the modules by their answers, those that need most first; with
// apart each module is one line.
func answers(v *model.ReleaseVerdict, apart bool) []line {
	var rows []line
	at := map[string]int{}
	for i := range v.Modules {
		m := &v.Modules[i]
		l := line{first: m.Path, paths: []string{m.Path}}
		for k := range m.On {
			l.marks = append(l.marks, markOf(&m.On[k]))
		}
		key := strings.Join(l.marks, "")
		if apart {
			key += "\x00" + m.Path
		}
		if n, ok := at[key]; ok {
			rows[n].paths = append(rows[n].paths, m.Path)
			continue
		}
		at[key] = len(rows)
		rows = append(rows, l)
	}
	slices.SortStableFunc(rows, func(a, b line) int { return weight(a.marks) - weight(b.marks) })
	return rows
}

// matrix has a row for modules with equal answers and a column for kernels
// with equal answers.
func (d *decided) matrix(v *model.ReleaseVerdict) {
	rows := answers(v, d.o.Verbose)
	if len(rows) == 0 {
		return
	}
	columns := foldKernels(v, rows)
	heads, legend := kernelHeads(v, columns, d.s.Width())
	t := screen.Table{Head: append([]string{"module"}, heads...), Right: []bool{false}}
	for range columns {
		t.Right = append(t.Right, true)
	}
	for _, r := range rows {
		name := r.first
		if n := len(r.paths); n > 1 {
			name = fmt.Sprintf("%s and %d more", r.first, n-1)
		}
		row := []string{name}
		for _, c := range columns {
			row = append(row, r.marks[c[0]])
		}
		t.Rows = append(t.Rows, row)
	}
	shown := len(t.Rows)
	if !d.o.Verbose && shown > matrixRows {
		t.Rows = t.Rows[:matrixRows]
	}
	d.s.Table(2, t)
	if n := shown - len(t.Rows); n > 0 {
		d.s.Text(2, plural(n, "one more row (-v)", "%d more rows (-v)"))
	}
	for _, l := range legend {
		d.s.Text(2, l)
	}
	var words []string
	for _, m := range marks {
		if slices.ContainsFunc(rows, func(r line) bool { return slices.Contains(r.marks, m.mark) }) {
			words = append(words, m.mark+" "+m.what)
		}
	}
	d.s.Text(2, strings.Join(words, "   "))
}

// matrixRows is how many different answers the common screen shows.
const matrixRows = 8

// weight sorts rows: those that need most come first.
func weight(row []string) int {
	best := len(marks)
	for _, m := range row {
		for i := range marks {
			if marks[i].mark == m {
				best = min(best, i)
			}
		}
	}
	return best
}

// foldKernels returns the kernels of each column: those with equal answers are
// one, in the order in which they were given.
func foldKernels(v *model.ReleaseVerdict, rows []line) [][]int {
	var out [][]int
	at := map[string]int{}
	for k := range v.On {
		key := ""
		for _, r := range rows {
			key += r.marks[k]
		}
		if n, ok := at[key]; ok {
			out[n] = append(out[n], k)
			continue
		}
		at[key] = len(out)
		out = append(out, []int{k})
	}
	return out
}

// kernelHeads names the columns: a kernel by its name where that is all, else
// by a letter with the names below the table.
func kernelHeads(v *model.ReleaseVerdict, columns [][]int, width int) (heads, legend []string) {
	total := 0
	for _, c := range columns {
		head := v.On[c[0]].Kernel.Name
		if len(c) > 1 {
			head = fmt.Sprintf("%s +%d", head, len(c)-1)
		}
		total += len(head) + 2
		heads = append(heads, head)
	}
	folded := slices.ContainsFunc(columns, func(c []int) bool { return len(c) > 1 })
	if total <= width/2 && !folded {
		return heads, nil
	}
	for i, c := range columns {
		heads[i] = "[" + strconv.Itoa(i+1) + "]"
		var names []string
		for _, k := range c {
			names = append(names, v.On[k].Kernel.Name)
		}
		legend = append(legend, heads[i]+" "+strings.Join(shortNames(names), ", "))
	}
	return heads, legend
}

// shortNames writes names that share beginning and end as "6.1.0-{50,51}-amd64".
func shortNames(names []string) []string {
	if len(names) < 3 {
		return names
	}
	pre, post := names[0], names[0]
	for _, n := range names[1:] {
		for !strings.HasPrefix(n, pre) {
			pre = pre[:len(pre)-1]
		}
		for !strings.HasSuffix(n, post) {
			post = post[1:]
		}
	}
	// Numbers are not cut in two: 50 and 51 differ in "50" and "51".
	for pre != "" && pre[len(pre)-1] >= '0' && pre[len(pre)-1] <= '9' {
		pre = pre[:len(pre)-1]
	}
	for post != "" && post[0] >= '0' && post[0] <= '9' {
		post = post[1:]
	}
	if len(pre)+len(post) < 4 {
		return names
	}
	var mid []string
	for _, n := range names {
		if len(pre)+len(post) > len(n) {
			return names
		}
		mid = append(mid, n[len(pre):len(n)-len(post)])
	}
	return []string{pre + "{" + strings.Join(mid, ", ") + "}" + post}
}
