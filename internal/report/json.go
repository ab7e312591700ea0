package report

import (
	"bytes"
	"encoding/json"
	"io"

	"kpkg-btf/internal/document"
)

// JSON writes a document of this program in its canonical form (package
// document), with the digest that its readers verify. tool is the name and
// version of the program.
func JSON(w io.Writer, tool string, doc any) error {
	text, _, err := document.Marshal(document.SchemaOf(doc), tool, doc)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// foreign writes a document whose form others define.
func foreign(w io.Writer, doc any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	var out []byte
	for _, r := range text.String() {
		if r < ' ' { // between the strings; within them they are escaped
			out = append(out, byte(r))
			continue
		}
		out = document.AppendVisible(out, r)
	}
	_, err := w.Write(out)
	return err
}

// JSONLine writes a value as one line of JSON.
func JSONLine(w io.Writer, v any) error {
	line, err := document.Line(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}
