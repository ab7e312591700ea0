package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"kpkg-btf/internal/strictjson"
	"kpkg-btf/internal/where"
)

// skipped reads a whole text as the value of an unknown field.
func skipped(text string, must ...string) error {
	r := strictjson.New([]byte(text))
	for _, m := range must {
		r.Must[m] = true
	}
	r.Unknown("a.b")
	r.End()
	return r.Err
}

func TestSkip(t *testing.T) {
	for _, text := range []string{
		`0`, `null`, `"a\u00e4"`, `[]`, `{}`, ` [1, {"a": [true, {"a": 1}]}, "x"] ` + "\n", `9007199254740991`,
		strings.Repeat("[", strictjson.MaxDepth) + strings.Repeat("]", strictjson.MaxDepth),
	} {
		if err := skipped(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, c := range map[string]struct {
		kind where.Kind
		says string
	}{
		``:                        {where.Malformed, "line 1 column 1: the text ends too early: truncated?"},
		"[1,\n 2":                 {where.Malformed, "line 2 column 3: the text ends too early: truncated?"},
		`{"a": 1, "a": 2}`:        {where.Malformed, `line 1 column 10: member "a" twice`},
		`[{"a": {"b": 1, "b":2}}`: {where.Malformed, `line 1 column 17: member "b" twice`},
		`1.5`:                     {where.Malformed, "line 1 column 1: number is not an integer from 0 to 9007199254740991"},
		`-1`:                      {where.Malformed, "number is not an integer"},
		`9007199254740992`:        {where.Malformed, "number is not an integer"},
		`"\ud800"`:                {where.Malformed, "line 1 column 1: escape of a surrogate"},
		`{"\udc00": 1}`:           {where.Malformed, "line 1 column 2: escape of a surrogate"},
		`[1 2]`:                   {where.Malformed, "not JSON: "},
		`1 2`:                     {where.Malformed, "line 1 column 3: data after the document"},
		strings.Repeat("[", strictjson.MaxDepth+2): {where.Limit, "nested more than 32 deep"},
	} {
		err := skipped(text)
		var e *where.Error
		if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.40s: %v, want %v: %s", text, err, c.kind, c.says)
		}
	}
}

func TestMustUnderstand(t *testing.T) {
	if err := skipped(`1`, "a"); err != nil {
		t.Error(err)
	}
	var e *where.Error
	if err := skipped(`1`, "a.b"); !errors.As(err, &e) || e.Kind != where.Unsupported || !strings.Contains(err.Error(), `field "a.b" must be understood`) {
		t.Error(err)
	}
}

// After the first error every loop ends and nothing more is read.
func TestFirstErrorHolds(t *testing.T) {
	r := strictjson.New([]byte(`[1.5, 2, 3]`))
	if r.Token() != json.Delim('[') || !r.More() {
		t.Fatal(r.Err)
	}
	if at := r.Next(); at != 1 {
		t.Errorf("next token at %d", at)
	}
	n, _ := r.Token().(json.Number)
	if r.Integer(n) != 0 || r.Err == nil {
		t.Fatal("1.5 is no integer")
	}
	first := r.Err
	r.Malformed("another")
	r.End()
	if r.More() || r.Token() != nil || r.Err != first {
		t.Errorf("after the error: %v", r.Err)
	}
}

func TestJoin(t *testing.T) {
	if strictjson.Join("", "a") != "a" || strictjson.Join("a", "b") != "a.b" {
		t.Error(strictjson.Join("", "a"), strictjson.Join("a", "b"))
	}
}
