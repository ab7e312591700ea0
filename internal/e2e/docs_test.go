//go:build e2e

package e2e

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"kpkg-btf/internal/docgen/page"
	"kpkg-btf/internal/realtest"
)

var update = flag.Bool("update", false, "rewrite what the pages show of real packages")

// TestDocs runs the blocks "console real" of the pages on pair A, old.deb and
// new.deb, and compares what is printed with what they show.
func TestDocs(t *testing.T) {
	pages, err := page.All(realtest.Root())
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, p := range pages {
		if slices.ContainsFunc(p.Blocks, isReal) {
			seen++
			t.Run(p.Path, func(t *testing.T) { runReal(t, p) })
		}
	}
	if seen < 2 {
		t.Errorf("only %d pages show real packages", seen)
	}
}

func isReal(b page.Block) bool { return b.Kind == "console" && b.Who == "real" }

func runReal(t *testing.T, p *page.Page) {
	dir := t.TempDir()
	for name, spec := range map[string]string{"old.deb": realtest.PairAOld, "new.deb": realtest.PairANew} {
		if err := os.Symlink(realtest.Deb(t, spec), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	env := append(os.Environ(), "PATH="+filepath.Dir(realtest.Binary(t))+":"+os.Getenv("PATH"))
	printed := map[int][][]string{}
	for _, b := range p.Blocks {
		if !isReal(b) {
			continue
		}
		commands, err := b.Commands()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commands {
			cmd := exec.CommandContext(context.Background(), "sh", "-c", c.Text)
			cmd.Dir, cmd.Env = dir, env
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); err != nil && (code < 3 || code > 6) {
				t.Fatalf("%s:%d: %s: %v\n%s", p.Path, b.Line, c.Text, err, out)
			}
			lines := page.Printed(string(out))
			if !*update && !slices.Equal(lines, c.Output) {
				t.Errorf("%s:%d: %s prints now (go test -tags e2e ./internal/e2e -run TestDocs -update)\n%s", p.Path, b.Line, c.Text, out)
			}
			printed[b.Line] = append(printed[b.Line], lines)
		}
	}
	if !*update {
		return
	}
	text, err := p.Render(printed)
	if err != nil {
		t.Fatal(err)
	}
	if text != p.Text {
		if err := os.WriteFile(filepath.Join(realtest.Root(), p.Path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
