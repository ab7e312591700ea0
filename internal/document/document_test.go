package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/document"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

const schema = "kpkg-btf/sample/2.1"

type sample struct {
	Schema string   `json:"schema"`
	Must   []string `json:"must_understand,omitempty"`

	Name    string       `json:"name"`
	Free    string       `json:"free,omitempty"`
	Yes     bool         `json:"yes,omitempty"`
	Less    int64        `json:"less"`
	Small   uint8        `json:"small,omitempty"`
	Sum     [32]byte     `json:"sum"`
	Raw     []byte       `json:"raw,omitempty"`
	Action  model.Action `json:"action"`
	None    *item        `json:"none"`
	Words   []string     `json:"words,omitempty" doc:"sorted,lines"`
	Empty   []string     `json:"empty,omitzero"`
	Items   []item       `json:"items" doc:"sorted"`
	Deep    []deep       `json:"deep" doc:"lines"`
	Tuples  []tuple      `json:"tuples"`
	Numbers []uint32     `json:"numbers,omitempty" doc:"deltas"`
	Points  []*item      `json:"points,omitempty"`
	In      deep         `json:"in" doc:"line"`
	//lint:ignore U1000 an unexported field is not a member of the document
	hidden int
}

type item struct {
	Path string `json:"path"`
	N    int    `json:"n,omitempty"`
}

func (i item) Key() string { return i.Path }
func (i item) Fault() string {
	if i.Path == "bad" {
		return "a bad path"
	}
	return ""
}

type deep struct {
	part
	Items []item `json:"items"`
}

type part struct {
	Kind model.Verdict `json:"kind"`
}

type tuple struct {
	_    struct{} `doc:"tuple"`
	Name string   `json:"name"`
	N    uint32   `json:"n"`
	Tail string   `json:"tail,omitempty"`
}

func full() *sample {
	return &sample{
		Schema: schema, Name: "a\xff", Free: "tab\t\u202e\u200b\"ä", Yes: true, Less: -3, Small: 255, Sum: [32]byte{1, 0xab}, Raw: []byte("text"),
		Action: model.Strip, Words: []string{"b", "a", "b", "\xfe"}, Empty: []string{}, Items: []item{{"z", 1}, {"a", 0}},
		Deep:   []deep{{part{model.Attached}, []item{{"q", 1}, {"p", 2}}}},
		Tuples: []tuple{{Name: "x\xff", N: 1}, {Name: "y", Tail: "t"}}, Numbers: []uint32{1, 5, 4294967295}, Points: []*item{{"p", 0}},
		In: deep{part{model.Dropped}, []item{}},
	}
}

const text = `{
"schema": "kpkg-btf/sample/2.1",
"tool": "t 1",
"digest": "sha256:DIGEST",
"name_b64": "Yf8=",
"free": "tab\u0009\u202e\u200b\"ä",
"yes": true,
"less": -3,
"small": 255,
"sum": "01ab000000000000000000000000000000000000000000000000000000000000",
"raw": "text",
"action": "strip",
"none": null,
"words": [
	"a",
	"b",
	{"b64":"/g=="}
],
"empty": [],
"items": [
	{"path":"a"},
	{"path":"z","n":1}
],
"deep": [
	{"kind":"attached","items":[{"path":"q","n":1},{"path":"p","n":2}]}
],
"tuples": [
	[{"b64":"eP8="},1],
	["y",0,"t"]
],
"numbers": "1 4 4294967290",
"points": [
	{"path":"p"}
],
"in": {"kind":"dropped","items":[]}
}
`

func marshal(t *testing.T, doc any) string {
	t.Helper()
	out, _, err := document.Marshal(schema, "t 1", doc)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(out) {
		t.Errorf("not JSON:\n%s", out)
	}
	return string(out)
}

func TestForm(t *testing.T) {
	in := full()
	out := marshal(t, in)
	i := strings.Index(out, "sha256:") + len("sha256:")
	if got := out[:i] + "DIGEST" + out[i+64:]; got != text {
		t.Errorf("%s\nwant\n%s", got, text)
	}
	if !reflect.DeepEqual(in, full()) {
		t.Error("writing changed the value")
	}
	back := &sample{}
	head, err := document.Unmarshal([]byte(out), schema, back)
	if err != nil {
		t.Fatal(err)
	}
	want := full()
	want.Words, want.Items = []string{"a", "b", "\xfe"}, []item{{"a", 0}, {"z", 1}}
	if !reflect.DeepEqual(back, want) {
		t.Errorf("%+v\nwant\n%+v", back, want)
	}
	if head.Tool != "t 1" || head.Schema != schema || marshal(t, back) != out {
		t.Errorf("%+v, or another text", head)
	}
}

// The digest covers all but the tool.
func TestDigest(t *testing.T) {
	a, da, _ := document.Marshal(schema, "t 1", full())
	_, db, _ := document.Marshal(schema, "t 2", full())
	if da != db {
		t.Error("the tool is in the digest")
	}
	h, err := document.Unmarshal(a, schema, &sample{})
	if err != nil || h.Digest != da {
		t.Errorf("%x, %v", h.Digest, err)
	}
	edited := bytes.Replace(a, []byte(`"less": -3`), []byte(`"less": -4`), 1)
	wants(t, edited, where.Malformed, "line 4 column 11: the digest does not match: the text was changed after it was written")
	tool := bytes.Replace(a, []byte(`"t 1"`), []byte(`"another"`), 1)
	if _, err := document.Unmarshal(tool, schema, &sample{}); err != nil {
		t.Error(err)
	}
	crlf := bytes.ReplaceAll(a, []byte("\n"), []byte("\r\n"))
	_, err = document.Unmarshal(crlf, schema, &sample{})
	if err == nil || !strings.Contains(where.HintOf(err), "autocrlf") {
		t.Errorf("%v, hint %q", err, where.HintOf(err))
	}
}

func wants(t *testing.T, text []byte, kind where.Kind, says string) {
	t.Helper()
	_, err := document.Unmarshal(text, schema, &sample{})
	var e *where.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(err.Error(), says) {
		t.Errorf("%.60q: %v, want %v: %s", text, err, kind, says)
	}
}

// sealed returns a text whose digest fits, with old replaced by new in its body.
func sealed(t *testing.T, old, new string) []byte {
	t.Helper()
	out := marshal(t, full())
	i := strings.Index(out, "\"name_b64\"")
	body := out[i:]
	if !strings.Contains(body, old) {
		t.Fatalf("no %q", old)
	}
	return []byte(document.Seal(schema, strings.Replace(body, old, new, 1)))
}

func TestStrict(t *testing.T) {
	for _, c := range []struct {
		old, new string
		kind     where.Kind
		says     string
	}{
		{`"yes": true`, `"yes": true, "yes": true`, where.Malformed, `line 6 column 14: member "yes" twice`},
		{`"yes": true`, `"free_b64": "/w=="`, where.Malformed, `member "free_b64" twice`},
		{`"name_b64": "Yf8="`, `"name_b64": "YQ=="`, where.Malformed, "name: base64 of what is plain text"},
		{`"yes": true`, `"later": {"a": 1, "a": 2}`, where.Malformed, `member "a" twice`},
		{`"yes": true`, `"yes": 1`, where.Malformed, "yes: want true or false"},
		{`"less": -3,`, ``, where.Malformed, "less is missing"},
		{`"less": -3`, `"less": 9007199254740992`, where.Malformed, "less: want an integer of at most 9007199254740991"},
		{`"less": -3`, `"less": 1.5`, where.Malformed, "less: want an integer"},
		{`"less": -3`, `"less": -0`, where.Malformed, "less: want an integer"},
		{`"less": -3`, `"less": 03`, where.Malformed, "less: want an integer"},
		{`"less": -3`, `"less": 3e1`, where.Malformed, "less: want an integer"},
		{`"less": -3`, `"less": null`, where.Malformed, "less: want an integer"},
		{`"small": 255`, `"small": 256`, where.Malformed, "small: want an integer from 0 that fits"},
		{`"small": 255`, `"small": -1`, where.Malformed, "small: want an integer from 0 that fits"},
		{`"sum": "01ab`, `"sum": "01AB`, where.Malformed, "sum: want 64 lower-case hexadecimal digits"},
		{`"action": "strip"`, `"action": "wait"`, where.Unsupported, `action: "wait" is a word that this version does not know`},
		{`"kind":"attached"`, `"kind":"loved"`, where.Unsupported, `deep.kind: "loved" is a word`},
		{`"a",`, `"c",`, where.Malformed, `words: "b" is not in order`},
		{`"a",`, `"b",`, where.Malformed, `words: "b" twice`},
		{`{"path":"a"}`, `{"path":"z"}`, where.Malformed, `items: "z" twice`},
		{`{"path":"a"}`, `{"path":"bad"}`, where.Malformed, "items: a bad path"},
		{`{"path":"a"}`, `{"n":1}`, where.Malformed, "items.path is missing"},
		{`["y",0,"t"]`, `["y"]`, where.Malformed, "tuples: 1 values, n is missing"},
		{`"numbers": "1 4`, `"numbers": "1 0`, where.Malformed, "numbers: want numbers from 1"},
		{`"numbers": "1 4`, `"numbers": "7 4`, where.Malformed, "no sum beyond 32 bits"},
		{`"free": "tab`, `"free": "\ud800`, where.Malformed, "broken escape"},
		{`"free": "tab`, `"free": "\ud800\ud800`, where.Malformed, "broken escape"},
		{`"free": "tab`, `"free": "\udb40\u00`, where.Malformed, "broken escape"},
		{`"free": "tab`, `"free": "\x`, where.Malformed, "unknown escape"},
		{`"free": "tab`, "\"free\": \"\x01", where.Malformed, "a control character in a string"},
		{`"in": {`, `"in": [`, where.Malformed, "in: want an object"},
		{`"items": [`, `"items": {`, where.Malformed, "items: want an array"},
		{"[]}\n}", "[]},\n}", where.Malformed, "a comma before the end"},
		{"[]}\n}", "[]}\n}1", where.Malformed, "data after the document"},
		{"[]}\n}", "[]}", where.Malformed, "the text ends too early: truncated?"},
		{`"yes": true`, `"later": ` + strings.Repeat("[", 40) + strings.Repeat("]", 40), where.Limit, "nested more than 32 deep"},
		{`"yes": true`, `"must_understand": ["later"]`, where.Malformed, "must_understand is not right after the head"},
		{`"yes": true`, `"schema": "x"`, where.Malformed, `member "schema" twice`},
		{`"yes": true`, `"digest": "x"`, where.Malformed, `member "digest" twice`},
	} {
		wants(t, sealed(t, c.old, c.new), c.kind, c.says)
	}
	wants(t, []byte("\xff"), where.Malformed, "line 1 column 1: not UTF-8")
	wants(t, nil, where.Malformed, "not a sample document")
	wants(t, []byte(`{"tool": "x"}`), where.Malformed, "it does not begin with its schema")
	wants(t, []byte(`{"schema": "kpkg-btf/other/2.0"}`), where.Malformed, `schema "kpkg-btf/other/2.0" is not that of a sample document`)
	wants(t, []byte(`{"schema": "kpkg-btf/sample/x"}`), where.Malformed, "has no version")
	wants(t, []byte(`{"schema": "kpkg-btf/sample/1.9"}`), where.Unsupported, "sample document of version 1.9, this program reads 2.x")
	wants(t, []byte(`{"schema": "kpkg-btf/sample/2.0"}`), where.Malformed, "no digest")
	wants(t, []byte(`{"schema": "kpkg-btf/sample/2.0", "name": "x"}`), where.Malformed, "member before the digest")
}

// A later minor version's members are passed over, unless they must be
// understood.
func TestLaterMinor(t *testing.T) {
	text := string(sealed(t, `"yes": true`, `"later": [{"a": "b"}], "yes": true`))
	body := func(must string) []byte {
		return []byte(document.Seal("kpkg-btf/sample/2.9", must+text[strings.Index(text, `"name_b64"`):]))
	}
	if _, err := document.Unmarshal(body(""), schema, &sample{}); err != nil {
		t.Error(err)
	}
	if _, err := document.Unmarshal(body("\"must_understand\": [\"yes\"],\n"), schema, &sample{}); err != nil {
		t.Error(err)
	}
	wants(t, body("\"must_understand\": [\"later\"],\n"), where.Unsupported, `member "later" must be understood and is not known to this version`)
}

func TestMustIsWritten(t *testing.T) {
	s := full()
	s.Must = []string{"yes"}
	out := marshal(t, s)
	if !strings.Contains(out, "\",\n\"must_understand\": [\"yes\"],\n\"name_b64\"") {
		t.Errorf("%s", out)
	}
	back := &sample{}
	if _, err := document.Unmarshal([]byte(out), schema, back); err != nil || !reflect.DeepEqual(back.Must, s.Must) {
		t.Errorf("%v, %v", back.Must, err)
	}
}

// What no document can hold is a mistake of the caller.
func TestRefused(t *testing.T) {
	for says, change := range map[string]func(*sample){
		"less: number":         func(s *sample) { s.Less = 1 << 60 },
		"items: a bad path":    func(s *sample) { s.Items[0].Path = "bad" },
		`"z" twice`:            func(s *sample) { s.Items[1].Path = "z" },
		"is none of its words": func(s *sample) { s.In.Kind = "loved" },
		"do not ascend":        func(s *sample) { s.Numbers[0] = 9 },
		"element 0 is missing": func(s *sample) { s.Points[0] = nil },
	} {
		s := full()
		change(s)
		if _, _, err := document.Marshal(schema, "", s); err == nil || where.KindOf(err) != where.Internal || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

func TestOpen(t *testing.T) {
	out, err := document.MarshalOpen(schema, "t", full())
	if err != nil || bytes.Contains(out, []byte("digest")) {
		t.Fatalf("%v\n%s", err, out)
	}
	out = bytes.Replace(out, []byte(`"less": -3`), []byte(`"less": 5`), 1)
	back := &sample{}
	if _, err := document.UnmarshalOpen(out, schema, back); err != nil || back.Less != 5 {
		t.Errorf("%v, %d", err, back.Less)
	}
	if _, err := document.UnmarshalOpen([]byte(marshal(t, full())), schema, back); err == nil {
		t.Error("a digest that nobody verifies was read")
	}
}

func TestIs(t *testing.T) {
	for text, want := range map[string]bool{
		marshal(t, full()): true, ` { "schema" : "kpkg-btf/sample/9.0"`: true, `{"schema": "kpkg-btf/other/2.0"`: false, "": false, "[]": false,
	} {
		if document.Is([]byte(text), schema) != want {
			t.Errorf("%.30q: not %v", text, want)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	out, _, err := document.Marshal(schema, "t 1", full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(out[bytes.Index(out, []byte(`"name_b64"`)):]))
	f.Add("")
	f.Fuzz(func(t *testing.T, body string) {
		text := []byte(document.Seal(schema, body))
		s := &sample{}
		if _, err := document.Unmarshal(text, schema, s); err != nil {
			var e *where.Error
			if !errors.As(err, &e) || e.Kind == where.Internal {
				t.Fatalf("%v", err)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("read what is not JSON: %q", text)
		}
		again, _, err := document.Marshal(schema, "t", s)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back := &sample{}
		if _, err := document.Unmarshal(again, schema, back); err != nil || !reflect.DeepEqual(s, back) {
			t.Fatalf("%v\n%+v\n%+v", err, s, back)
		}
	})
}
