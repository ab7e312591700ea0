package main

import (
	"bytes"
	"html/template"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// writeSite writes docs/ as a static site: a page for each page, pictures as they
// are, no script, nothing from elsewhere.
func writeSite(docs, dir string) error {
	source := os.DirFS(docs)
	index, err := fs.ReadFile(source, "README.md")
	if err != nil {
		return err
	}
	contents := linksOf(index)
	return fs.WalkDir(source, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(source, name)
		if err != nil {
			return err
		}
		out := name
		if strings.HasSuffix(name, ".md") {
			out = sitePath(name)
			if content, err = sitePage(name, content, contents); err != nil {
				return err
			}
		}
		to := filepath.Join(dir, filepath.FromSlash(out))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, content, 0o644)
	})
}

// sitePath is where a page or a link goes on the site; what is no page stays.
func sitePath(link string) string {
	file, fragment, hasFragment := strings.Cut(link, "#")
	if strings.Contains(file, "://") || !strings.HasSuffix(file, ".md") {
		return link
	}
	if path.Base(file) == "README.md" {
		file = path.Join(path.Dir(file), "index.html")
	} else {
		file = strings.TrimSuffix(file, ".md") + ".html"
	}
	if hasFragment {
		file += "#" + fragment
	}
	return file
}

// link is one link of the page with the contents.
type link struct{ Text, To string }

// linksOf are the links of a page that lead to other pages.
func linksOf(page []byte) []link {
	var out []link
	source := withoutComments(page)
	_ = ast.Walk(markdown.Parser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no error
		if l, ok := n.(*ast.Link); ok && entering && strings.HasSuffix(string(l.Destination), ".md") {
			out = append(out, link{plain(l, source), string(l.Destination)})
		}
		return ast.WalkContinue, nil
	})
	return out
}

// sitePage is one page as HTML.
func sitePage(name string, content []byte, contents []link) ([]byte, error) {
	source := withoutComments(content)
	doc := markdown.Parser().Parse(text.NewReader(source))
	title := "kpkg-btf"
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no error
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			n.Destination = []byte(sitePath(string(n.Destination)))
		case *ast.Heading:
			if n.Level == 1 {
				title = plain(n, source)
			}
		}
		return ast.WalkContinue, nil
	})
	var body bytes.Buffer
	if err := markdown.Renderer().Render(&body, source, doc); err != nil {
		return nil, err
	}
	up := strings.Repeat("../", strings.Count(name, "/"))
	here := make([]link, len(contents))
	for i, l := range contents {
		here[i] = link{l.Text, up + sitePath(l.To)}
	}
	var out bytes.Buffer
	err := siteTemplate.Execute(&out, struct {
		Title, Home string
		Contents    []link
		Body        template.HTML
	}{title, up + "index.html", here, template.HTML(body.String())}) // rendered by goldmark, which drops raw HTML
	return out.Bytes(), err
}

var siteTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>
:root { color-scheme: light dark; --edge: #8885; --back: #8881 }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; display: grid; grid-template-columns: minmax(12rem, 16rem) minmax(0, 52rem); gap: 2rem; padding: 1.5rem }
nav { border-right: 1px solid var(--edge); padding-right: 1rem; font-size: .9rem }
nav a { display: block; padding: .15rem 0 }
pre { background: var(--back); padding: .75rem; overflow-x: auto; font-size: .85rem; line-height: 1.35 }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { border: 1px solid var(--edge); padding: .3rem .6rem; text-align: left; vertical-align: top }
img { max-width: 100% }
@media (max-width: 50rem) { body { display: block } nav { border: 0 } }
@media print { nav { display: none } body { display: block } }
</style>
<nav><a href="{{.Home}}"><b>kpkg-btf</b></a>{{range .Contents}}<a href="{{.To}}">{{.Text}}</a>{{end}}</nav>
<main>
{{.Body}}</main>
</html>
`))
