package report

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/document"
	"kpkg-btf/internal/model"
)

// A decision has one module a line, is the same JSON to any reader, and comes
// back as it was.
func TestJSON(t *testing.T) {
	rep := whole(t, busy())
	var out bytes.Buffer
	if err := JSON(&out, "kpkg-btf 9", rep); err != nil {
		t.Fatal(err)
	}
	back := &model.Report{}
	head, err := document.Unmarshal(out.Bytes(), model.DecisionSchema, back)
	if err != nil || head.Tool != "kpkg-btf 9" {
		t.Fatalf("%+v, %v", head, err)
	}
	var again bytes.Buffer
	if err := JSON(&again, "kpkg-btf 9", back); err != nil || again.String() != out.String() {
		t.Errorf("%v\n%s\nwant\n%s", err, again.String(), out.String())
	}
	plain := &model.Report{}
	if err := json.Unmarshal(out.Bytes(), plain); err != nil || !reflect.DeepEqual(plain, back) {
		t.Errorf("encoding/json reads something else, %v", err)
	}
	for i := range rep.Releases {
		for _, m := range rep.Releases[i].Modules {
			if !strings.Contains(out.String(), "\n\t\t\t{\"path\":\""+m.Path+"\"") {
				t.Errorf("%s has no line of its own in\n%s", m.Path, out.String())
			}
		}
	}
}

// whole is a report with a word in every place where a document has one: those
// of the fixtures say only what their test is about.
func whole(t *testing.T, r *model.Report) *model.Report {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	out := &model.Report{}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	fill(reflect.ValueOf(out).Elem())
	return out
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if words := model.Words(v.Type()); words != nil && v.String() == "" {
			v.SetString(words[0])
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem())
		}
	}
}
