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
// numbers are wrapped at blanks, then the other columns, the widest first, and
// only when that is not enough are words broken.
func (s *Screen) Table(indent int, t Table) {
	widths := t.widths()
	over := indent - 2 - s.width
	for _, w := range widths {
		over += w + 2
	}
	for i := 0; i < len(widths) && over > 0; i++ {
		if t.right(i) {
			least := max(widths[i]-over, t.narrowest(i))
			over -= widths[i] - least
			widths[i] = least
		}
	}
	over = t.narrow(widths, over, t.narrowest)
	t.narrow(widths, over, func(int) int { return leastColumn })
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

// leastColumn is what is left of a column whose words are broken.
const leastColumn = 12

// narrow takes columns from the widest column of text, again and again, none below
// its least width. It returns what is still over.
func (t *Table) narrow(widths []int, over int, least func(column int) int) int {
	for ; over > 0; over-- {
		widest := -1
		for i, w := range widths {
			if !t.right(i) && w > least(i) && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return over
}

// narrowest is the width of a column that is wrapped at blanks; of numbers the
// heading alone is.
func (t *Table) narrowest(column int) int {
	n := 0
	for i, r := range append([][]string{t.Head}, t.Rows...) {
		if column >= len(r) {
			continue
		}
		words := []string{r[column]}
		if i == 0 || !t.right(column) {
			words = strings.Fields(r[column])
		}
		for _, word := range words {
			n = max(n, utf8.RuneCountInString(where.Clean(word)))
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
