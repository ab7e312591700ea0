package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
)

// id is the form of a finding's id: words, not numbers.
var id = regexp.MustCompile(`^(self|window|abi|reverse|outside|health|pin|set|policy)\.[a-z]+(-[a-z]+)*$`)

// sources are the packages that report findings.
var sources = []string{"..", "../../../policy", "../../decision"}

// Every rule that the code can report has an entry, and none has one that it
// cannot: policies, lint and help rely on the catalogue.
func TestEveryReportedRuleHasAnEntry(t *testing.T) {
	used := map[string]bool{"self.rejected": true, "self.dropped": true, "self.init-fails": true} // "self." + verdict
	for _, dir := range sources {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					if s, err := strconv.Unquote(l.Value); err == nil && id.MatchString(s) {
						used[s] = true
					}
				}
				return true
			})
		}
	}
	for rule := range used {
		if _, ok := Of(rule); !ok {
			t.Errorf("%s is reported and has no entry: describe it here", rule)
		}
	}
	for _, r := range All() {
		if !used[r.ID] {
			t.Errorf("%s has an entry and is never reported", r.ID)
		}
	}
}

// Entries are sorted, found by id, and complete: each says what it means, how
// it is found and what to do in sentences, and names a command where there is
// something to do.
func TestEntries(t *testing.T) {
	sentence := regexp.MustCompile("^[A-Zm\"`.].*[.\"]$") // "modinfo …" begins with the tool's name
	for i, r := range All() {
		if i > 0 && All()[i-1].ID >= r.ID {
			t.Errorf("%s before %s", All()[i-1].ID, r.ID)
		}
		if got, ok := Of(r.ID); !ok || got != r {
			t.Errorf("%s is not found", r.ID)
		}
		if !id.MatchString(r.ID) || r.Of == "" || r.Encounter == "" || r.Severity == "" || r.Since == "" {
			t.Errorf("%s: %+v", r.ID, r)
		}
		if r.Summary == "" || strings.HasSuffix(r.Summary, ".") || len(r.Summary) > 100 {
			t.Errorf("%s: summary %q", r.ID, r.Summary)
		}
		for _, text := range []string{r.Means, r.Found, r.Do} {
			if !sentence.MatchString(text) {
				t.Errorf("%s: not a sentence: %q", r.ID, text)
			}
		}
		if r.Waivable() != (r.ID == "self.added" || strings.HasPrefix(r.ID, "health.") && r.Action > model.Keep || r.Closable || slices.Contains([]model.Action{model.Distill, model.Strip, model.RebuildFor, model.Bump}, r.Action)) || r.Closable && !r.Inconclusive {
			t.Errorf("%s waivable: %v", r.ID, r.Waivable())
		}
		if r.Action != model.Keep && r.Command == "" {
			t.Errorf("%s asks for %s and names no command", r.ID, r.Action)
		}
		if r.Inconclusive != (r.If != "") {
			t.Errorf("%s: open %v, if %q", r.ID, r.Inconclusive, r.If)
		}
	}
	if _, ok := Of("no.such"); ok {
		t.Error("a rule that does not exist is found")
	}
}
