package screen

import (
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/where"
)

// Table is rows under a heading. Columns are separated by two blanks.
type Table struct {
	Head  []string
	Rows  [][]string
	Right []bool // columns whose cells end at the right, numbers
	// Tones are those of the last cell of each row.
	Tones []Tone
}

// Table writes a table. Where it is wider than the screen the headings of
// numbers are wrapped, then its widest left column.
func (s *Screen) Table(indent int, t Table) {
	widths := t.widths()
	over := func() int {
		total := indent - 2 - s.width
		for _, w := range widths {
			total += w + 2
		}
		return total
	}
	for i := range t.Head {
		if n := over(); n > 0 && t.right(i) {
			widths[i] = max(widths[i]-n, t.narrowest(i))
		}
	}
	if n := over(); n > 0 {
		widest := 0
		for i, w := range widths {
			if !t.right(i) && w > widths[widest] {
				widest = i
			}
		}
		widths[widest] = max(widths[widest]-n, 12)
	}
	if len(t.Head) > 0 {
		s.row(indent, t, widths, t.Head, Plain)
	}
	for i, r := range t.Rows {
		tone := Plain
		if i < len(t.Tones) {
			tone = t.Tones[i]
		}
		s.row(indent, t, widths, r, tone)
	}
}

func (t *Table) right(column int) bool { return column < len(t.Right) && t.Right[column] }

// narrowest is the width of a column whose heading is wrapped at blanks.
func (t *Table) narrowest(column int) int {
	n := 0
	for _, word := range strings.Fields(t.Head[column]) {
		n = max(n, utf8.RuneCountInString(where.Clean(word)))
	}
	for _, r := range t.Rows {
		if column < len(r) {
			n = max(n, utf8.RuneCountInString(where.Clean(r[column])))
		}
	}
	return n
}

func (t *Table) widths() []int {
	var out []int
	for _, r := range append([][]string{t.Head}, t.Rows...) {
		for i, c := range r {
			if i == len(out) {
				out = append(out, 0)
			}
			out[i] = max(out[i], utf8.RuneCountInString(where.Clean(c)))
		}
	}
	return out
}

// row writes one row, in as many lines as its highest cell has.
func (s *Screen) row(indent int, t Table, widths []int, row []string, tone Tone) {
	cells := make([][]string, len(row))
	height := 1
	for i, c := range row {
		cells[i] = []string{where.Clean(c)}
		if utf8.RuneCountInString(cells[i][0]) > widths[i] {
			cells[i] = Wrap(c, widths[i], widths[i])
		}
		height = max(height, len(cells[i]))
	}
	for h := range height {
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", indent))
		for i := range cells {
			text := ""
			if h < len(cells[i]) {
				text = cells[i][h]
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if i > 0 {
				b.WriteString("  ")
			}
			shown := text
			if i == len(cells)-1 {
				shown = s.toned(text, tone)
			}
			if t.right(i) {
				b.WriteString(pad + shown)
			} else {
				b.WriteString(shown + pad)
			}
		}
		s.line(b.String())
	}
}

// Bar returns a bar of at most width columns for a part of a whole.
func Bar(part, whole int64, width int) string {
	if whole <= 0 || part <= 0 {
		return ""
	}
	n := int((part*int64(width) + whole/2) / whole)
	return strings.Repeat("#", min(max(n, 1), width))
}
