package report

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// Whatever is spread over lines is the same JSON.
func TestJSONIsJSON(t *testing.T) {
	wideText := strings.Repeat(`quote " brace { comma , back \ slash `, 6)
	docs := []any{
		map[string]any{},
		[]any{},
		map[string]any{"a": []any{}, "b": map[string]any{}},
		map[string]any{"long": []any{wideText, map[string]any{"k": wideText, "n": []any{1.0, 2.0}}, []any{wideText, wideText}}},
		map[string]any{"html": "<&>", "wide": wideText + wideText, "nested": map[string]any{"x": []any{map[string]any{"deep": []any{wideText, wideText, wideText}}}}},
		"scalar", 5.0, nil,
	}
	for _, d := range docs {
		var out bytes.Buffer
		if err := JSON(&out, d); err != nil {
			t.Fatal(err)
		}
		var back any
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || !reflect.DeepEqual(d, back) {
			t.Errorf("%v\nbecomes\n%s\n%v", d, out.String(), err)
		}
		if !strings.HasSuffix(out.String(), "\n") {
			t.Error("no line end")
		}
	}
}

func TestJSONLayout(t *testing.T) {
	type line struct{ Path, Digest string }
	doc := struct {
		Schema  string
		Modules []line
	}{"x/1.0", nil}
	for range 5 {
		doc.Modules = append(doc.Modules, line{"kernel/a.ko", strings.Repeat("ab", 20)})
	}
	var out bytes.Buffer
	if err := JSON(&out, doc); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n"); got != 10 {
		t.Errorf("%d lines, want one a module:\n%s", got, out.String())
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"a":["x\"y",{"b":[1,2,3]}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		var doc any
		if json.Unmarshal([]byte(s), &doc) != nil {
			return
		}
		var out bytes.Buffer
		if err := JSON(&out, doc); err != nil {
			t.Fatal(err)
		}
		var back any
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || !reflect.DeepEqual(doc, back) {
			t.Fatalf("%s\n%s", s, out.String())
		}
	})
}
