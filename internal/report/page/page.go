// Package page writes one self-contained HTML file: a verdict, tables, pictures.
// It knows nothing of kernels: package report says what to show.
//
// The rules of a page: everything is in it without a script, which only
// filters, and it can be read without its style, since CI servers block either.
// Pictures are SVG whose colours stand as attributes, too; what they show stands
// beside them as text. Nothing is loaded from anywhere, and the page's own
// policy (CSP) forbids it. Every string of a Page is cleaned as on a terminal.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"reflect"
	"strings"

	"kpkg-btf/internal/where"
)

// Tone is how good or bad something is; the words beside it say the same. Its
// value is a class of the style, short because pages have tens of thousands.
type Tone string

const (
	Plain Tone = ""
	Good  Tone = "g"
	Note  Tone = "n" // lost or not known, not wrong
	Care  Tone = "c"
	Bad   Tone = "b"
)

// Page is what a file shows, from the top.
type Page struct {
	Title     string
	Tone      Tone
	Word      string // the verdict
	Sentence  string
	Exit      string
	Lead      []string
	Next      []Step
	More      []Step
	Sections  []Section
	Generator string // name and version of the program
}

// Step is a command, or without one a sentence, and what it is for.
type Step struct{ Command, What string }

// Section is one part of the page. Of its kinds of content, those that are
// there follow in this order.
type Section struct {
	ID, Title string
	Text      []string
	Findings  []Finding
	Pictures  []Picture
	Tables    []Table
	Types     []Type
	Matrix    *Matrix
}

// Table is rows under heads. Cells of the columns in Right end at the right.
type Table struct {
	Caption string
	Head    []string
	Right   []bool
	Rows    [][]Cell
	Notes   []string
}

// Cell is one cell of a table; with a Link it leads to a place of the page.
type Cell struct {
	Text string
	Tone Tone
	Link string
}

// Finding is one thing that was seen.
type Finding struct {
	Tone          Tone
	Label, Rule   string
	Text          string
	Notes         []string
	Details       []Detail
	Groups        []Group // what it is about, by folder
	Left          string  // what of it is not listed
	SubjectsTitle string
}

// Detail is a word and what it says.
type Detail struct{ Name, Text string }

// Group is a folder and what is in it.
type Group struct{ Name, Text string }

// Type is a definition that changed.
type Type struct {
	Name, Text string
	Reached    []string
	Old, New   Side
	Rulers     []Picture
}

// Side is one of both definitions.
type Side struct {
	Title string
	Lines []Line
	Note  string
}

// Line is one line of C. Mark is "-", "+" or " ".
type Line struct{ Mark, Text string }

// Matrix is things, by folder, on columns: a row for each folder, and behind it
// one for each thing.
type Matrix struct {
	Columns []string
	Folders []Folder
	Notes   []string
	// ListTitle is above the things.
	ListTitle string
}

// Folder is a row of the matrix.
type Folder struct {
	ID, Name string
	Count    int
	Cells    []Cell
	Things   []Thing
}

// Thing is a row of the list.
type Thing struct {
	Name  string
	Cells []Cell
	Text  string
}

var (
	//go:embed page.tmpl
	pageText string
	//go:embed style.css
	style string
	//go:embed filter.js
	script string
)

var parsed = template.Must(template.New("page").Funcs(template.FuncMap{"prose": prose}).Parse(pageText))

// span is a piece of a text: words, or what is typed.
type span struct {
	Code bool
	Text string
}

// prose parts a text at pairs of backticks, as terminals show them.
func prose(text string) (out []span) {
	parts := strings.Split(text, "`")
	for i, p := range parts {
		typed := i%2 == 1 && i < len(parts)-1
		if i%2 == 1 && !typed {
			p = "`" + p // the last one has no partner
		}
		if p != "" {
			out = append(out, span{typed, p})
		}
	}
	return out
}

// Render writes the page.
func (p *Page) Render(w io.Writer) error {
	clean(reflect.ValueOf(p).Elem())
	return parsed.Execute(w, map[string]any{
		"Page": p, "Style": template.CSS(style), "Script": template.JS(script),
		"CSP": "default-src 'none'; style-src '" + digest(style) + "'; script-src '" + digest(script) + "'; base-uri 'none'; form-action 'none'",
	})
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// clean makes what no reader can see visible, in every string of the page.
func clean(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(where.Clean(v.String()))
	case reflect.Struct:
		for i := range v.NumField() {
			clean(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			clean(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			clean(v.Elem())
		}
	}
}
