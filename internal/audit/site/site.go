// Package site writes the answers of an audit as static pages: kernels on kernels,
// external modules on kernels, size, health and slack from upload to upload. It
// reads the database row by row, so that memory does not grow with the units. A
// unit without a result is "?", which is no colour of what is fine.
package site

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strings"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

var (
	//go:embed site.tmpl
	text string
	//go:embed style.css
	style  string
	parsed = template.Must(template.New("site").Parse(text))
)

// Site is pages in the making.
type Site struct {
	DB     *sql.DB
	Folder string // where they go; it is present

	Tool, Policy, Day string
	Rules             int

	pages map[string]bool
}

// cell is one cell of a table.
type cell struct{ Text, Tone, Link, More string }

// tones are the classes of the style by the word of a decision.
var tones = map[string]string{"keep": "g", "distill": "c", "rebase": "c", "strip": "c", "bump": "b", "rebuild": "b", "rebuild-for": "b", "inconclusive": "n"}

// answer is the cell of a unit.
func answer(state, reason, word, decision string) cell {
	if state != "done" {
		return cell{Text: "?", Tone: "n", More: where.Clean(state + ": " + reason)}
	}
	tone, ok := tones[word]
	if !ok {
		tone = "b" // a word that this page does not know is not fine
	}
	c := cell{Text: word, Tone: tone}
	if decision != word {
		c.More = where.Clean(decision)
	}
	return c
}

// Write writes all pages.
func (s *Site) Write(ctx context.Context) error {
	s.pages = map[string]bool{"index.html": true}
	families, err := s.families(ctx)
	if err != nil {
		return err
	}
	for i := range families {
		if err := s.family(ctx, &families[i]); err != nil {
			return err
		}
	}
	external, err := s.external(ctx)
	if err != nil {
		return err
	}
	for i := range external {
		if err := s.modules(ctx, &external[i]); err != nil {
			return err
		}
	}
	return s.index(ctx, families, external)
}

// page writes one page.
func (s *Site) page(name, title string, lead []string, write func(p *page) error) error {
	file := filepath.Join(s.Folder, name)
	err := fsx.WriteFile(file, 0o644, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		p := &page{w: b}
		up := ""
		if name != "index.html" {
			up = "index.html"
		}
		sum := sha256.Sum256([]byte(style))
		p.execute("head", map[string]any{"Title": where.Clean(title), "Lead": lead, "Up": up, "Tool": s.Tool, "Style": template.CSS(style), "StyleDigest": "sha256-" + base64.StdEncoding.EncodeToString(sum[:])})
		if p.err == nil {
			p.err = write(p)
		}
		p.execute("foot", s)
		if p.err != nil {
			return p.err
		}
		return b.Flush()
	}, nil, fsx.Options{Force: true})
	return err
}

// page is a page that is being written; the first error stays.
type page struct {
	w   io.Writer
	err error
}

func (p *page) execute(name string, data any) {
	if p.err == nil {
		p.err = parsed.ExecuteTemplate(p.w, name, data)
	}
}

func (p *page) table(title string, text []string, head ...string) {
	p.execute("open", map[string]any{"Title": title, "Text": text, "Head": head})
}

func (p *page) row(cells ...cell) { p.execute("row", cells) }

func (p *page) end() { p.execute("close", nil) }

// rows asks the database and hands every row to take, which scans it.
func (s *Site) rows(ctx context.Context, take func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := s.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return where.New(where.IO, "%w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// fileName makes a name of a page that no other has.
func (s *Site) fileName(parts ...string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".+-", r) {
			return r
		}
		return '_'
	}, strings.Join(parts, "_"))
	clean = clean[:min(len(clean), 150)]
	name := clean + ".html"
	for n := 2; s.pages[name]; n++ {
		name = fmt.Sprintf("%s_%d.html", clean, n)
	}
	s.pages[name] = true
	return name
}

// Reset removes the pages of an earlier run from a folder of this package alone.
func Reset(folder string) error {
	old, err := filepath.Glob(filepath.Join(folder, "*.html"))
	if err != nil {
		return where.In(folder, where.New(where.Internal, "%w", err))
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			return where.In(f, where.New(where.IO, "%w", err))
		}
	}
	return nil
}

// count is a number of things for people.
func count(n int, one, many string) string { return model.Plural(n, one, many) }
