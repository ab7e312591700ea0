package report

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// pictured is a decision with everything that a page draws.
func pictured() *model.Report {
	r := busy()
	v := &r.Releases[0]
	v.Windows[0].Change = &model.BaseChange{Cause: "types", Text: "types changed", InPlace: 10, Ids: 30, Shifts: 1, Moved: []model.Shift{{Up: 3, Count: 30}}, Changed: 2,
		Places: &model.IDPlaces{Ids: 40, Cells: 4, Has: []model.IDCell{{New: 0, Old: 0, Count: 10}, {New: 2, Old: 1, Count: 30}}},
		Types: []model.ChangedType{{Name: "struct s", OldID: 3, NewID: 4, OldSize: 16, NewSize: 24, Text: "struct s grew from 16 to 24: member c added at 16",
			Was:  &model.Definition{Head: "struct s", Fields: []model.Field{{Bit: 0, Bits: 8, C: "char a"}, {Bit: 64, Bits: 64, C: "void *b"}}},
			Is:   &model.Definition{Head: "struct s", Fields: []model.Field{{Bit: 0, Bits: 8, C: "char a"}, {Bit: 64, Bits: 64, C: "void *b"}, {Bit: 128, Bits: 64, C: "long c"}}},
			Used: &model.Used{SymbolsByValue: model.Users{Count: 1, First: []string{"get_s"}}, ModulesPointer: model.Users{Count: 7, First: []string{"a"}}}},
			{Name: "struct t", OldID: 5, NewID: 6, OldSize: 8, NewSize: 16}}}
	v.Modules[0].BTFBytes, v.Modules[0].DistilledBytes, v.Modules[0].RepeatedBytes = 1000, 1140, 250
	v.Self.Health = &model.Health{Kfuncs: 3, KfuncSets: 2, KfuncsWrong: []string{"scx_bpf_now"}, Doubled: []string{"struct task_struct"}, NamesLost: []string{},
		Repeated: model.RepeatedTypes{Modules: 1, Composites: 9, Typedefs: 4, Bytes: 250, Of: 1000}}
	return r
}

// elements are those of a name, as another reader of HTML sees them.
func elements(t *testing.T, page, name string) (out []*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			out = append(out, n)
		}
	}
	return out
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// A page has the verdict first, and every part of the decision.
func TestHTML(t *testing.T) {
	text := rendered(t, pictured(), "html")
	if head := elements(t, text, "header"); len(head) != 1 || !strings.HasPrefix(textOf(head[0]), "exit 4 KEEP — 6.1.0-2 could have kept the name 6.1.0-1") || !strings.Contains(textOf(head[0]), "exit 4") || !strings.Contains(textOf(head[0]), "Next") {
		t.Errorf("the verdict: %q", textOf(head[0]))
	}
	var titles []string
	for _, h := range elements(t, text, "h2") {
		titles = append(titles, textOf(h))
	}
	want := []string{"Which modules meet which kernel", "Findings", "Modules by folder", "Health of the build", "Bytes of BTF", "From the base of 6.1.0-1", "Provenance"}
	if !slices.Equal(titles, want) {
		t.Errorf("sections %q, want %q", titles, want)
	}
	body := textOf(elements(t, text, "body")[0])
	for _, want := range []string{"struct s grew from 16 to 24", "Padding, in bytes: 7 (7 at 1).", "Exported symbols that reach it: 1 (get_s) by value.", "Modules that reach it: 7 (a, …) behind a pointer.",
		"A step: 75.0 % of the ids moved, by 1 distance", "from 1.0 kB to 1.1 kB with .BTF.base (+14.0 %)", "+ long c; /* 16 */", "struct t", "does not decide", "and 2 more",
		"kfuncs 3 in 2 sets; wrong: 1, scx_bpf_now", "250 bytes of 1.0 kB (25.0 %) in 1 module", "Types that the base has too take 250 bytes of it (25.0 %)", "1, struct task_struct"} {
		if !strings.Contains(strings.ToLower(body), strings.ToLower(want)) {
			t.Errorf("%q is not on the page", want)
		}
	}
	// Links lead to places that are present.
	ids := map[string]bool{}
	for _, name := range []string{"h2", "tbody", "main"} {
		for _, n := range elements(t, text, name) {
			if id := attribute(n, "id"); id != "" && ids[id] {
				t.Errorf("two places are called %s", id)
			} else {
				ids[id] = true
			}
		}
	}
	for _, a := range elements(t, text, "a") {
		if to, ok := strings.CutPrefix(attribute(a, "href"), "#"); !ok || !ids[to] {
			t.Errorf("a link to %q", attribute(a, "href"))
		}
	}
}

// Nothing is loaded, and nothing runs but the one script.
func TestHTMLLoadsNothing(t *testing.T) {
	text := rendered(t, pictured(), "html")
	csp := ""
	for _, m := range elements(t, text, "meta") {
		if attribute(m, "http-equiv") != "" {
			csp = attribute(m, "content")
		}
	}
	if !regexp.MustCompile(`^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'$`).MatchString(csp) {
		t.Errorf("policy %q", csp)
	}
	if n := len(elements(t, text, "script")); n != 1 {
		t.Errorf("%d scripts", n)
	}
	for _, name := range []string{"img", "link", "iframe", "object", "embed", "base", "form"} {
		if len(elements(t, text, name)) > 0 {
			t.Errorf("<%s> is on the page", name)
		}
	}
	for _, bad := range []string{" style=", " onclick", "url(", "ZgotmplZ"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is on the page", bad)
		}
	}
}

const hostile = "<script>alert(1)</script>\x1b[31m\u202egnp.\u200b\u0085\"'>&"

// setHostile puts it into every text of a value whose words are free.
func setHostile(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if model.Words(v.Type()) == nil {
			v.SetString(v.String() + hostile)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				setHostile(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			setHostile(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			setHostile(v.Elem())
		}
	}
}

// Names from inputs are inert and to be seen, wherever they stand, in every
// format for people.
func TestHostileNames(t *testing.T) {
	r := pictured()
	setHostile(reflect.ValueOf(r).Elem())
	for _, format := range []string{"gitlab", "github", "html", "json", "jsonl", "junit", "markdown", "sarif", "text"} {
		text := rendered(t, r, format)
		for _, c := range text {
			if where.Unsafe(c) && c != '\n' && c != '\t' {
				t.Fatalf("%s: %U is in it", format, c)
			}
		}
		if format == "html" && strings.Contains(text, "<script>alert") {
			t.Error("a name is an element")
		}
	}
	text := rendered(t, r, "html")
	if n := len(elements(t, text, "script")); n != 1 {
		t.Errorf("%d scripts", n)
	}
	if !strings.Contains(textOf(elements(t, text, "body")[0]), `\xe2\x80\xae`) {
		t.Error("what is escaped is not to be seen")
	}
}

// large has n modules in so many encounters, most with a text of their own.
func large(n, windows int) *model.Report {
	r := pictured()
	v := &r.Releases[0]
	w := v.Windows[0]
	v.Windows, v.Modules = nil, nil
	for k := range windows {
		x := w
		x.Old.Name = fmt.Sprintf("6.1.0-%d-amd64", k)
		x.Reverse.Judged = true
		x.Reverse.Each = nil
		for i := range n {
			x.Reverse.Each = append(x.Reverse.Each, model.ReverseModule{Path: largePath(i), Verdict: model.Dropped, Load: model.ModuleLoad{IfEnforced: model.LoadsNo}})
		}
		v.Windows = append(v.Windows, x)
		f := model.Finding{Rule: "window.base", Encounter: model.Window, Against: x.Old.Name, Action: model.Strip, Message: "the base changed", Count: n}
		for i := range n {
			f.Subjects = append(f.Subjects, largePath(i))
		}
		v.Findings = append(v.Findings, f)
	}
	for i := range n {
		m := model.ModuleDecision{Path: largePath(i), Name: fmt.Sprintf("module-%d", i), Verdict: model.Attached, Meaning: model.Same, Action: model.Strip, BTFBytes: int64(1000 + i*7919%90000)}
		for k := range windows {
			m.Windows = append(m.Windows, model.ModuleWindow{Old: k, Verdict: model.Attached, Meaning: model.Different, Words: fmt.Sprintf("[%d] FUNC module_%d type_id=%d Invalid name", 100000+i, i, i)})
		}
		v.Modules = append(v.Modules, m)
	}
	return r
}

func largePath(i int) string {
	return fmt.Sprintf("kernel/drivers/subsystem-%02d/vendor-%03d/module-name-%04d.ko", i%37, i%301, i)
}

// 4000 modules in 9 encounters make a page below 2 MB.
func TestHTMLSize(t *testing.T) {
	start := time.Now()
	text := rendered(t, large(4000, 4), "html")
	t.Logf("%d bytes in %v", len(text), time.Since(start))
	if len(text) > 2_000_000 {
		t.Errorf("%d bytes", len(text))
	}
	if rows := len(elements(t, text, "tr")); rows < 4000 {
		t.Errorf("%d rows", rows)
	}
	if !strings.Contains(text, "module-name-3999.ko") || !strings.Contains(text, "Why is left out for") {
		t.Error("the list is not whole, or does not say what is left out")
	}
}

// A matrix of hundreds of kernels has a row for each.
func TestHTMLOnHundreds(t *testing.T) {
	r := &model.Report{Releases: []model.ReleaseVerdict{{Release: model.ReleaseRef{Name: "", Packages: []string{"kmod-foo 1"}}, Outcome: model.Outcome{Action: model.RebuildFor}}}, Outcome: model.Outcome{Action: model.RebuildFor}}
	v := &r.Releases[0]
	m := model.ModuleDecision{Path: "extra/foo.ko"}
	for k := range 300 {
		v.On = append(v.On, model.KernelResult{Kernel: model.ReleaseRef{Name: fmt.Sprintf("6.1.0-%d-amd64", k)}})
		on := model.ModuleOn{Kernel: k, Verdict: model.Attached, Meaning: model.Same}
		if k%2 == 1 {
			on.Action, on.Verdict, on.Why = model.RebuildFor, model.Blocked, "symbol CRCs differ"
			v.On[k].Action = model.RebuildFor
		}
		m.On = append(m.On, on)
	}
	v.Modules = []model.ModuleDecision{m}
	text := rendered(t, r, "html")
	rows := 0
	for _, n := range elements(t, text, "tr") {
		if line := textOf(n); strings.HasPrefix(line, "6.1.0-") {
			rows++
			if want := strings.Contains(line, "R build for this kernel extra/foo.ko: symbol CRCs differ"); want == strings.Contains(line, "keep") {
				t.Errorf("row %q", line)
			}
		}
	}
	if rows != 300 {
		t.Errorf("%d rows", rows)
	}
}

// Every path is in one folder, folders are neither tiny nor huge.
func TestFolders(t *testing.T) {
	set := map[string]bool{"top.ko": true}
	for i := range 1000 {
		set[largePath(i)] = true
	}
	var all []string
	for _, f := range folders(set) {
		all = append(all, f.paths...)
		if len(f.paths) > 60 {
			t.Errorf("%s has %d", f.name, len(f.paths))
		}
		for _, p := range f.paths {
			if f.name != "." && !strings.HasPrefix(p, f.name+"/") {
				t.Errorf("%s is not in %s", p, f.name)
			}
		}
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != len(set) || len(all) != len(set) {
		t.Errorf("%d of %d", len(all), len(set))
	}
}

// The caption names the form of the picture.
func TestPlacesCaption(t *testing.T) {
	near := &model.IDPlaces{Ids: 64, Cells: 64, Has: []model.IDCell{{New: 3, Old: 3, Count: 5}, {New: 9, Old: 8, Count: 5}}}
	far := &model.IDPlaces{Ids: 64, Cells: 64, Has: []model.IDCell{{New: 3, Old: 60, Count: 5}, {New: 60, Old: 3, Count: 5}}}
	for _, c := range []struct {
		change model.BaseChange
		want   string
	}{
		{model.BaseChange{}, "No id"},
		{model.BaseChange{InPlace: 9}, "A diagonal: "},
		{model.BaseChange{InPlace: 9, Ids: 9, Shifts: 2, Moved: []model.Shift{{Up: 1, Count: 9}}}, "A step: 50.0 %"},
		{model.BaseChange{InPlace: 1, Ids: 9, Shifts: 200, Moved: []model.Shift{{Up: 1, Count: 8}}}, "A step with strays: "},
		{model.BaseChange{InPlace: 1, Ids: 900, Shifts: 200, Moved: []model.Shift{{Up: 1, Count: 8}}, Places: far}, "A cloud: "},
		{model.BaseChange{InPlace: 1, Ids: 900, Shifts: 200, Moved: []model.Shift{{Up: 1, Count: 8}}, Places: near}, "A thick diagonal: "},
	} {
		if got := placesCaption(&c.change); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Padding is what no member covers, at the end too; unions overlap.
func TestLayout(t *testing.T) {
	d := &model.Definition{Fields: []model.Field{{Bit: 0, Bits: 3, C: "int a:3"}, {Bit: 32, Bits: 64, C: "union {"}, {Bit: 32, Bits: 32, Depth: 1, C: "int x"}, {Bit: -1, C: "}"}, {Bit: 32, Bits: 32, C: "int y"}}}
	l := layoutOf(d, 128)
	if got := l.padding(); got != "Padding, in bytes: 7:5 (3:5 at 0:3, 4 at 12)." {
		t.Error(got)
	}
	inner := layoutOf(&model.Definition{Fields: []model.Field{{Bit: 0, Bits: 128, C: "struct {"}, {Bit: 0, Bits: 32, Depth: 1, C: "int a"}, {Bit: 64, Bits: 64, Depth: 1, C: "long b"}, {Bit: -1, C: "}"}, {Bit: 128, Bits: 64, C: "struct {"}, {Bit: 0, Bits: 32, Depth: 1, C: "int x"}, {Bit: -1, C: "} y[2]"}}}, 192)
	if got := inner.padding(); got != "Padding, in bytes: 4 (4 at 4)." || len(inner.members) != 3 {
		t.Error(got, inner.members)
	}
	whole := layoutOf(&model.Definition{Fields: []model.Field{{Bit: 0, Bits: 64, C: "long a"}}}, 64)
	if got := whole.padding(); got != "No padding." {
		t.Error(got)
	}
}

func TestHTMLIsDeterministic(t *testing.T) {
	var a, b bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := HTML(w, large(50, 2), Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if a.String() != b.String() {
		t.Error("two pages of one decision differ")
	}
}
