package report

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/page"
)

// htmlRelease makes the sections of one release.
type htmlRelease struct {
	v          *model.ReleaseVerdict
	id, suffix string // of anchors and titles, where there are several releases
	stored     string // the document that has everything
	fields     int    // of definitions that are shown
}

func (h *htmlRelease) section(id, title string) page.Section {
	return page.Section{ID: id + h.id, Title: title + h.suffix}
}

func (h *htmlRelease) sections() []page.Section {
	var out []page.Section
	if h.v.Elsewhere() {
		out = append(out, h.onKernels())
	} else {
		out = append(out, h.encounters())
	}
	if len(h.v.Findings) > 0 {
		s := h.section("findings", "Findings")
		s.Findings = pageFindings(h.v.Findings)
		out = append(out, s)
	}
	if len(h.v.Modules) > 0 && !h.v.Elsewhere() {
		out = append(out, h.modules())
	}
	if s, ok := h.health(); ok {
		out = append(out, s)
	}
	if s, ok := h.sizes(); ok {
		out = append(out, s)
	}
	for k := range h.v.Windows {
		if w := &h.v.Windows[k]; w.Change != nil {
			out = append(out, h.bases(k, w))
		}
	}
	return out
}

// encounters is the table that the text begins with.
func (h *htmlRelease) encounters() page.Section {
	s := h.section("encounters", "Which modules meet which kernel")
	rows := meetings(h.v)
	t := page.Table{Caption: "modules by what becomes of them", Head: []string{"modules", "on kernel", Fine.String(), Bare.String(), Wrong.String(), Refused.String(), Open.String(), "needs"},
		Right: []bool{false, false, true, true, true, true, true, false}}
	star := false
	for i := range rows {
		m := &rows[i]
		row := []page.Cell{{Text: m.modules}, {Text: m.on}}
		if !m.judged {
			row = append(row, page.Cell{}, page.Cell{}, page.Cell{}, page.Cell{}, page.Cell{Text: "not judged: " + m.why})
		} else {
			star = star || m.fates.enforced != m.fates.of[Refused]
			for f := range fateCount {
				c := page.Cell{Text: cell(m.fates.of[f])}
				if f == Refused {
					c.Text = m.fates.refusedCell()
				}
				if c.Text != "-" {
					c.Tone = fateTones[f]
				}
				row = append(row, c)
			}
		}
		t.Rows = append(t.Rows, append(row, page.Cell{Text: m.needs, Tone: pageTone(toneOf(model.Outcome{Action: m.tone}))}))
	}
	if star {
		t.Notes = append(t.Notes, starNote)
	}
	s.Tables = append(s.Tables, t)
	for k := range h.v.Windows {
		w := &h.v.Windows[k]
		text := "Against " + w.Old.Name + ": exported symbols not known"
		if w.Symbols != nil {
			text = "Against " + w.Old.Name + ": " + symbolText(w.Symbols)
		}
		if !w.Judged {
			text += ". No window: " + w.Why
		}
		s.Text = append(s.Text, text+".")
	}
	if b := h.v.Self.BuildBase; b != nil {
		s.Text = append(s.Text, "Build base: "+buildBase(b)+".")
	}
	return s
}

var fateTones = [fateCount]page.Tone{Fine: page.Good, Bare: page.Note, Wrong: page.Bad, Refused: page.Bad, Open: page.Care}

// A column of the matrix is one encounter: fateOf is what becomes of a path.
type column struct {
	title string
	fates map[string]Fate
	// onlyEnforced are paths that are refused where signatures are enforced.
	onlyEnforced map[string]bool
}

func (c *column) set(path string, v model.Verdict, m model.Meaning, l *model.ModuleLoad) {
	f := FateOf(v, m)
	c.fates[path] = f
	if f != Refused && l.IfEnforced == model.LoadsNo {
		c.onlyEnforced[path] = true
	}
}

// columns are the encounters of a release, as meetings has their rows.
func (h *htmlRelease) columns() []column {
	newColumn := func(title string) column { return column{title, map[string]Fate{}, map[string]bool{}} }
	names := sideNames(h.v)
	self := newColumn(names.fresh + " on new")
	for i := range h.v.Modules {
		m := &h.v.Modules[i]
		self.set(m.Path, m.Verdict, m.Meaning, &m.Load)
	}
	out := []column{self}
	for k := range h.v.Windows {
		w := &h.v.Windows[k]
		if !w.Judged {
			continue
		}
		window, reverse := newColumn(names.fresh+" on "+names.old[k]+", running"), newColumn(names.old[k]+" and initrd on new")
		for i := range h.v.Modules {
			m := &h.v.Modules[i]
			for x := range m.Windows {
				if m.Windows[x].Old == k {
					window.set(m.Path, m.Windows[x].Verdict, m.Windows[x].Meaning, &m.Windows[x].Load)
				}
			}
		}
		for i := range w.Reverse.Each {
			m := &w.Reverse.Each[i]
			reverse.set(m.Path, m.Verdict, m.Meaning, &m.Load)
		}
		out = append(out, window, reverse)
	}
	return out
}

// textBudget bounds what is said of single modules on a page, in bytes.
const textBudget = 150_000

// modules is the matrix of folders and encounters, and the list behind it.
func (h *htmlRelease) modules() page.Section {
	s := h.section("modules", "Modules by folder")
	columns := h.columns()
	m := page.Matrix{ListTitle: fmt.Sprintf("All modules, one by one (%d)", len(h.v.Modules))}
	star := false
	for _, c := range columns {
		m.Columns = append(m.Columns, c.title)
		star = star || len(c.onlyEnforced) > 0
	}
	about := map[string]*model.ModuleDecision{}
	paths := map[string]bool{}
	for i := range h.v.Modules {
		about[h.v.Modules[i].Path], paths[h.v.Modules[i].Path] = &h.v.Modules[i], true
	}
	for _, c := range columns {
		for p := range c.fates {
			paths[p] = true
		}
	}
	left, untold := textBudget, 0
	for i, f := range folders(paths) {
		row := page.Folder{ID: fmt.Sprintf("f%s-%d", h.id, i+1), Name: f.name, Count: len(f.paths)}
		for k := range columns {
			row.Cells = append(row.Cells, columns[k].folder(f.paths))
		}
		for _, p := range f.paths {
			t := page.Thing{Name: strings.TrimPrefix(p, f.name+"/")}
			for k := range columns {
				t.Cells = append(t.Cells, columns[k].cell(p))
			}
			if d := about[p]; d != nil {
				t.Text = needs(d)
				if left -= len(t.Text); left < 0 {
					untold++
					if t.Text = ""; d.Action != model.Keep {
						t.Text = d.Action.String()
					}
				}
			}
			row.Things = append(row.Things, t)
		}
		m.Folders = append(m.Folders, row)
	}
	m.Notes = append(m.Notes, "A folder has the colour of the worst answer among its modules, and the number of those that have it.")
	if star {
		m.Notes = append(m.Notes, "* refused where signatures are enforced.")
	}
	if untold > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("Why is left out for %d modules, to keep the page small: kpkg-btf show %s MODULE.", untold, h.stored))
	}
	s.Matrix = &m
	return s
}

// needs is what a module needs, and the first thing that is said about why.
func needs(d *model.ModuleDecision) string {
	text := ""
	if d.Action != model.Keep {
		text = d.Action.String()
	}
	said := moduleWords(d)
	if len(said) == 0 {
		return text
	}
	why := said[0]
	if r := []rune(why); len(r) > 160 {
		why = string(r[:159]) + "…"
	}
	if text == "" {
		return why
	}
	return text + ": " + why
}

func (c *column) cell(path string) page.Cell {
	f, ok := c.fates[path]
	switch {
	case !ok:
		return page.Cell{Text: "-"}
	case f == Fine && c.onlyEnforced[path]:
		return page.Cell{Text: "fine*"}
	case f == Fine:
		return page.Cell{Text: "fine"} // without a colour: most are
	case c.onlyEnforced[path]:
		return page.Cell{Text: f.String() + "*", Tone: fateTones[f]}
	}
	return page.Cell{Text: f.String(), Tone: fateTones[f]}
}

// gravest is the order in which the answer for a folder is chosen.
var gravest = []Fate{Refused, Wrong, Open, Bare, Fine}

// folder is the worst answer among modules, and how many have it.
func (c *column) folder(paths []string) page.Cell {
	var n [fateCount]int
	all, stars := 0, 0
	for _, p := range paths {
		if f, ok := c.fates[p]; ok {
			n[f]++
			all++
			if c.onlyEnforced[p] {
				stars++
			}
		}
	}
	star := ""
	if stars > 0 {
		star = "*"
	}
	for _, f := range gravest {
		switch {
		case n[f] == 0:
		case n[f] == all:
			return page.Cell{Text: f.String() + star, Tone: fateTones[f]}
		default:
			return page.Cell{Text: fmt.Sprintf("%d %s%s", n[f], f, star), Tone: fateTones[f]}
		}
	}
	return page.Cell{Text: "-"}
}

// folder is a part of a module tree.
type folder struct {
	name  string
	paths []string // sorted
}

// A folder with more than one module in splitShare of all, and more than
// splitLeast, is shown by what is in it; what has fewer than ownLeast stays with
// the folder above.
const (
	splitShare = 20
	splitLeast = 24
	ownLeast   = 6
)

// folders parts paths into folders that are about as large, each path in one.
func folders(set map[string]bool) []folder {
	paths := make([]string, 0, len(set))
	for p := range set {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	var out []folder
	var split func(name string, list []string)
	split = func(name string, list []string) {
		most := max(len(paths)/splitShare, splitLeast)
		if len(list) <= most && name != "" {
			out = append(out, folder{name, list})
			return
		}
		var own []string
		var order []string
		below := map[string][]string{}
		for _, p := range list {
			rest := strings.TrimPrefix(strings.TrimPrefix(p, name), "/")
			at := strings.IndexByte(rest, '/')
			if at < 0 {
				own = append(own, p)
				continue
			}
			sub := strings.TrimPrefix(name+"/"+rest[:at], "/")
			if below[sub] == nil {
				order = append(order, sub)
			}
			below[sub] = append(below[sub], p)
		}
		order = slices.DeleteFunc(order, func(sub string) bool {
			if len(below[sub]) >= ownLeast {
				return false
			}
			own = append(own, below[sub]...)
			return true
		})
		if len(own) > 0 {
			slices.Sort(own)
			if name == "" {
				name = "."
			}
			out = append(out, folder{name, own})
		}
		for _, sub := range order {
			split(sub, below[sub])
		}
	}
	split("", paths)
	return out
}
