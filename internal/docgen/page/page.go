// Package page reads the Markdown pages of docs/ as far as their tests need it:
// fenced blocks, the commands in them and what those print.
//
// A block whose first word is "console" holds commands behind "$ " and what they
// print. A test runs them and compares; with -update it writes what they print
// into the page. "console real" is run on real packages (`make e2e`), all other
// console blocks on fixtures, which a comment before the first block makes:
//
//	<!-- setup
//	kernel old.deb 6.1.0-1-amd64
//	-->
//
// A block whose second word is "file=NAME" is written to that file before the
// console blocks behind it run. Any other block that shows a command says in a
// second word who runs it, or why no test does: see Elsewhere.
package page

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Page is one file.
type Page struct {
	Path   string // below the root, with slashes
	Text   string
	Setup  string  // lines of a script, from the comments "setup"
	Blocks []Block // in their order
}

// Block is one fenced block.
type Block struct {
	Line  int // of its fence, from 1
	Kind  string
	Who   string // what stands behind the kind
	Lines []string
}

// File is the name of the file that a block shows.
func (b *Block) File() (string, bool) { return strings.CutPrefix(b.Who, "file=") }

// Command is one command of a console block.
type Command struct {
	Text   string // as a shell takes it, lines that end in a backslash joined
	shown  []string
	Output []string
}

// Read reads a page; path is below root.
func Read(root, path string) (*Page, error) {
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		return nil, err
	}
	return Parse(path, string(text))
}

// All reads every page of the repository: docs/ and what lies at its root.
func All(root string) ([]*Page, error) {
	var paths []string
	top, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		return nil, err
	}
	for _, p := range append(top, filepath.Join(root, "rpm/README.md")) {
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return nil, err
		}
		paths = append(paths, filepath.ToSlash(rel))
	}
	err = fs.WalkDir(os.DirFS(root), "docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	var pages []*Page
	for _, path := range paths {
		p, err := Read(root, path)
		if err != nil {
			return nil, err
		}
		pages = append(pages, p)
	}
	return pages, nil
}

// Parse reads the text of a page.
func Parse(path, text string) (*Page, error) {
	p := &Page{Path: path, Text: text}
	var open *Block
	setup := false
	for i, line := range strings.Split(text, "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case open != nil && line == "```":
			p.Blocks, open = append(p.Blocks, *open), nil
		case open != nil:
			open.Lines = append(open.Lines, line)
		case setup && line == "-->":
			setup = false
		case setup:
			p.Setup += line + "\n"
		case line == "<!-- setup":
			setup = true
		case fence:
			kind, who, _ := strings.Cut(info, " ")
			open = &Block{Line: i + 1, Kind: kind, Who: who}
		}
	}
	if open != nil || setup {
		return nil, fmt.Errorf("%s: a block or comment is not closed", path)
	}
	return p, nil
}

// InBlock reports whether a line stands in a fenced block of the page.
func (p *Page) InBlock(line string) bool {
	return slices.ContainsFunc(p.Blocks, func(b Block) bool { return slices.Contains(b.Lines, line) })
}

// Commands are those of a console block.
func (b *Block) Commands() ([]Command, error) {
	var out []Command
	continues := false
	for i, line := range b.Lines {
		text, prompt := strings.CutPrefix(line, "$ ")
		switch {
		case continues:
			c := &out[len(out)-1]
			c.Text, c.shown = c.Text+"\n"+line, append(c.shown, line)
		case prompt:
			out = append(out, Command{Text: text, shown: []string{line}})
		case len(out) == 0:
			return nil, fmt.Errorf("line %d: output before the first command", b.Line+i+1)
		default:
			c := &out[len(out)-1]
			c.Output = append(c.Output, line)
			continue
		}
		continues = strings.HasSuffix(line, `\`)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("line %d: a console block without a command", b.Line)
	}
	return out, nil
}

// Render is the text of the page with other outputs: of each console block that
// outputs holds, by its line, the lines that its commands print.
func (p *Page) Render(outputs map[int][][]string) (string, error) {
	lines := strings.Split(p.Text, "\n")
	for _, b := range slices.Backward(p.Blocks) {
		printed, ok := outputs[b.Line]
		if !ok {
			continue
		}
		commands, err := b.Commands()
		if err != nil {
			return "", err
		}
		if len(printed) != len(commands) {
			return "", fmt.Errorf("line %d: %d commands, outputs of %d", b.Line, len(commands), len(printed))
		}
		var now []string
		for i, c := range commands {
			now = append(append(now, c.shown...), printed[i]...)
		}
		lines = slices.Replace(lines, b.Line, b.Line+len(b.Lines), now...)
	}
	return strings.Join(lines, "\n"), nil
}

// Printed are the lines of what a command printed.
func Printed(out string) []string {
	out = strings.TrimRight(out, "\n")
	if out == "" {
		return nil
	}
	lines := strings.Split(out, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// command is how a line begins that somebody would type or paste.
var command = regexp.MustCompile(`^\s*(?:[A-Z_]+=\S+ |\$ |@?|-\s+|\S+ \| )(kpkg-btf|make|apt-get|dnf|rpmbuild|dkms|git|go) [a-z-]`)

// ShowsCommand reports whether a line shows a command.
func ShowsCommand(line string) bool { return command.MatchString(line) }
