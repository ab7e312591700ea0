package report

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/page"
)

// onKernels is external modules on every kernel of --on: a row for a kernel, so
// that there is room for hundreds, and a column for modules with equal answers.
func (h *htmlRelease) onKernels() page.Section {
	v := h.v
	s := h.section("on", "Modules on each kernel")
	s.Text = append(s.Text, origins(v)...)
	rows := answers(v, false)
	t := page.Table{Caption: kernelCount(len(v.On)) + ", and what each does with the modules", Head: []string{"kernel", "needs"}, Right: []bool{false, false}}
	var legend []string
	for i, r := range rows {
		head := fmt.Sprintf("[%d]", i+1)
		if len(rows) <= 6 {
			head = r.first
			if n := len(r.paths); n > 1 {
				head = fmt.Sprintf("%s and %d more", r.first, n-1)
			}
		}
		t.Head, t.Right = append(t.Head, head), append(t.Right, false)
		if len(rows) > 6 || len(r.paths) > 1 {
			legend = append(legend, head+": "+strings.Join(r.paths, ", "))
		}
	}
	t.Head, t.Right = append(t.Head, "why"), append(t.Right, false)
	for k := range v.On {
		o := &v.On[k]
		row := []page.Cell{{Text: o.Kernel.Name}, {Text: kernelNeeds(v, k), Tone: pageTone(toneOf(model.Outcome{Action: o.Action}))}}
		for _, r := range rows {
			m := markNamed(r.marks[k])
			row = append(row, page.Cell{Text: m.mark + " " + m.what, Tone: m.tone})
		}
		t.Rows = append(t.Rows, append(row, page.Cell{Text: whyOn(v, k)}))
	}
	t.Notes = legend
	s.Tables = append(s.Tables, t)
	return s
}

// kernelNeeds is the highest that a module needs on kernel k; what is not known
// never passes for nothing.
func kernelNeeds(v *model.ReleaseVerdict, k int) string {
	o := model.Outcome{Action: v.On[k].Action}
	for i := range v.Modules {
		if k < len(v.Modules[i].On) && v.Modules[i].On[k].Unknown {
			o.Inconclusive = true
		}
	}
	return o.Word()
}

// whyOn is the first thing that is said about the modules on kernel k.
func whyOn(v *model.ReleaseVerdict, k int) string {
	for i := range v.Modules {
		m := &v.Modules[i]
		if k < len(m.On) && m.On[k].Why != "" && (m.On[k].Action == v.On[k].Action || m.On[k].Unknown) {
			return m.Path + ": " + m.On[k].Why
		}
	}
	return ""
}
