package schema_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/cli"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/schema"
)

// compile returns the validator of a document. strict refuses members that the
// schema does not know: those that the program writes are all described.
func compile(t *testing.T, name string, strict bool) *jsonschema.Schema {
	t.Helper()
	text, err := schema.Of(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if strict {
		forbidUnknown(doc)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:"+name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:" + name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func forbidUnknown(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"].(map[string]any); ok && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, e := range v {
			forbidUnknown(e)
		}
	case []any:
		for _, e := range v {
			forbidUnknown(e)
		}
	}
}

// run runs the program and gives what it wrote to standard output.
func run(t *testing.T, stdin string, args ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Main(context.Background(), args, cli.Env{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }})
	if code == 1 || code == 2 {
		t.Fatalf("%v: exit %d: %s", args, code, errs.String())
	}
	return out.Bytes()
}

// Every document as the program writes it is valid by its schema, which knows
// all members; without any one member that is required it is not.
func TestRealDocuments(t *testing.T) {
	dir := t.TempDir()
	deb := func(name string, k releasetest.Kernel) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, releasetest.Deb("linux-image-"+k.Release, "1", "amd64", k.Files()), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	old := deb("old.deb", releasetest.Kernel{Release: "6.1.0-1-amd64", Key: "k", Modules: []string{"alpha", "beta:ids", "gone"}})
	new := deb("new.deb", releasetest.Kernel{Release: "6.1.0-1-amd64", Key: "k", Modules: []string{"alpha", "beta:ids"}, Image: btftest.Grown, Build: btftest.Grown, CRC: 9})
	module := filepath.Join(dir, "alpha.ko")
	for name, text := range (releasetest.Kernel{Release: "6.1.0-1-amd64", Key: "k", Modules: []string{"alpha"}}).Files() {
		if strings.HasSuffix(name, "alpha.ko") {
			if err := os.WriteFile(module, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	log := "[    1.0] failed to validate module [overlay] BTF: -22\n"
	run(t, "", "record", "--refs", filepath.Join(dir, "refs.json"), old)
	refs, err := os.ReadFile(filepath.Join(dir, "refs.json"))
	if err != nil {
		t.Fatal(err)
	}
	if refs, err = manifest.Plain(refs); err != nil {
		t.Fatal(err)
	}
	docs := map[string][][]byte{
		"refs":        {refs},
		"manifest":    {run(t, "", "record", old), run(t, "", "record", new)},
		"inspection":  {run(t, "", "inspect", "--format", "json", old), run(t, "", "inspect", "--format", "json", "--top", "-1", new)},
		"origins":     {run(t, "", "inspect", "--format", "json", module, "--among", old), run(t, "", "inspect", "--format", "json", module, "--among", dir)},
		"explanation": {run(t, log, "explain", "--format", "json"), run(t, log, "explain", "--format", "json", old, new)},
		"decision": {run(t, "", "check", "--format", "json", new), run(t, "", "check", "--format", "json", new, "--against", old),
			run(t, "", "check", "--format", "json", old, "--against", new, "--expect", "amd64,arm64", "--signatures", "ignored"),
			run(t, "", "check", "--format", "json", new, "--on", old)},
		"diff": {run(t, "", "diff", "--format", "json", old, new)},
	}
	for name, list := range docs {
		strict := compile(t, name, true)
		for i, text := range list {
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatalf("%s %d: %v\n%s", name, i, err, text)
			}
			if err := strict.Validate(doc); err != nil {
				t.Errorf("%s %d: %v", name, i, err)
			}
			mustMiss(t, name, compile(t, name, false), doc)
		}
	}
}

// mustMiss takes every required member of the document's top away in turn.
func mustMiss(t *testing.T, name string, s *jsonschema.Schema, doc any) {
	t.Helper()
	text, _ := schema.Of(name)
	var head struct {
		Required []string `json:"required"`
	}
	if err := json.Unmarshal(text, &head); err != nil || len(head.Required) < 3 {
		t.Fatalf("%s requires %v, %v", name, head.Required, err)
	}
	top := doc.(map[string]any)
	for _, key := range head.Required {
		kept := top[key]
		delete(top, key)
		if s.Validate(doc) == nil {
			t.Errorf("%s is valid without %s", name, key)
		}
		top[key] = []any{map[string]any{}}
		if s.Validate(doc) == nil && key != "ignored" {
			t.Errorf("%s is valid with another type of %s", name, key)
		}
		top[key] = kept
	}
	top["a_later_field"] = true
	if err := s.Validate(doc); err != nil {
		t.Errorf("%s: a later minor version's field: %v", name, err)
	}
}

// Every schema is itself valid, and says something of its members.
func TestSchemas(t *testing.T) {
	for _, name := range schema.Names() {
		compile(t, name, false)
		text, err := schema.Of(name)
		if err != nil || !bytes.Contains(text, []byte(`"description"`)) || !regexp.MustCompile("kpkg-btf/"+name+`/[12]\\\\\.`).Match(text) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	if _, err := schema.Of("poem"); err == nil {
		t.Error("a schema of poems")
	}
}
