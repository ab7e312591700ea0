//go:build pipelines

package pipelines

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"kpkg-btf/internal/realtest"
)

// salsaUser is debian/salsa-ci.yml as the template's head says, with a job
// that stands for salsa's build.
const salsaUser = `
include:
  - local: debian/kpkg-btf-salsa-ci.yml
build:
  stage: build
  script: [":"]
  artifacts: {paths: [debian/output/]}
kpkg-btf:
  extends: .kpkg-btf
  needs: [{job: build, artifacts: true}]
kpkg-btf-record:
  extends: .kpkg-btf-record
  needs: [{job: build, artifacts: true}]
  parallel: {matrix: [{KPKG_BTF_BUILD_ARCH: [amd64, arm64]}]}
kpkg-btf-decide:
  extends: .kpkg-btf-decide
  needs: [{job: kpkg-btf-record, artifacts: true}]
`

// screen is how long a job's log may be.
const screen = 40

// image gives a PATH with the tool, and with an apt-get that must not run.
func imagePath(t *testing.T, with bool) string {
	t.Helper()
	dir := t.TempDir()
	if with {
		must(t, os.Symlink(realtest.Binary(t), filepath.Join(dir, "kpkg-btf")))
	}
	write(t, filepath.Join(dir, "apt-get"), []byte("#!/bin/sh\necho \"E: no network: $*\" >&2\nexit 100\n"))
	must(t, os.Chmod(filepath.Join(dir, "apt-get"), 0o755))
	return dir + ":/usr/bin:/bin"
}

// newSalsa is a project whose build job left the newer small kernel.
func newSalsa(t *testing.T, with bool) *gitlab {
	t.Helper()
	checkout := t.TempDir()
	write(t, filepath.Join(checkout, "debian/changelog"), []byte("linux (6.1.192-2) x; urgency=low\n"))
	g := newGitLab(t, checkout, imagePath(t, with), salsaUser)
	g.artifacts["build"] = t.TempDir()
	smallNew.deb(t, filepath.Join(g.artifacts["build"], "debian/output"))
	return g
}

// commit puts the manifests of a small kernel where packagers commit them, as
// the job that runs after an upload would.
func (g *gitlab) commit(t *testing.T, k smallKernel) {
	t.Helper()
	pool := t.TempDir()
	k.deb(t, pool)
	if _, complaint, code := realtest.Run(t, "baseline", pool, "-o", filepath.Join(g.checkout, "debian/abi")); code != 0 {
		t.Fatal(complaint)
	}
}

// ran checks a job's end, its log and what it leaves behind.
func (r *jobResult) ran(t *testing.T, state string, code int, says string) {
	t.Helper()
	if r.state != state || r.code != code || !strings.Contains(r.log, says) {
		t.Errorf("%s with exit %d, want %s, %d and %q:\n%s", r.state, r.code, state, code, says, r.log)
	}
	if n := strings.Count(r.log, "\n"); n > screen {
		t.Errorf("%d lines of log:\n%s", n, r.log)
	}
	t.Logf("%s, exit %d, %d lines of log", r.state, r.code, strings.Count(r.log, "\n"))
}

// TestSalsaCommitted: the older side is committed with the packaging.
func TestSalsaCommitted(t *testing.T) {
	g := newSalsa(t, true)
	g.commit(t, smallNew)
	r := g.run(t, "kpkg-btf")[0]
	r.ran(t, "success", 0, "KEEP   ")
	r.documents(t, 0)

	// Another kernel was published under the name: repair, in a red job, or
	// with a warning where the packager wants that.
	must(t, os.RemoveAll(filepath.Join(g.checkout, "debian/abi")))
	g.commit(t, smallOld)
	g.project["KPKG_BTF_BUILD_CHECK"] = "--as-if-same-release --signatures ignored"
	r = g.run(t, "kpkg-btf")[0]
	r.ran(t, "failed", 3, "STRIP  ")
	r.documents(t, 3)
	lenient := merged(g.config["kpkg-btf"].(map[string]any), map[string]any{"allow_failure": map[string]any{"exit_codes": []any{77, 3}}})
	if s := state(merged(g.job(t, "kpkg-btf"), lenient), r.code); s != "warning" {
		t.Errorf("repair allowed to fail: %s", s)
	}
}

// TestSalsaArchive: the older side comes out of a signed archive, and its
// modules were signed with another key.
func TestSalsaArchive(t *testing.T) {
	g := newSalsa(t, true)
	pool := filepath.Join(t.TempDir(), "pool")
	smallOld.deb(t, pool)
	address, keyring := archive(t, pool)
	baseline := address + " --suite test --source linux --cache " + t.TempDir() + " --keyring "
	g.project["KPKG_BTF_BUILD_BASELINE"] = baseline + keyring
	g.project["KPKG_BTF_BUILD_CHECK"] = "--as-if-same-release"
	r := g.run(t, "kpkg-btf")[0]
	r.ran(t, "failed", 4, "BUMP   ")
	r.documents(t, 4)
	// An archive that cannot be verified is no older side, and no pass.
	g.project["KPKG_BTF_BUILD_BASELINE"] = baseline + "/usr/share/keyrings/debian-archive-keyring.gpg"
	r = g.run(t, "kpkg-btf")[0]
	r.ran(t, "failed", 1, "signed by no key of")
}

// TestSalsaMatrix: a job for each architecture, and one decision.
func TestSalsaMatrix(t *testing.T) {
	g := newSalsa(t, true)
	g.commit(t, smallNew)
	record := g.config["kpkg-btf-record"].(map[string]any)
	both := record["parallel"]
	record["parallel"] = map[string]any{"matrix": []any{map[string]any{"KPKG_BTF_BUILD_ARCH": []any{"amd64"}}}}
	g.run(t, "kpkg-btf-record")[0].ran(t, "success", 0, "KEEP   ")
	r := g.run(t, "kpkg-btf-decide")[0]
	r.ran(t, "success", 0, "KEEP   ")
	r.documents(t, 0)

	// An architecture that is expected and has no record leaves it open.
	g.project["KPKG_BTF_BUILD_DECIDE"] = "--expect amd64,arm64"
	g.project["KPKG_BTF_BUILD_AGAINST"] = "debian/abi/*.json" // what the shell of the other jobs expands
	r = g.run(t, "kpkg-btf-decide")[0]
	r.ran(t, "failed", 5, "arm64")
	r.documents(t, 5)

	// So does one whose packages have no modules; the other's record is green.
	delete(g.project, "KPKG_BTF_BUILD_AGAINST")
	record["parallel"] = both
	arm := realtest.Deb(t, realtest.Image72("arm64"))
	copyTree(t, filepath.Dir(onlyFile(t, arm)), filepath.Join(g.artifacts["build"], "debian/output"))
	for i, r := range g.run(t, "kpkg-btf-record") {
		r.ran(t, "success", 0, []string{"KEEP   ", "exit 5"}[i])
	}
	r = g.run(t, "kpkg-btf-decide")[0]
	r.ran(t, "failed", 5, "exit 5")
	r.documents(t, 5)
}

// onlyFile gives a file a folder of its own.
func onlyFile(t *testing.T, file string) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), filepath.Base(file))
	must(t, os.Symlink(file, link))
	return link
}

// TestSalsaNoTool: one loud line and a warning, and nothing that looks like a
// result.
func TestSalsaNoTool(t *testing.T) {
	g := newSalsa(t, false)
	g.project["KPKG_BTF_BUILD_INSTALL"] = "./kpkg-btf_local.deb"
	r := g.run(t, "kpkg-btf")[0]
	r.ran(t, "warning", 77, "kpkg-btf: NOT INSTALLED: the BTF of this build's modules is not checked")
	if len(r.reports["junit"])+len(r.reports["codequality"]) != 0 || !strings.Contains(r.log, "E: no network: -qq update") {
		t.Errorf("%v\n%s", r.reports, r.log)
	}
}

// documents validates what the job leaves: the decision by the tool's schema,
// the reports by what GitLab reads of them.
func (r *jobResult) documents(t *testing.T, code int) {
	t.Helper()
	var d struct {
		ExitCode int `json:"exit_code"`
	}
	text, err := os.ReadFile(filepath.Join(r.dir, "kpkg-btf/decision.json"))
	must(t, err)
	must(t, json.Unmarshal(text, &d))
	if d.ExitCode != code {
		t.Errorf("the decision says exit %d, the job %d", d.ExitCode, code)
	}
	schemaText, complaint, c := realtest.Run(t, "schema", "decision")
	if c != 0 {
		t.Fatal(complaint)
	}
	conforms(t, schemaText, string(text))
	for _, kind := range []string{"junit", "codequality"} {
		if len(r.reports[kind]) != 1 {
			t.Fatalf("%s: %v", kind, r.reports)
		}
	}
	quality, err := os.ReadFile(r.reports["codequality"][0])
	must(t, err)
	readQuality(t, quality)
	readJUnit(t, r.reports["junit"][0], code)
	if report, err := os.ReadFile(filepath.Join(r.dir, "kpkg-btf/report.txt")); err != nil || !strings.Contains(string(report), "exit ") {
		t.Errorf("the text report: %v\n%s", err, report)
	}
}

func conforms(t *testing.T, schema, text string) {
	t.Helper()
	c := jsonschema.NewCompiler()
	s, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	must(t, err)
	must(t, c.AddResource("mem:schema", s))
	compiled, err := c.Compile("mem:schema")
	must(t, err)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	must(t, err)
	if err := compiled.Validate(doc); err != nil {
		t.Error(err)
	}
}

// qualitySchema is what docs.gitlab.com/ci/testing/code_quality asks of a
// report: these members, paths relative to the repository without "./".
const qualitySchema = `{"type": "array", "items": {"type": "object",
 "required": ["description", "check_name", "fingerprint", "severity", "location"],
 "properties": {
  "description": {"type": "string", "minLength": 1}, "check_name": {"type": "string", "minLength": 1}, "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32,}$"},
  "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
  "location": {"type": "object", "required": ["path", "lines"], "properties": {"path": {"type": "string", "pattern": "^[^./]"},
   "lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}}}}}}}`

func readQuality(t *testing.T, text []byte) {
	t.Helper()
	conforms(t, qualitySchema, string(text))
	var issues []struct {
		Fingerprint string `json:"fingerprint"`
	}
	must(t, json.Unmarshal(text, &issues))
	seen := map[string]bool{}
	for _, i := range issues {
		if seen[i.Fingerprint] {
			t.Errorf("two issues of one fingerprint: GitLab shows one: %s", i.Fingerprint)
		}
		seen[i.Fingerprint] = true
	}
}

// junitRules are the elements and attributes of the JUnit format that GitLab
// reads (docs.gitlab.com/ci/testing/unit_test_reports), and what an element
// must have.
var junitRules = map[string]struct{ within, needs, may string }{
	"testsuites": {"", "tests failures errors", "name skipped"},
	"testsuite":  {"testsuites", "name tests failures errors", "skipped"},
	"testcase":   {"testsuite", "classname name", ""},
	"failure":    {"testcase", "", "type message"},
	"error":      {"testcase", "", "type message"},
	"skipped":    {"testcase", "", "message"},
	"system-out": {"testcase", "", ""},
}

func readJUnit(t *testing.T, file string, code int) {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	var open []string
	for d := xml.NewDecoder(f); ; {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		must(t, err)
		switch e := tok.(type) {
		case xml.StartElement:
			within := ""
			if len(open) > 0 {
				within = open[len(open)-1]
			}
			junitElement(t, e, within)
			open = append(open, e.Name.Local)
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
	suites, err := junit.IngestFile(file)
	must(t, err)
	bad, names := 0, map[string]bool{}
	for _, s := range suites {
		bad += s.Totals.Failed + s.Totals.Error
		for _, c := range s.Tests {
			if id := c.Classname + "\x00" + c.Name; names[id] {
				t.Errorf("two cases %q", id)
			} else {
				names[id] = true
			}
		}
	}
	if len(names) == 0 || (bad > 0) != (code != 0) {
		t.Errorf("exit %d with %d cases, %d of them bad", code, len(names), bad)
	}
}

func junitElement(t *testing.T, e xml.StartElement, within string) {
	t.Helper()
	rule, ok := junitRules[e.Name.Local]
	if !ok || rule.within != within {
		t.Errorf("<%s> within <%s>", e.Name.Local, within)
		return
	}
	have := map[string]bool{}
	for _, a := range e.Attr {
		have[a.Name.Local] = true
		if !strings.Contains(" "+rule.needs+" "+rule.may+" ", " "+a.Name.Local+" ") {
			t.Errorf("<%s %s=…>", e.Name.Local, a.Name.Local)
		}
	}
	for _, n := range strings.Fields(rule.needs) {
		if !have[n] {
			t.Errorf("<%s> without %s: %s", e.Name.Local, n, fmt.Sprint(e.Attr))
		}
	}
}
