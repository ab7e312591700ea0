package hooks

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// action is what GitHub reads of a composite action.
type action struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Inputs      map[string]struct {
		Description string `yaml:"description"`
		Required    bool   `yaml:"required"`
		Default     string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Description string `yaml:"description"`
		Value       string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Using string `yaml:"using"`
		Steps []struct {
			ID    string            `yaml:"id"`
			Shell string            `yaml:"shell"`
			Env   map[string]string `yaml:"env"`
			Run   string            `yaml:"run"`
		} `yaml:"steps"`
	} `yaml:"runs"`
}

func readAction(t *testing.T) *action {
	t.Helper()
	h, _ := Find("github-action")
	a := &action{}
	if err := yaml.UnmarshalWithOptions(h.Text(), a, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if a.Runs.Using != "composite" || len(a.Runs.Steps) != 1 || a.Runs.Steps[0].Shell != "bash" {
		t.Fatalf("%+v", a.Runs)
	}
	return a
}

// Every input is a variable of the step, and none is pasted into its script.
func TestActionInputs(t *testing.T) {
	a := readAction(t)
	s := a.Runs.Steps[0]
	var given []string
	for name, value := range s.Env {
		m := regexp.MustCompile(`^\$\{\{ inputs\.([a-z]+) \}\}$`).FindStringSubmatch(value)
		if m == nil || name != "BUILT" && !IsVariable(name) {
			t.Errorf("%s: %s", name, value)
			continue
		}
		given = append(given, m[1])
	}
	for name, in := range a.Inputs {
		if !slices.Contains(given, name) || in.Description == "" || in.Required != (name == "packages") {
			t.Errorf("input %s: %+v", name, in)
		}
	}
	if len(given) != len(a.Inputs) || strings.Contains(s.Run, "${{") {
		t.Errorf("%q, or a script with pasted text:\n%s", given, s.Run)
	}
}

// runAction runs the step beside a program that stands for kpkg-btf, nil for none.
func runAction(t *testing.T, program string, env ...string) (said, output, summary string, code int) {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write("apt-get", "echo no such package; exit 100\n")
	write("sudo", "exec \"$@\"\n")
	if program != "" {
		write("kpkg-btf", program)
	}
	for _, f := range []string{"a.deb", "b c.deb"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a := readAction(t)
	cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", a.Runs.Steps[0].Run)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + bin + ":/usr/bin:/bin", "GITHUB_OUTPUT=" + dir + "/out", "GITHUB_STEP_SUMMARY=" + dir + "/sum",
		"BUILT=*.deb", "KPKG_BTF_BUILD_AGAINST=", "KPKG_BTF_BUILD_CHECK=", "KPKG_BTF_BUILD_REPORTS=reports", "KPKG_BTF_BUILD_INSTALL=kpkg-btf", "KPKG_BTF_BUILD_REQUIRED="}, env...)
	text, _ := cmd.CombinedOutput()
	read := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(dir, name))
		return string(b)
	}
	return string(text), read("out"), read("sum"), cmd.ProcessState.ExitCode()
}

func TestActionRuns(t *testing.T) {
	program := `for a; do echo "[$a]"; done; echo summary >reports/summary.md; exit 4` + "\n"
	said, output, summary, code := runAction(t, program, "KPKG_BTF_BUILD_AGAINST=old.json older.json", "KPKG_BTF_BUILD_CHECK=--signatures ignored")
	for _, want := range []string{"[a.deb]\n[b c.deb]\n", "[--against]\n[old.json]\n[--against]\n[older.json]\n", "[--signatures]\n[ignored]\n", "[--format]\n[github]\n", "[html=reports/report.html]"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%s", want, said)
		}
	}
	if code != 4 || output != "exit-code=4\n" || summary != "summary\n" {
		t.Errorf("exit %d, output %q, summary %q", code, output, summary)
	}
	// An input is never a part of the script.
	if said, _, _, _ := runAction(t, program, "KPKG_BTF_BUILD_AGAINST=$(echo gone);echo;x"); !strings.Contains(said, "[$(echo]\n") {
		t.Errorf("the shell ran an input:\n%s", said)
	}
	for required, want := range map[string]int{"": 0, "1": 1} {
		said, output, _, code := runAction(t, "", "KPKG_BTF_BUILD_REQUIRED="+required)
		if code != want || !strings.Contains(said, "title=kpkg-btf::NOT INSTALLED") || output != "exit-code=\n" {
			t.Errorf("required %q: exit %d, %q:\n%s", required, code, output, said)
		}
	}
}
