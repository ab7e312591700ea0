package main

import (
	"strconv"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// markdown is the dialect of docs/: CommonMark with tables, and an id for each
// heading.
var markdown = goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))

// withoutComments drops what pages say to tests.
func withoutComments(page []byte) []byte {
	var out strings.Builder
	rest := string(page)
	for {
		before, after, ok := strings.Cut(rest, "<!--")
		out.WriteString(before)
		if !ok {
			return []byte(out.String())
		}
		_, rest, _ = strings.Cut(after, "-->")
	}
}

// markdown writes a page of docs/ as parts of a manual page. Its title and its
// pictures are left out.
func (r *roff) markdown(page []byte) {
	source := withoutComments(page)
	doc := markdown.Parser().Parse(text.NewReader(source))
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			if title := plain(n, source); n.Level == 2 {
				r.section(strings.ToUpper(title))
			} else if n.Level > 2 {
				r.subsection(title)
			}
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			r.literal(linesOf(n, source))
		case *ast.List:
			number := n.Start
			for item := n.FirstChild(); item != nil; item = item.NextSibling() {
				tag := "*"
				if n.IsOrdered() {
					tag = strconv.Itoa(number) + "."
					number++
				}
				r.b.WriteString(".IP " + quoted(tag) + " 4\n" + line(plain(item, source)))
			}
		case *extast.Table:
			for row := n.FirstChild(); row != nil; row = row.NextSibling() {
				if _, head := row.(*extast.TableHeader); head {
					continue
				}
				var cells []string
				for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
					cells = append(cells, plain(cell, source))
				}
				r.item(cells[0], strings.Join(cells[1:], "; "))
			}
		default:
			if said := plain(n, source); said != "" {
				r.paragraph(said)
			}
		}
	}
}

// linesOf are the lines of a block of code.
func linesOf(n ast.Node, source []byte) []string {
	var out []string
	for i := range n.Lines().Len() {
		seg := n.Lines().At(i)
		out = append(out, strings.TrimRight(string(seg.Value(source)), "\n"))
	}
	return out
}

// plain is the text of a node without its markup; a link counts as its text.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no error
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Image:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			b.Write(n.Segment.Value(source))
			if n.SoftLineBreak() {
				b.WriteString(" ")
			}
		case *ast.String:
			b.Write(n.Value)
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(b.String())
}

func itoa(n int) string { return strconv.Itoa(n) }
