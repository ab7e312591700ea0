package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"kpkg-btf/internal/docgen/page"
)

const repository = "../.."

// TestDocs runs the console blocks of all pages on the fixtures that the pages
// make, and compares what is printed with what they show. -update writes it there.
func TestDocs(t *testing.T) {
	pages, err := page.All(repository)
	if err != nil {
		t.Fatal(err)
	}
	dir, byScript := t.TempDir(), map[string]*shownPage{}
	for _, p := range pages {
		script := p.Setup
		for _, b := range p.Blocks {
			switch _, isFile := b.File(); {
			case b.Kind == "console" && b.Who == "":
				script += fmt.Sprintf("console %d\n", b.Line)
			case isFile:
				script += fmt.Sprintf("file %d\n", b.Line)
			}
		}
		if !strings.Contains(script, "console ") {
			continue
		}
		name := strings.ReplaceAll(strings.TrimSuffix(p.Path, ".md"), "/", "_")
		byScript[name] = &shownPage{Page: p, printed: map[int][][]string{}}
		if err := os.WriteFile(filepath.Join(dir, name+".txtar"), []byte(script+"refresh\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(byScript) < 8 {
		t.Errorf("only %d pages show what commands print", len(byScript))
	}
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"kernel": kernel,
			"pack":   packTree,
			"console": func(ts *testscript.TestScript, _ bool, args []string) {
				line, err := strconv.Atoi(args[0])
				ts.Check(err)
				byScript[ts.Name()].console(ts, line)
			},
			"file": func(ts *testscript.TestScript, _ bool, args []string) {
				line, err := strconv.Atoi(args[0])
				ts.Check(err)
				b := byScript[ts.Name()].block(line)
				name, _ := b.File()
				ts.Check(os.WriteFile(ts.MkAbs(name), []byte(strings.Join(b.Lines, "\n")+"\n"), 0o644))
			},
			"refresh": func(ts *testscript.TestScript, _ bool, _ []string) {
				if *update {
					byScript[ts.Name()].refresh(ts)
				}
			},
		},
	})
}

// shownPage is a page and what its commands print now, by the line of the block.
type shownPage struct {
	*page.Page
	printed map[int][][]string
}

func (p *shownPage) block(line int) *page.Block {
	i := slices.IndexFunc(p.Blocks, func(b page.Block) bool { return b.Line == line })
	return &p.Blocks[i]
}

func (p *shownPage) refresh(ts *testscript.TestScript) {
	text, err := p.Render(p.printed)
	ts.Check(err)
	if text != p.Text {
		ts.Check(os.WriteFile(filepath.Join(repository, p.Path), []byte(text), 0o644))
	}
}

// console runs the commands of one block of a page. A command that fails or is
// misused (1, 2) is a fault of the page.
func (p *shownPage) console(ts *testscript.TestScript, line int) {
	commands, err := p.block(line).Commands()
	ts.Check(err)
	for _, c := range commands {
		err := ts.Exec("sh", "-c", "{ "+c.Text+"\n} 2>&1")
		out := ts.ReadFile("stdout")
		if err != nil && !slices.Contains([]string{"exit status 3", "exit status 4", "exit status 5", "exit status 6"}, err.Error()) {
			ts.Fatalf("%s:%d: %s: %v\n%s", p.Path, line, c.Text, err, out)
		}
		lines := page.Printed(out)
		if fault := screenFault(out); fault != "" {
			ts.Fatalf("%s:%d: %s: %s", p.Path, line, c.Text, fault)
		}
		if !*update && !slices.Equal(lines, c.Output) {
			ts.Fatalf("%s:%d: %s prints now (go test ./internal/cli -run TestDocs -update)\n%s", p.Path, line, c.Text, out)
		}
		p.printed[line] = append(p.printed[line], lines)
	}
}
