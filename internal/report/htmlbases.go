package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/page"
	"kpkg-btf/internal/report/screen"
)

// bases shows how an older base became the new one: where ids went, and the
// types that changed.
func (h *htmlRelease) bases(k int, w *model.WindowResult) page.Section {
	c := w.Change
	s := h.section(fmt.Sprintf("base-%d", k+1), "From the base of "+w.Old.Name)
	s.Text = append(s.Text, screen.Sentence(c.Text))
	if c.Prevent != "" {
		s.Text = append(s.Text, "To prevent it: "+c.Prevent+".")
	}
	s.Tables = append(s.Tables, page.Table{Caption: "both bases in figures", Head: []string{"", "number"}, Right: []bool{false, true}, Rows: [][]page.Cell{
		{{Text: "ids in place"}, {Text: cell(c.InPlace)}}, {{Text: "ids moved"}, {Text: cell(c.Ids)}}, {{Text: "by so many distances"}, {Text: cell(c.Shifts)}},
		{{Text: "types added, gone"}, {Text: cell(c.Added) + ", " + cell(c.Gone)}}, {{Text: "functions added, gone"}, {Text: cell(c.FunctionsAdded) + ", " + cell(c.FunctionsGone)}},
		{{Text: "structs, unions and enums that changed"}, {Text: cell(c.Changed)}},
	}})
	if c.Places != nil && c.Places.Ids > 0 && c.Places.Cells > 0 {
		s.Pictures = append(s.Pictures, placesPicture(c))
	}
	rest := page.Table{Caption: "types that changed, without their definitions", Head: []string{"type", "old id", "new id", "old bytes", "new bytes"}, Right: []bool{false, true, true, true, true}}
	for i := range c.Types {
		t := &c.Types[i]
		if t.Was != nil && t.Is != nil {
			if h.fields += len(t.Was.Fields) + len(t.Is.Fields); h.fields <= fieldBudget {
				s.Types = append(s.Types, pageType(t))
				continue
			}
		}
		rest.Rows = append(rest.Rows, []page.Cell{{Text: t.Name}, {Text: fmt.Sprint(t.OldID)}, {Text: fmt.Sprint(t.NewID)}, {Text: fmt.Sprint(t.OldSize)}, {Text: fmt.Sprint(t.NewSize)}})
	}
	if len(rest.Rows) > 0 {
		rest.Notes = []string{"kpkg-btf diff OLD NEW --limit -1 has all definitions."}
		s.Tables = append(s.Tables, rest)
	}
	return s
}

// fieldBudget bounds the lines of definitions on a page.
const fieldBudget = 2500

// manyDistances is from how many distances on a movement is no longer a few
// steps (as meaning puts it into words).
const manyDistances = 100

// placesCaption says what the picture of ids shows.
func placesCaption(c *model.BaseChange) string {
	known := c.InPlace + c.Ids
	if known == 0 {
		return "No id of one base is a type of the other."
	}
	moved := share(int64(c.Ids), int64(known))
	most := 0
	for _, m := range c.Moved {
		most = max(most, m.Count)
	}
	switch {
	case c.Ids == 0:
		return "A diagonal: every id is the type that it was."
	case c.Shifts <= manyDistances:
		return fmt.Sprintf("A step: %s of the ids moved, by %s; beside the steps the order is kept. A module built on one base reads other types on the other.", moved, model.Plural(c.Shifts, "distance", "distances"))
	case 2*most > c.Ids:
		return fmt.Sprintf("A step with strays: %s of the ids moved, half of them by one distance, the others by %d more.", moved, c.Shifts-1)
	case spread(c.Places) > c.Places.Cells/8:
		return fmt.Sprintf("A cloud: %s of the ids moved, by %d distances, far from where they were: types stand in another order.", moved, c.Shifts)
	}
	return fmt.Sprintf("A thick diagonal: %s of the ids moved, by %d distances, most of them not far. No id can be relied on.", moved, c.Shifts)
}

// spread is how many cells ids are away from the diagonal on an average.
func spread(p *model.IDPlaces) int {
	sum, n := 0, 0
	for _, c := range p.Has {
		away := c.New - c.Old
		if away < 0 {
			away = -away
		}
		sum += away * c.Count
		n += c.Count
	}
	return sum / max(n, 1)
}

// pointSize is the side of a cell in pixels, mapEdge the room for words.
const (
	pointSize = 7
	mapEdge   = 16
)

func placesPicture(c *model.BaseChange) page.Picture {
	p := c.Places
	side := p.Cells * pointSize
	most := 1
	for _, x := range p.Has {
		most = max(most, x.Count)
	}
	pic := page.Picture{Title: "Where type ids went", Width: side + 2, Height: side + 2*mapEdge,
		Caption: placesCaption(c) + fmt.Sprintf(" (%d ids on each side, in %d × %d cells; darker is more.)", p.Ids, p.Cells, p.Cells)}
	pic.Shapes = append(pic.Shapes, page.Shape{X: "1", Y: fmt.Sprint(mapEdge), W: fmt.Sprint(side), H: fmt.Sprint(side), Ink: page.InkFrame})
	for _, x := range p.Has {
		if x.New < 0 || x.New >= p.Cells || x.Old < 0 || x.Old >= p.Cells {
			continue
		}
		opacity := 0.15 + 0.85*math.Log1p(float64(x.Count))/math.Log1p(float64(most))
		pic.Shapes = append(pic.Shapes, page.Shape{X: fmt.Sprint(1 + x.Old*pointSize), Y: fmt.Sprint(mapEdge + (p.Cells-1-x.New)*pointSize),
			W: fmt.Sprint(pointSize), H: fmt.Sprint(pointSize), Ink: page.InkPoints, Opacity: fmt.Sprintf("%.2f", opacity)})
	}
	pic.Labels = []page.Label{{X: "1", Y: fmt.Sprint(mapEdge - 4), Text: "↑ id in the new base"}, {X: "1", Y: fmt.Sprint(side + 2*mapEdge - 4), Text: "id in the old base →"}}
	return pic
}

// pageType shows one type that changed.
func pageType(t *model.ChangedType) page.Type {
	out := page.Type{Name: t.Name, Text: screen.Sentence(t.Text)}
	if t.Used != nil {
		for _, x := range []struct {
			what           string
			value, pointer *model.Users
		}{{"Exported symbols", &t.Used.SymbolsByValue, &t.Used.SymbolsPointer}, {"Modules", &t.Used.ModulesByValue, &t.Used.ModulesPointer}} {
			out.Reached = append(out.Reached, x.what+" that reach it: "+reached(x.value, x.pointer)+".")
		}
	}
	old, new := codeLines(t.Was, int64(t.OldSize)), codeLines(t.Is, int64(t.NewSize))
	out.Old, out.New = page.Side{Title: fmt.Sprintf("old, id %d", t.OldID), Lines: marked(old, new, "-")}, page.Side{Title: fmt.Sprintf("new, id %d", t.NewID), Lines: marked(new, old, "+")}
	most := max(t.OldSize, t.NewSize)
	for _, x := range []struct {
		name string
		def  *model.Definition
		size uint32
		side *page.Side
	}{{"old", t.Was, t.OldSize, &out.Old}, {"new", t.Is, t.NewSize, &out.New}} {
		l := layoutOf(x.def, int64(x.size)*8)
		if len(l.members) == 0 || x.def.Cut {
			continue
		}
		x.side.Note = l.padding()
		out.Rulers = append(out.Rulers, l.ruler(x.name, int64(most)*8))
	}
	return out
}

// codeLines are a definition as C, offsets in comments.
func codeLines(d *model.Definition, size int64) []string {
	head := d.Head
	if len(d.Fields) == 0 {
		return []string{head + ";"}
	}
	out := []string{head + " {"}
	for _, f := range d.Fields {
		text := strings.Repeat("    ", f.Depth+1) + f.C
		switch {
		case f.Bit < 0 && !strings.HasPrefix(f.C, "}"):
			text += ","
		case !strings.HasSuffix(f.C, "{"):
			text += ";"
		}
		if f.Bit >= 0 {
			text += fmt.Sprintf(" /* %s */", offset(f.Bit))
		}
		out = append(out, text)
	}
	if d.Cut {
		out = append(out, "    …")
	}
	return append(out, fmt.Sprintf("}; /* %d bytes */", size))
}

// offset spells a place in bytes, "12:3" for bit 3 of byte 12.
func offset(bit int64) string {
	if bit%8 != 0 {
		return fmt.Sprintf("%d:%d", bit/8, bit%8)
	}
	return fmt.Sprint(bit / 8)
}

// marked are the lines of one side; those that the other side does not have
// are marked.
func marked(lines, other []string, mark string) []page.Line {
	there := map[string]int{}
	for _, l := range other {
		there[l]++
	}
	out := make([]page.Line, 0, len(lines))
	for _, l := range lines {
		if there[l] > 0 {
			there[l]--
			out = append(out, page.Line{Mark: " ", Text: l})
			continue
		}
		out = append(out, page.Line{Mark: mark, Text: l})
	}
	return out
}

// stretch is bits from one to another.
type stretch struct {
	from, to int64
	name     string
}

// layout is what lies where in a definition.
type layout struct {
	members, holes []stretch
	bits           int64
}

// layoutOf finds the outermost members, and what none of them covers.
func layoutOf(d *model.Definition, bits int64) layout {
	l := layout{bits: bits}
	depth := 0 // of what counts: in a struct without a name, its members do
	for i, f := range d.Fields {
		switch {
		case f.Depth > depth:
		case f.Depth < depth:
			depth = f.Depth // the brace that closes
		case f.C == "struct {" && closes(d.Fields[i+1:], depth):
			depth++
		case f.Bit >= 0 && f.Bits > 0 && f.Bit+f.Bits <= bits:
			l.members = append(l.members, stretch{f.Bit, f.Bit + f.Bits, strings.TrimSuffix(f.C, " {")})
		}
	}
	slices.SortStableFunc(l.members, func(a, b stretch) int { return int(a.from - b.from) })
	if len(l.members) == 0 {
		return l
	}
	at := int64(0)
	for _, m := range append(slices.Clone(l.members), stretch{from: bits, to: bits}) {
		if m.from > at {
			l.holes = append(l.holes, stretch{from: at, to: m.from})
		}
		at = max(at, m.to)
	}
	return l
}

// closes reports whether the brace that closes a struct has no name behind it.
func closes(fields []model.Field, depth int) bool {
	for _, f := range fields {
		if f.Depth == depth {
			return f.C == "}"
		}
	}
	return false
}

// padding says in words where nothing lies.
func (l *layout) padding() string {
	if len(l.holes) == 0 {
		return "No padding."
	}
	var parts []string
	sum := int64(0)
	for i, h := range l.holes {
		sum += h.to - h.from
		if i < 8 {
			parts = append(parts, fmt.Sprintf("%s at %s", offset(h.to-h.from), offset(h.from)))
		}
	}
	if n := len(l.holes) - len(parts); n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	return fmt.Sprintf("Padding, in bytes: %s (%s).", offset(sum), strings.Join(parts, ", "))
}

// Size of a ruler in pixels.
const (
	rulerWidth  = 1000
	rulerHeight = 34
	rulerBar    = 20
	rulerMarks  = 8 // at most
	rulerLead   = 30
)

// ruler draws what lies where, to the scale of the larger side.
func (l *layout) ruler(name string, scale int64) page.Picture {
	x := func(bit int64) float64 { return rulerLead + float64(bit)*rulerWidth/float64(scale) }
	p := page.Picture{Width: rulerLead + rulerWidth + 40, Height: rulerHeight, Labels: []page.Label{{X: "0", Y: "14", Text: name}}}
	add := func(s *stretch, ink page.Ink, title string) {
		p.Shapes = append(p.Shapes, page.Shape{X: fmt.Sprintf("%.1f", x(s.from)), Y: "0", W: fmt.Sprintf("%.1f", x(s.to)-x(s.from)), H: fmt.Sprint(rulerBar), Ink: ink, Title: title})
	}
	for i := range l.members {
		ink := page.InkPlain
		if i%2 == 1 {
			ink = page.InkOther
		}
		m := &l.members[i]
		add(m, ink, fmt.Sprintf("%s: %s bytes at %s", m.name, offset(m.to-m.from), offset(m.from)))
		if room := int((x(m.to) - x(m.from)) / 6.4); room >= 4 {
			p.Labels = append(p.Labels, page.Label{X: fmt.Sprintf("%.1f", x(m.from)+3), Y: "14", Text: clipped(memberName(m.name), room)})
		}
	}
	for i := range l.holes {
		add(&l.holes[i], page.InkHole, fmt.Sprintf("padding: %s bytes at %s", offset(l.holes[i].to-l.holes[i].from), offset(l.holes[i].from)))
	}
	step := int64(1)
	for l.bits/8/step > rulerMarks {
		step *= 2
	}
	for at := int64(0); at*8 < l.bits-4*step; at += step {
		p.Labels = append(p.Labels, page.Label{X: fmt.Sprintf("%.1f", x(at*8)), Y: fmt.Sprint(rulerHeight - 3), Text: fmt.Sprint(at)})
	}
	p.Labels = append(p.Labels, page.Label{X: fmt.Sprintf("%.1f", x(l.bits)), Y: fmt.Sprint(rulerHeight - 3), Text: fmt.Sprint(l.bits / 8)})
	return p
}

// memberName is the last word of a declaration.
func memberName(c string) string {
	if i := strings.LastIndexAny(c, " *"); i >= 0 && i+1 < len(c) {
		return c[i+1:]
	}
	return c
}

func clipped(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}
