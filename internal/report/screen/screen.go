// Package screen lays text out for people.
//
// The rules of output, for every command:
//
//   - The verdict comes first, in one line: the decision as a word, a sentence
//     that says what it means, the exit code. Then the table, then why, then the
//     next command, then how to see more.
//   - A line is as wide as the terminal, 80 columns where there is none, and
//     never more than 120. What is longer is wrapped, commands with a backslash,
//     so that they can be pasted.
//   - Colour stands only on a terminal and carries no meaning alone: without it
//     every word is still there.
//   - Whole sentences have a subject and a verb; a number and its noun agree.
//   - What came out of a package is cleaned of control characters before it is
//     printed.
package screen

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/where"
)

// The widths of a screen, in columns.
const (
	DefaultWidth = 80 // without a terminal
	MaxWidth     = 120
	minWidth     = 40
)

// Tone is how a word is meant: it chooses the colour.
type Tone uint8

const (
	Plain  Tone = iota
	Good        // nothing to do
	Care        // something to do
	Bad         // wrong, or must not pass
	Strong      // stands out
)

// escapes are the SGR sequences of ECMA-48 for each tone.
var escapes = [...]string{Plain: "", Good: "\x1b[1;32m", Care: "\x1b[1;33m", Bad: "\x1b[1;31m", Strong: "\x1b[1m"}

// Screen writes lines of one width. The first error of the writer ends it and
// is what Flush returns.
type Screen struct {
	w      *bufio.Writer
	width  int
	colour bool
	lines  int
}

// New returns a screen of a width in columns, 0 for the default.
func New(w io.Writer, width int, colour bool) *Screen {
	return &Screen{w: bufio.NewWriter(w), width: Columns(width), colour: colour}
}

// Columns returns how wide lines are on a terminal of so many columns, 0 for
// none.
func Columns(width int) int {
	if width == 0 {
		width = DefaultWidth
	}
	return min(max(width, minWidth), MaxWidth)
}

// Flush writes what is left and returns the first error.
func (s *Screen) Flush() error { return s.w.Flush() }

// Width returns the columns of a line.
func (s *Screen) Width() int { return s.width }

// Lines returns how many lines were written.
func (s *Screen) Lines() int { return s.lines }

// Blank writes an empty line.
func (s *Screen) Blank() { s.line("") }

// Raw writes what another screen of the same width has laid out.
func (s *Screen) Raw(text []byte) {
	s.lines += bytes.Count(text, []byte("\n"))
	s.w.Write(text)
}

// Text writes a paragraph with every line indented.
func (s *Screen) Text(indent int, text string) {
	pad := strings.Repeat(" ", indent)
	for _, l := range Wrap(text, s.width-indent, s.width-indent) {
		s.line(pad + l)
	}
}

// Entry writes a paragraph behind a label, which begins at indent and has its
// own column of the given width.
func (s *Screen) Entry(indent int, label string, column int, tone Tone, text string) {
	hang := indent + column
	first := max(column-utf8.RuneCountInString(label), 1)
	if label == "" {
		first = column
	}
	lines := Wrap(text, s.width-indent-utf8.RuneCountInString(label)-first, s.width-hang)
	if len(lines) == 0 {
		lines = []string{""}
	}
	s.line(strings.Repeat(" ", indent) + s.toned(where.Clean(label), tone) + strings.Repeat(" ", first) + lines[0])
	for _, l := range lines[1:] {
		s.line(strings.Repeat(" ", hang) + l)
	}
}

// leadIndent is the column below a headline's word in which its text goes on.
const leadIndent = 7

// Headline writes the verdict: a word, a sentence, and at the right end of the
// first line what is short and must be seen; below it sentences that explain.
// Without a word the sentence is the verdict.
func (s *Screen) Headline(word string, tone Tone, sentence, right string, lead ...string) {
	word = where.Clean(word)
	used, hang := max(utf8.RuneCountInString(word)+2, leadIndent), leadIndent
	if word == "" {
		used, hang = 0, 2
	}
	first := s.width - used
	if right != "" {
		first -= utf8.RuneCountInString(right) + 2
	}
	lines := Wrap(sentence, max(first, 1), s.width-hang)
	if len(lines) == 0 {
		lines = []string{""}
	}
	head := s.toned(word, tone) + strings.Repeat(" ", used-utf8.RuneCountInString(word)) + s.toned(lines[0], Strong)
	if right != "" {
		gap := s.width - used - utf8.RuneCountInString(lines[0]) - utf8.RuneCountInString(right)
		head += strings.Repeat(" ", max(gap, 2)) + right
	}
	s.line(head)
	for _, l := range lines[1:] {
		s.line(strings.Repeat(" ", hang) + s.toned(l, Strong))
	}
	for _, l := range lead {
		s.Text(hang, l)
	}
}

// Command writes a command behind a label, and in a column of its own what it
// is for: below it where a line has no room for both. A command that is too
// long for a line goes on behind a backslash.
func (s *Screen) Command(indent int, label string, column int, words []string, what string, widest int) {
	hang := indent + column
	lines := commandLines(words, s.width-hang)
	head := strings.Repeat(" ", indent) + s.toned(where.Clean(label), Strong) + strings.Repeat(" ", max(column-utf8.RuneCountInString(label), 1))
	if gap := max(widest-utf8.RuneCountInString(lines[0]), 0) + 2; what != "" && len(lines) == 1 && hang+utf8.RuneCountInString(lines[0]+what)+gap <= s.width {
		s.line(head + lines[0] + strings.Repeat(" ", gap) + where.Clean(what))
		return
	}
	for i, l := range lines {
		if i > 0 {
			head = strings.Repeat(" ", hang)
		}
		s.line(head + l)
	}
	if what != "" {
		s.Text(hang+2, "("+what+")")
	}
}

// CommandWidth returns the columns that a command takes in one line.
func (s *Screen) CommandWidth(words []string) int {
	n := -1
	for _, w := range words {
		n += utf8.RuneCountInString(Quote(w)) + 1
	}
	return max(n, 0)
}

// Verbatim writes a line as it is, cleaned, however long it is: what is quoted
// from a kernel's log or is C.
func (s *Screen) Verbatim(indent int, text string) {
	text = strings.ReplaceAll(text, "\t", "    ")
	hang := indent
	for _, l := range breakLong(where.Clean(text), s.width-indent) {
		s.line(strings.Repeat(" ", hang) + l)
	}
}

func (s *Screen) line(text string) {
	s.w.WriteString(strings.TrimRight(text, " "))
	s.w.WriteByte('\n')
	s.lines++
}

func (s *Screen) toned(text string, tone Tone) string {
	if !s.colour || tone == Plain || text == "" {
		return text
	}
	return escapes[tone] + text + "\x1b[0m"
}
