package main

import (
	"bytes"
	"flag"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"kpkg-btf/hooks"
	"kpkg-btf/internal/cli"
	"kpkg-btf/internal/docgen/page"
	"kpkg-btf/internal/judge/rules"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/schema"
)

var update = flag.Bool("update", false, "write the generated pages")

const root = "../.."

func all(t *testing.T) []*page.Page {
	t.Helper()
	pages, err := page.All(root)
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// TestGeneratedPages: the pages made of commands and findings are those that the
// program makes now.
func TestGeneratedPages(t *testing.T) {
	if *update {
		if err := writePages(cli.Command(), filepath.Join(root, "docs")); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range pages(cli.Command()) {
		got, err := os.ReadFile(filepath.Join(root, "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("docs/%s is out of date: run make pages", name)
		}
	}
}

// TestReferenceIsComplete: the catalogue has every finding, the page of documents
// every document that has a schema.
func TestReferenceIsComplete(t *testing.T) {
	findings := findingsPage()
	for _, r := range rules.All() {
		if strings.Count(findings, "\n### "+r.ID+"\n") != 1 {
			t.Errorf("the page of findings does not show %s", r.ID)
		}
	}
	documents, err := os.ReadFile(filepath.Join(root, "docs/reference/documents.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range schema.Names() {
		if !bytes.Contains(documents, []byte("\n| "+name+" |")) {
			t.Errorf("docs/reference/documents.md does not name %s", name)
		}
	}
	codes, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []int{model.ExitDone, model.ExitRepair, model.ExitBump, model.ExitInconclusive, model.ExitRebuild} {
		if !bytes.Contains(codes, []byte(" "+itoa(code)+" for ")) {
			t.Errorf("README.md does not name the exit code %d", code)
		}
	}
}

// TestCommandsAreRun: what shows a command is run by a test, or says by which one
// or why by none.
func TestCommandsAreRun(t *testing.T) {
	seen := 0
	for _, p := range all(t) {
		for _, l := range indented.FindAllString(p.Text, -1) {
			if page.ShowsCommand(l) && !p.InBlock(l) {
				t.Errorf("%s: a command outside of a fenced block: %s", p.Path, l)
			}
		}
		for _, b := range p.Blocks {
			if b.Kind == "console" {
				if b.Who != "" && b.Who != "real" {
					t.Errorf("%s:%d: a console block for %q", p.Path, b.Line, b.Who)
				}
				continue
			}
			_, isFile := b.File()
			if isFile || !slices.ContainsFunc(b.Lines, page.ShowsCommand) && b.Who == "" {
				continue
			}
			seen++
			if _, ok := page.Elsewhere[b.Who]; !ok && !isTest(t, b.Who) {
				t.Errorf("%s:%d: %q is neither a test nor a reason in page.Elsewhere", p.Path, b.Line, b.Who)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d blocks seen", seen)
	}
}

// isTest reports whether internal/pipelines:TestX names a test that there is.
func isTest(t *testing.T, who string) bool {
	t.Helper()
	dir, name, ok := strings.Cut(who, ":")
	if !ok || !strings.HasPrefix(name, "Test") {
		return false
	}
	files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("func "+name+"(")) {
			return true
		}
	}
	return false
}

var (
	invocation = regexp.MustCompile("kpkg-btf ([a-z][a-z-]*)([^`\n|;&#]*)")
	variable   = regexp.MustCompile(`KPKG_BTF_[A-Z_]*[A-Z]`)
	target     = regexp.MustCompile("(?m)(?:^\\$? ?|`)make ([a-z][a-z-]*)(?:`|$| )")
	codeSpan   = regexp.MustCompile("`[^`\n]+`")
	indented   = regexp.MustCompile(`(?m)^    .*$`)
)

// shown is everything on a page that is code.
func shown(p *page.Page) string {
	var b strings.Builder
	for _, block := range p.Blocks {
		lines := block.Lines
		if block.Kind == "console" { // what is printed is checked by running it
			lines = slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.HasPrefix(l, "$ ") })
		}
		b.WriteString(strings.Join(lines, "\n") + "\n")
	}
	for _, pattern := range []*regexp.Regexp{codeSpan, indented} {
		for _, m := range pattern.FindAllString(p.Text, -1) {
			b.WriteString(strings.TrimSpace(m) + "\n")
		}
	}
	return b.String()
}

// TestShownCommandsExist: commands, flags, hooks, variables and targets of make
// that the pages name are present.
func TestShownCommandsExist(t *testing.T) {
	tree := cli.Command()
	tree.InitDefaultHelpCmd()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	commands, flags := 0, 0
	for _, p := range all(t) {
		text := shown(p)
		for _, m := range invocation.FindAllStringSubmatch(text, -1) {
			words := strings.Fields(m[1] + m[2])
			cmd, _, err := tree.Find(words)
			if err != nil || cmd == tree {
				t.Errorf("%s: no command %q", p.Path, m[0])
				continue
			}
			commands++
			flags += checkFlags(t, p.Path, cmd, words)
			if len(words) > 2 && words[0] == "hooks" && words[1] == "print" && words[2] == strings.ToLower(words[2]) {
				if _, ok := hooks.Find(words[2]); !ok {
					t.Errorf("%s: no hook %q", p.Path, words[2])
				}
			}
		}
		for _, v := range variable.FindAllString(text, -1) {
			if !isVariable(tree, v) {
				t.Errorf("%s: nothing reads the variable %s", p.Path, v)
			}
		}
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			if !bytes.Contains(makefile, []byte("\n"+m[1]+":")) && !slices.Contains(kbuildTargets, m[1]) {
				t.Errorf("%s: no target %q in the Makefile", p.Path, m[1])
			}
		}
	}
	if commands < 100 || flags < 100 {
		t.Errorf("only %d commands and %d flags seen", commands, flags)
	}
}

// kbuildTargets are targets of the kernel's Makefile.
var kbuildTargets = []string{"modules", "bindeb-pkg", "modules_install"}

// checkFlags returns how many flags of a command a line has.
func checkFlags(t *testing.T, path string, cmd *cobra.Command, words []string) int {
	t.Helper()
	cmd.InitDefaultHelpFlag()
	n := 0
	for _, w := range words {
		name, ok := strings.CutPrefix(strings.Trim(w, `\"'.,:)`), "--")
		name, _, _ = strings.Cut(name, "=")
		if !ok || name == "" {
			continue
		}
		n++
		if cmd.Flag(name) == nil {
			t.Errorf("%s: %s has no flag --%s", path, cmd.CommandPath(), name)
		}
	}
	return n
}

// isVariable reports whether the program, a hook or the Makefile reads a variable.
func isVariable(tree *cobra.Command, name string) bool {
	if hooks.IsVariable(name) || slices.Contains([]string{"KPKG_BTF_FAIL", "KPKG_BTF_HOST", "KPKG_BTF_CACHE", "KPKG_BTF_DECISION", "KPKG_BTF_BUILD"}, name) {
		return true
	}
	if name == "KPKG_BTF_AGIANST" { // a typing error that a page shows
		return true
	}
	flag := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "KPKG_BTF_")), "_", "-")
	return slices.ContainsFunc(commands(tree), func(c *cobra.Command) bool { return c.Flag(flag) != nil })
}

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	htmlLink     = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	htmlID       = regexp.MustCompile(` id="([^"]*)"`)
)

// TestPageLinks: a link between pages leads to a file of the repository.
func TestPageLinks(t *testing.T) {
	seen := 0
	for _, p := range all(t) {
		for _, m := range markdownLink.FindAllStringSubmatch(p.Text, -1) {
			file, _, _ := strings.Cut(m[1], "#")
			if file == "" || strings.Contains(file, "://") {
				continue
			}
			seen++
			if _, err := os.Stat(filepath.Join(root, path.Join(path.Dir(p.Path), file))); err != nil {
				t.Errorf("%s: %v", p.Path, err)
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d links seen", seen)
	}
}

// TestSite: the site holds every page, all of its links lead to pages and places
// of it, and nothing on it is fetched from elsewhere.
func TestSite(t *testing.T) {
	dir := t.TempDir()
	if err := writeSite(filepath.Join(root, "docs"), dir); err != nil {
		t.Fatal(err)
	}
	text, ids := map[string]string{}, map[string][]string{}
	for _, p := range all(t) {
		name, ok := strings.CutPrefix(p.Path, "docs/")
		if !ok {
			continue
		}
		name = sitePath(name)
		html, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		text[name] = string(html)
		for _, m := range htmlID.FindAllStringSubmatch(string(html), -1) {
			ids[name] = append(ids[name], m[1])
		}
		if strings.Contains(string(html), "raw HTML omitted") || strings.Contains(string(html), "<script") {
			t.Errorf("%s holds HTML that is not ours", name)
		}
	}
	reached, links := map[string]bool{"index.html": true}, 0
	for name, html := range text {
		for _, m := range htmlLink.FindAllStringSubmatch(html, -1) {
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			links++
			file, fragment, _ := strings.Cut(m[1], "#")
			to := name
			if file != "" {
				to = path.Join(path.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(dir, to)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if fragment != "" && !slices.Contains(ids[to], fragment) {
				t.Errorf("%s: %s has no place %q", name, to, fragment)
			}
			reached[to] = true
		}
	}
	for name := range text {
		if !reached[name] {
			t.Errorf("nothing leads to %s", name)
		}
	}
	if links < 100 {
		t.Errorf("only %d links seen", links)
	}
}

// TestManuals: every page has the sections that a reader looks for, and nothing
// in the text was taken for markup.
func TestManuals(t *testing.T) {
	dir := t.TempDir()
	if err := writeManuals(cli.Command(), filepath.Join(root, "docs"), dir, time.Unix(0, 0).UTC()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "man?/*"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d pages, %v", len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"NAME", "DESCRIPTION", "SEE ALSO"}
		if strings.HasSuffix(f, ".1") {
			want = append(want, "SYNOPSIS", "EXIT STATUS", "ENVIRONMENT", "FILES")
		}
		for _, s := range want {
			if !strings.Contains(string(text), "\n.SH \""+s+"\"\n") {
				t.Errorf("%s has no section %s", filepath.Base(f), s)
			}
		}
		for l := range strings.Lines(string(text)) {
			if strings.HasPrefix(l, "'") || strings.Contains(l, "`") || strings.Contains(l, "**") && !strings.Contains(l, "module:") && !strings.Contains(l, "goes across") {
				t.Errorf("%s: %q", filepath.Base(f), l)
			}
		}
	}
	for name, part := range map[string]string{"man1/kpkg-btf.1": "KPKG_BTF_<FLAG>", "man1/kpkg-btf-record.1": "<sha256>.btf.zst", "man1/kpkg-btf-check.1": `\fB\-o, \-\-output string\fR`} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), part) {
			t.Errorf("%s lacks %q (%v)", name, part, err)
		}
	}
}

func TestRoff(t *testing.T) {
	r := &roff{}
	r.prose(".deb and 'x' … \\n -- `a`\nsecond\n\n  kept\n  .BTF\n\nlast")
	want := ".PP\n\\&.deb and \\(aqx\\(aq \\[u2026] \\en \\-\\- \\(gaa\\(ga second\n.PP\n.nf\n.RS 2\n  kept\n  .BTF\n.RE\n.fi\n.PP\nlast\n"
	if got := r.String(); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	r = &roff{}
	r.markdown([]byte("# Title\n\n<!-- x -->\n## A *b*\n\nText `c_d` [link](x.md)\nmore.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| k | v |\n\n```sh\n.x\n```\n![p](p.svg)\n"))
	want = ".SH \"A B\"\n.PP\nText c_d link more.\n.IP \"*\" 4\none\n.IP \"*\" 4\ntwo\n.TP\n\\fBk\\fR\nv\n.PP\n.nf\n.RS 2\n\\&.x\n.RE\n.fi\n"
	if got := r.String(); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestSitePath(t *testing.T) {
	for link, want := range map[string]string{"README.md": "index.html", "a/README.md#x": "a/index.html#x", "../pin.md#cost": "../pin.html#cost", "https://x/y.md": "https://x/y.md", "ids.svg": "ids.svg", "#here": "#here"} {
		if got := sitePath(link); got != want {
			t.Errorf("%s: %s, want %s", link, got, want)
		}
	}
}

// TestUsage: what is not understood is refused.
func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"-x"}, {"-site"}, {"a", "b"}} {
		if err := run(args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
