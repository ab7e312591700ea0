package hooks

import (
	"maps"
	"os/exec"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// ciSchema is what GitLab's own schema for .gitlab-ci.yml
// (app/assets/javascripts/editor/schema/ci.json) demands of the keywords that
// the template and its users have, and no keyword beyond them.
const ciSchema = `{
 "type": "object",
 "properties": {
  "include": {"type": "array", "items": {"oneOf": [{"type": "string"}, {"type": "object", "required": ["local"], "properties": {"local": {"pattern": "[.]ya?ml$"}}, "additionalProperties": false}]}},
  "variables": {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
 },
 "additionalProperties": {"$ref": "#/$defs/job"},
 "$defs": {
  "lines": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
  "job": {
   "type": "object", "required": ["script", "stage"], "additionalProperties": false,
   "properties": {
    "stage": {"type": "string"}, "image": {"type": "string", "minLength": 1}, "extends": {"type": "string"},
    "before_script": {"$ref": "#/$defs/lines"}, "script": {"$ref": "#/$defs/lines"},
    "variables": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
    "allow_failure": {"oneOf": [{"type": "boolean"}, {"type": "object", "required": ["exit_codes"], "additionalProperties": false,
     "properties": {"exit_codes": {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"type": "integer"}}}}]},
    "needs": {"type": "array", "items": {"type": "object", "required": ["job"], "additionalProperties": false, "properties": {"job": {"type": "string"}, "artifacts": {"type": "boolean"}}}},
    "parallel": {"type": "object", "required": ["matrix"], "additionalProperties": false, "properties": {"matrix": {"type": "array", "maxItems": 200,
     "items": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": ["string", "number"]}}}}}},
    "artifacts": {"type": "object", "additionalProperties": false, "required": ["when"], "properties": {
     "when": {"const": "always"}, "expose_as": {"type": "string", "minLength": 1, "maxLength": 100}, "expire_in": {"type": "string"}, "paths": {"$ref": "#/$defs/lines"},
     "reports": {"type": "object", "additionalProperties": false, "properties": {"junit": {"type": "string"}, "codequality": {"type": "string", "pattern": "^[^*?]+$"}}}}}
   }
  }
 }
}`

// salsaExample is the file that the template's head shows, without its
// comment signs.
func salsaExample(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			break
		}
		if in, ok := strings.CutPrefix(line, "#   "); ok && !strings.HasPrefix(in, "KPKG_BTF_") {
			b.WriteString(in)
		}
	}
	if n := strings.Count(b.String(), "extends:"); n != 3 {
		t.Fatalf("%d jobs in the head:\n%s", n, b.String())
	}
	return b.String()
}

// The template and the example in its head are jobs as GitLab takes them; none
// hides its artifacts when it fails, and the shell reads all of their lines.
func TestSalsaTemplate(t *testing.T) {
	h, _ := Find("salsa-ci")
	all := map[string]any{}
	for _, text := range []string{string(h.Text()), salsaExample(t, string(h.Text()))} {
		var doc map[string]any
		if err := yaml.UnmarshalWithOptions([]byte(text), &doc, yaml.Strict()); err != nil {
			t.Fatal(err)
		}
		maps.Copy(all, doc)
	}
	pipeline := map[string]any{}
	for name := range all {
		if !strings.HasPrefix(name, ".") {
			pipeline[name] = extended(all, name)
		}
	}
	if len(pipeline) != 5 {
		t.Errorf("%d members: %v", len(pipeline), pipeline)
	}
	conforms(t, ciSchema, pipeline)
	for name := range pipeline {
		shellReads(t, name, pipeline[name])
	}
}

// extended is a member with what it extends.
func extended(all map[string]any, name string) any {
	m, ok := all[name].(map[string]any)
	if !ok {
		return all[name]
	}
	out := maps.Clone(m)
	if parent, ok := m["extends"].(string); ok {
		for k, v := range extended(all, parent).(map[string]any) {
			below, isMap := v.(map[string]any)
			above, both := out[k].(map[string]any)
			if isMap && both {
				v = maps.Clone(below)
				maps.Copy(v.(map[string]any), above)
				out[k] = v
			} else if out[k] == nil {
				out[k] = v
			}
		}
	}
	return out
}

func conforms(t *testing.T, schema string, doc any) {
	t.Helper()
	text, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = yaml.YAMLToJSON(text); err != nil {
		t.Fatal(err)
	}
	read := func(s string) any {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(s))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:ci", read(schema)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:ci")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(read(string(text))); err != nil {
		t.Error(err)
	}
}

// shellReads: a runner without bash falls back to sh.
func shellReads(t *testing.T, name string, job any) {
	t.Helper()
	j, ok := job.(map[string]any)
	if !ok {
		return
	}
	for _, section := range []string{"before_script", "script"} {
		lines, _ := j[section].([]any)
		for _, l := range lines {
			if out, err := exec.Command("sh", "-n", "-c", l.(string)).CombinedOutput(); err != nil {
				t.Errorf("%s: %q: %s", name, l, out)
			}
		}
	}
}
