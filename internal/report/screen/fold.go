package screen

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// Fold returns a writer of lines for texts that lay themselves out: one that is
// wider than the screen goes on below, two columns to the right of where it
// began. What does not end in a line end is not written.
func Fold(w io.Writer, width int) io.Writer {
	return &folder{w: w, width: Columns(width)}
}

type folder struct {
	w     io.Writer
	width int
	rest  []byte
}

func (f *folder) Write(text []byte) (int, error) {
	f.rest = append(f.rest, text...)
	var out bytes.Buffer
	for {
		line, rest, ok := bytes.Cut(f.rest, []byte("\n"))
		if !ok {
			break
		}
		f.line(&out, string(line))
		f.rest = rest
	}
	if _, err := f.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(text), nil
}

func (f *folder) line(out *bytes.Buffer, line string) {
	if utf8.RuneCountInString(line) <= f.width {
		out.WriteString(line + "\n")
		return
	}
	indent := min(len(line)-len(strings.TrimLeft(line, " ")), f.width/2)
	hang := indent + 2
	for i, l := range Wrap(line, f.width-indent, f.width-hang) {
		pad := hang
		if i == 0 {
			pad = indent
		}
		out.WriteString(strings.Repeat(" ", pad) + l + "\n")
	}
}
