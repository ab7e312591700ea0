package report

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
)

func TestMarkdown(t *testing.T) {
	text := rendered(t, busy(), "markdown")
	if !strings.HasPrefix(text, "## KEEP: 6.1.0-2 could have kept the name 6.1.0-1\n\nexit 4.\n\n") {
		t.Errorf("the verdict is not first:\n%s", text)
	}
	for _, want := range []string{"| modules | on kernel | fine | without BTF |", "| --- | --- | --: |", "**Next** nothing to do\n", "**More** `kpkg-btf help abi.crc-changed`", "<details><summary>", "- **bump** 1 exported symbol changed"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	several := busy()
	several.Releases = append(several.Releases, several.Releases[0])
	if text := rendered(t, several, "markdown"); !strings.Contains(text, "| outcome | releases | because of |") {
		t.Errorf("several releases:\n%s", text)
	}
	on := &model.Report{Releases: []model.ReleaseVerdict{{On: []model.KernelResult{{Kernel: model.ReleaseRef{Name: "k1"}}, {Kernel: model.ReleaseRef{Name: "k2"}}},
		Modules: []model.ModuleDecision{{Path: "a.ko", On: []model.ModuleOn{{Verdict: model.Attached, Meaning: model.Same}, {Kernel: 1, Verdict: model.Attached, Meaning: model.Same}}}}}}}
	if text := rendered(t, on, "markdown"); !strings.Contains(text, "| k1, k2 | fine |") {
		t.Errorf("kernels:\n%s", text)
	}
}

// What is text stays text.
func TestInMarkdown(t *testing.T) {
	for text, want := range map[string]string{
		"nf_conntrack.ko": `nf\_conntrack.ko`, "<b>|a|</b>": `\<b\>\|a\|\</b\>`, "@team [x](y)": `&#64;team \[x\]\(y\)`, "a\nb": `a\\x0ab`, "\u202e": `\\xe2\\x80\\xae`,
	} {
		if got := inMarkdown(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := inCode("a `b` c"); got != "`` a `b` c ``" {
		t.Error(got)
	}
}

// Every line is a command of a workflow as the runner reads it, what fails
// before what warns.
func TestGitHub(t *testing.T) {
	r := busy()
	r.Releases[0].Findings[0].Subjects = nil
	r.Releases[0].Findings[0].Message = "100 % of it: a, b\n::error::forged"
	lines := strings.Split(strings.TrimSuffix(rendered(t, r, "github"), "\n"), "\n")
	if want := "kpkg-btf: KEEP 6.1.0-2 could have kept the name 6.1.0-1 (exit 4)"; lines[0] != want {
		t.Errorf("%q, want %q", lines[0], want)
	}
	command := regexp.MustCompile(`^::(error|warning|notice) file=debian/changelog,line=1,title=kpkg-btf [a-z.-]+ \([^:,]*\)::.*%0Akpkg-btf help [a-z.-]+$`)
	var levels []string
	for _, l := range lines[1:] {
		m := command.FindStringSubmatch(l)
		if m == nil {
			t.Errorf("no command: %s", l)
			continue
		}
		levels = append(levels, m[1])
	}
	if got := strings.Join(levels, " "); got != "error error error warning notice notice" {
		t.Errorf("levels %s", got)
	}
	if text := strings.Join(lines, "\n"); !strings.Contains(text, `100 %25 of it: a, b\x0a::error::forged`) {
		t.Errorf("not escaped: %s", text)
	}
	if text := rendered(t, &model.Report{}, "github"); !strings.Contains(text, "::error title=kpkg-btf::no kernel release") {
		t.Errorf("nothing judged: %s", text)
	}
	if got := githubProperty("a:b,c%"); got != "a%3Ab%2Cc%25" {
		t.Error(got)
	}
}

// Hostile names cannot begin a line, an element or a command.
func TestHostileMarkdown(t *testing.T) {
	r := pictured()
	setHostile(reflect.ValueOf(r).Elem())
	for _, f := range []string{"markdown", "github"} {
		text := rendered(t, r, f)
		code := regexp.MustCompile("`[^`]*`") // is inert
		if f == "markdown" && strings.Contains(strings.ReplaceAll(code.ReplaceAllString(text, ""), `\<`, ""), "<script") {
			t.Errorf("%s: an element", f)
		}
		if strings.Contains(text, fmt.Sprintf("%c", 0x202e)) {
			t.Errorf("%s: what cannot be seen is there", f)
		}
	}
}
