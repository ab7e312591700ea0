package archtest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// documented reads the list of packages in ARCHITECTURE.md: for each the number
// of its line. A line names packages of one folder, the first one whole, and has
// two blanks before what it says of them.
func documented(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "## Packages and the direction of imports\n")
	list, _, ok := strings.Cut(list, "\nTest-only:")
	if !ok {
		t.Fatal("ARCHITECTURE.md has no list of packages that ends at \"Test-only:\"")
	}
	at := map[string]int{}
	for n, line := range strings.Split(list, "\n") {
		line, ok := strings.CutPrefix(line, "    ")
		if !ok {
			continue
		}
		names, says, ok := strings.Cut(line, "  ")
		if !ok || strings.TrimSpace(says) == "" {
			t.Errorf("%q says nothing of its packages", line)
		}
		folder := ""
		for i, name := range strings.Fields(names) {
			if i == 0 {
				folder = path.Dir(name)
			}
			if i > 0 {
				name = path.Join(folder, name)
			}
			if _, twice := at[name]; twice {
				t.Errorf("ARCHITECTURE.md names %s twice", name)
			}
			at[name] = n
		}
	}
	return at
}

// TestArchitectureNamesEveryPackage: the list in ARCHITECTURE.md holds the
// packages of the table, each once, and each above those that it may import.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	at := documented(t)
	for p, may := range allowed {
		if _, ok := at[p]; !ok {
			t.Errorf("ARCHITECTURE.md does not name %s", p)
			continue
		}
		for _, d := range may {
			if n, ok := at[d]; ok && n <= at[p] {
				t.Errorf("ARCHITECTURE.md names %s, which %s may import, above it", d, p)
			}
		}
	}
	for p := range at {
		if _, ok := allowed[p]; !ok {
			t.Errorf("ARCHITECTURE.md names %s, which the table does not hold", p)
		}
	}
}

// TestCitedRules: what a comment cites of docs/kernel-rules.md is a section of
// it, and no comment cites a page that this repository does not hold.
func TestCitedRules(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/kernel-rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(text), -1) {
		sections = append(sections, m[1])
	}
	cited := regexp.MustCompile(`docs/kernel-rules\.md,\s+"([^"]+)"`)
	page := regexp.MustCompile(`\b(docs/)?[A-Za-z-]+\.md\b`)
	seen := map[string]bool{}
	for _, top := range []string{"internal", "cmd", "policy", "hooks"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(file string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(file) != ".go" {
				return err
			}
			src, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			comments := strings.ReplaceAll(string(src), "\n// ", "\n")
			for _, m := range cited.FindAllStringSubmatch(comments, -1) {
				name := strings.Join(strings.Fields(m[1]), " ")
				if seen[name] = true; !slices.Contains(sections, name) {
					t.Errorf("%s cites %q, which is no section of docs/kernel-rules.md", file, name)
				}
			}
			for line := range strings.Lines(string(src)) {
				_, comment, ok := strings.Cut(line, "// ")
				if !ok {
					continue
				}
				for _, p := range page.FindAllString(comment, -1) {
					if _, err := os.Stat(filepath.Join(root, p)); err != nil {
						t.Errorf("%s cites %s, which is not in this repository", file, p)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range sections {
		if !seen[s] && s != "What the module path checks" {
			t.Errorf("nothing cites the section %q of docs/kernel-rules.md", s)
		}
	}
}

// TestArchitectureNamesTestPackages: so does what it says of packages that are for
// tests alone.
func TestArchitectureNamesTestPackages(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, about, _ := strings.Cut(string(text), "\nTest-only:")
	about, _, _ = strings.Cut(about, "\n## ")
	seen := 0
	for _, p := range packages(t) {
		name, ours := strings.CutPrefix(p.ImportPath, "kpkg-btf/internal/")
		if !ours || !testOnly("internal/"+name) {
			continue
		}
		seen++
		if strings.HasSuffix(name, "test") {
			name = path.Base(name)
		}
		if !strings.Contains(about, "`"+name+"`") {
			t.Errorf("ARCHITECTURE.md does not name %s among what is for tests", name)
		}
	}
	if seen < 10 {
		t.Errorf("only %d packages for tests seen", seen)
	}
}
