package diff_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/diff"
)

// testCase is one case of testdata/changes.c.
type testCase struct {
	name     string
	old, new strings.Builder
	want     []string
}

func cases(t *testing.T) []*testCase {
	text, err := os.ReadFile("testdata/changes.c")
	if err != nil {
		t.Fatal(err)
	}
	var list []*testCase
	var c *testCase
	side := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "// ---- "); ok {
			c = &testCase{name: name}
			list = append(list, c)
			continue
		}
		if c == nil {
			continue
		}
		switch word, rest, _ := strings.Cut(strings.TrimPrefix(line, "// "), " "); {
		case line == "// both", line == "// old", line == "// new":
			side = word
		case strings.HasPrefix(line, "// ") && rest != "":
			c.want = append(c.want, word+" "+rest)
		case strings.HasPrefix(line, "//"), line == "":
		default:
			if side != "new" {
				c.old.WriteString(line + "\n")
			}
			if side != "old" {
				c.new.WriteString(line + "\n")
			}
		}
	}
	return list
}

func said(d *diff.Diff) (out []string) {
	for i := range d.Changed {
		letter := "c "
		if d.Changed[i].NamesOnly {
			letter = "n "
		}
		out = append(out, letter+d.Sentence(&d.Changed[i]))
	}
	for _, i := range d.Added {
		out = append(out, "a "+i.Label())
	}
	for _, i := range d.Removed {
		out = append(out, "r "+i.Label())
	}
	slices.Sort(out)
	return out
}

func TestChanges(t *testing.T) {
	list := cases(t)
	if len(list) < 15 {
		t.Fatalf("%d cases", len(list))
	}
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			old, new := btftest.Base().C(c.old.String()).Parse(), btftest.Base().C(c.new.String()).Parse()
			got := said(diff.Compare(old, new))
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if d := diff.Compare(new, new); !d.Same() {
				t.Errorf("against itself: %q", said(d))
			}
			big := btftest.BigBase().C(c.new.String()).Parse()
			if d := diff.Compare(new, big); !d.Same() {
				t.Errorf("against its big-endian twin: %q", said(d))
			}
		})
	}
}

// Definitions of one name are paired by likeness, whatever their order.
func TestVariants(t *testing.T) {
	variant := func(b *btftest.Builder, members string) { b.C("struct state { " + members + " };") }
	old, new := btftest.Base(), btftest.Base()
	old.C("struct pad { int a; long b; };")
	new.C("struct pad { int a; long b; };")
	for _, m := range []string{"int a; int b; int c;", "long x; long y;", "char gone;"} {
		variant(old, m)
	}
	for _, m := range []string{"long x; long y; long z;", "int fresh; int other;", "int a; int b; int c;"} {
		variant(new, m)
	}
	d := diff.Compare(old.Parse(), new.Parse())
	want := []string{"c struct state grew from 1 to 8: member gone removed (was at 0), member fresh added at 0, member other added at 4",
		"c struct state grew from 16 to 24: member z added at 16"}
	got := said(d)
	got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "type ") }) // each C call has its own ints
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if len(d.Changed) != 2 {
		t.Errorf("%d changes", len(d.Changed))
	}
}

// The C of a change: what is as before is left out, what only moved is counted.
func TestLines(t *testing.T) {
	old := btftest.Base().C("struct in { int a; }; struct s { int a; int b; struct in in; char name[8]; union { int u; long v; }; };").Parse()
	new := btftest.Base().C("struct in { int a; }; struct s { int a; short b; long x; struct in in; char name[8]; union { int u; long v; void *w; }; };").Parse()
	d := diff.Compare(old, new)
	got := strings.Join(d.Lines(&d.Changed[0]), "\n")
	want := `-struct s { /* 32 bytes */
+struct s { /* 40 bytes */
 	/* 1 line as before */
-	int b; /* 4 */
+	short b; /* 4 */
+	long x; /* 8 */
 	/* 4 lines moved */
+		void *w; /* 32 */
 };`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if text := strings.Join(d.AddedText(&d.Added[0]), "\n"); d.Added[0].Label() != "type short" || text != "short: 16 bits signed; /* 2 bytes */" {
		t.Errorf("%s: %q", d.Added[0].Label(), text)
	}
}

// A change of thousands of members is told in a few lines.
func TestBounded(t *testing.T) {
	var a, b strings.Builder
	for i := range 3000 {
		a.WriteString("int a" + itoa(i) + ";")
		b.WriteString("long b" + itoa(i) + ";")
	}
	old, new := btftest.Base().C("struct s {"+a.String()+"};").Parse(), btftest.Base().C("struct s {"+b.String()+"};").Parse()
	d := diff.Compare(old, new)
	if s := d.Sentence(&d.Changed[0]); len(s) > 400 || !strings.Contains(s, "more changes") {
		t.Errorf("%q", s)
	}
	if l := d.Lines(&d.Changed[0]); len(l) > 60 || !strings.Contains(l[len(l)-2], "lines more") {
		t.Errorf("%d lines, %q", len(l), l)
	}
}
