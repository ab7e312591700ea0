//go:build pipelines

package pipelines

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"kpkg-btf/internal/realtest"
)

// gitlab imitates what GitLab and its runner do with the jobs of a pipeline,
// as docs.gitlab.com/ci/yaml says and gitlab-runner's bash shell does it:
// extends merges maps deeply and replaces lists; variables of a job go before
// those of the pipeline and the project's before both; each job has a fresh
// checkout with the artifacts of its needs over it; before_script and script
// are one bash with -eo pipefail that prints each command's first line; a
// report of GitLab's type "raw" (code quality) must be one file.
type gitlab struct {
	config    map[string]any
	project   map[string]string // variables of the project's settings
	checkout  string            // what git has
	path      string            // PATH of the image
	artifacts map[string]string // folder of each job that ran
}

// jobResult is a job as the pipeline's page shows it.
type jobResult struct {
	state   string // success, failed, warning
	code    int
	log     string
	dir     string              // the job's checkout afterwards
	reports map[string][]string // type -> files that were uploaded
}

// newGitLab merges the template, as `hooks print` writes it, and the user's
// file that includes it.
func newGitLab(t *testing.T, checkout, path, user string) *gitlab {
	t.Helper()
	text, complaint, code := realtest.Run(t, "hooks", "print", "salsa-ci")
	if code != 0 {
		t.Fatal(complaint)
	}
	g := &gitlab{config: map[string]any{}, project: map[string]string{}, checkout: checkout, path: path, artifacts: map[string]string{}}
	for _, doc := range []string{text, user} {
		var m map[string]any
		if err := yaml.UnmarshalWithOptions([]byte(doc), &m, yaml.Strict()); err != nil {
			t.Fatal(err)
		}
		g.config = merged(g.config, m)
	}
	return g
}

// merged is a deep merge of maps; all else is replaced.
func merged(below, above map[string]any) map[string]any {
	out := maps.Clone(below)
	for k, v := range above {
		if a, ok := v.(map[string]any); ok {
			if b, ok := out[k].(map[string]any); ok {
				v = merged(b, a)
			}
		}
		out[k] = v
	}
	return out
}

// job returns a job with what it extends.
func (g *gitlab) job(t *testing.T, name string) map[string]any {
	t.Helper()
	j, ok := g.config[name].(map[string]any)
	if !ok {
		t.Fatalf("no job %s", name)
	}
	if parent, ok := j["extends"].(string); ok {
		j = merged(g.job(t, parent), j)
	}
	return j
}

// matrix returns the variables of each instance of a job.
func matrix(j map[string]any) []map[string]string {
	out := []map[string]string{{}}
	parallel, ok := j["parallel"].(map[string]any)
	if !ok {
		return out
	}
	out = nil
	for _, row := range parallel["matrix"].([]any) {
		rows := []map[string]string{{}}
		for name, values := range row.(map[string]any) {
			var next []map[string]string
			for _, r := range rows {
				for _, v := range values.([]any) {
					one := maps.Clone(r)
					one[name] = fmt.Sprint(v)
					next = append(next, one)
				}
			}
			rows = next
		}
		out = append(out, rows...)
	}
	return out
}

// variables in the order of precedence; a value may name another one.
func (g *gitlab) variables(j map[string]any, instance map[string]string, dir string) map[string]string {
	all := map[string]string{"CI": "true", "CI_PROJECT_DIR": dir, "WORKING_DIR": "$CI_PROJECT_DIR/debian/output"}
	for _, from := range []any{g.config["variables"], j["variables"]} {
		if m, ok := from.(map[string]any); ok {
			for k, v := range m {
				all[k] = fmt.Sprint(v)
			}
		}
	}
	maps.Copy(all, instance)
	maps.Copy(all, g.project)
	for k, v := range all {
		all[k] = os.Expand(v, func(name string) string { return all[name] })
	}
	return all
}

// run runs every instance of a job.
func (g *gitlab) run(t *testing.T, name string) []jobResult {
	t.Helper()
	j := g.job(t, name)
	var out []jobResult
	into := t.TempDir()
	for _, instance := range matrix(j) {
		out = append(out, g.instance(t, j, instance, into))
	}
	g.artifacts[name] = into // needs without parallel:matrix takes those of all instances
	return out
}

func (g *gitlab) instance(t *testing.T, j map[string]any, instance map[string]string, into string) jobResult {
	t.Helper()
	r := jobResult{dir: t.TempDir(), reports: map[string][]string{}}
	copyTree(t, g.checkout, r.dir)
	for _, n := range list(j["needs"]) {
		copyTree(t, g.artifacts[n.(map[string]any)["job"].(string)], r.dir)
	}
	vars := g.variables(j, instance, r.dir)
	var log bytes.Buffer
	cmd := exec.Command("bash", "-c", g.shell(j))
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, &log, &log
	cmd.Env = []string{"PATH=" + g.path, "HOME=" + r.dir, "LC_ALL=C"}
	for k, v := range vars {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	r.code, r.log = cmd.ProcessState.ExitCode(), log.String()
	r.state = state(j, r.code)
	g.upload(t, j, &r, vars, into)
	return r
}

// shell is the script that the runner makes of a job.
func (g *gitlab) shell(j map[string]any) string {
	var b strings.Builder
	b.WriteString("set -eo pipefail\n")
	for _, section := range []string{"before_script", "script"} {
		for _, l := range list(j[section]) {
			command := strings.TrimRight(l.(string), "\n")
			first, _, more := strings.Cut(command, "\n")
			if more {
				first += " # collapsed multi-line command"
			}
			fmt.Fprintf(&b, "printf '$ %%s\\n' '%s'\n%s\n", strings.ReplaceAll(first, "'", `'\''`), command)
		}
	}
	return b.String()
}

func state(j map[string]any, code int) string {
	if code == 0 {
		return "success"
	}
	switch allow := j["allow_failure"].(type) {
	case bool:
		if allow {
			return "warning"
		}
	case map[string]any:
		for _, c := range list(allow["exit_codes"]) {
			if fmt.Sprint(c) == fmt.Sprint(code) {
				return "warning"
			}
		}
	}
	return "failed"
}

func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// upload takes the artifacts of a job.
func (g *gitlab) upload(t *testing.T, j map[string]any, r *jobResult, vars map[string]string, into string) {
	t.Helper()
	a, _ := j["artifacts"].(map[string]any)
	if a["when"] != "always" && r.code != 0 {
		return
	}
	expand := func(p any) string {
		return filepath.Join(r.dir, os.Expand(p.(string), func(name string) string { return vars[name] }))
	}
	for _, p := range list(a["paths"]) {
		if _, err := os.Stat(expand(p)); err != nil {
			continue // the runner warns: no matching files
		}
		rel, err := filepath.Rel(r.dir, expand(p))
		must(t, err)
		copyTree(t, expand(p), filepath.Join(into, rel))
	}
	reports, _ := a["reports"].(map[string]any)
	for kind, patterns := range reports {
		for _, p := range list(patterns) {
			found, err := filepath.Glob(expand(p))
			must(t, err)
			r.reports[kind] = append(r.reports[kind], found...)
		}
		if kind == "codequality" && len(r.reports[kind]) > 1 {
			t.Errorf("only one file can be sent as raw: %v", r.reports[kind])
		}
		slices.Sort(r.reports[kind])
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.MkdirAll(to, 0o755))
	if out, err := exec.Command("cp", "-a", from+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
