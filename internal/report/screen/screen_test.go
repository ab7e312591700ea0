package screen

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text        string
		first, rest int
		want        string
	}{
		{"", 10, 10, ""},
		{"one two three", 7, 5, "one two|three"},
		{"a\nb\tc", 20, 20, "a b c"},
		{"kernel/drivers/net/alpha.ko is refused", 16, 16, "kernel/drivers/|net/alpha.ko is|refused"},
		{"abcdefghij", 4, 4, "abcd|efgh|ij"},
		{"a \x1b[31mb", 20, 20, `a \x1b[31mb`},
		{"−1 ids", 2, 9, "−1|ids"},
		{"longer word", 3, 9, "|longer|word"},
	} {
		if got := strings.Join(Wrap(c.text, c.first, c.rest), "|"); got != c.want {
			t.Errorf("%q in %d and %d: %q, want %q", c.text, c.first, c.rest, got, c.want)
		}
	}
}

// No line is wider than the screen, whatever is written.
func TestNoLineIsWider(t *testing.T) {
	long := strings.Repeat("kernel/drivers/net/ethernet/", 6) + "x.ko " + strings.Repeat("word ", 40)
	for _, width := range []int{0, 1, 80, 120, 500} {
		var b strings.Builder
		s := New(&b, width, false)
		s.Headline("REBUILD", Bad, long, "exit 6", long)
		s.Text(3, long)
		s.Entry(2, "Why", 6, Strong, long)
		s.Verbatim(4, "\t"+long)
		s.Table(2, Table{Head: []string{"module", "n"}, Rows: [][]string{{long, "12"}, {"b", "3"}}, Right: []bool{false, true}})
		s.Command(2, "More", 6, append([]string{"kpkg-btf", "check"}, strings.Fields(strings.Repeat("new.deb ", 30))...), long, 0)
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		if got, want := s.Lines(), strings.Count(b.String(), "\n"); got != want {
			t.Errorf("%d lines counted, %d written", got, want)
		}
		most := map[int]int{0: 80, 1: 40, 80: 80, 120: 120, 500: 120}[width]
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > most {
				t.Errorf("width %d: %d columns: %s", width, n, line)
			}
		}
	}
}

func TestHeadline(t *testing.T) {
	var b strings.Builder
	s := New(&b, 40, true)
	s.Headline("KEEP", Good, "all is well", "exit 0", "Nothing to do.")
	_ = s.Flush()
	want := "\x1b[1;32mKEEP\x1b[0m   \x1b[1mall is well\x1b[0m                exit 0\n       Nothing to do.\n"
	if b.String() != want {
		t.Errorf("%q\n%q", b.String(), want)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	s := New(&b, 40, false)
	s.Table(1, Table{Head: []string{"module", "n", ""}, Rows: [][]string{{"a.ko", "12", "ok"}, {"longer.ko", "3", "BUMP"}}, Right: []bool{false, true}})
	_ = s.Flush()
	if want := " module      n\n a.ko       12  ok\n longer.ko   3  BUMP\n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
	b.Reset()
	s = New(&b, 42, false)
	s.Table(2, Table{Head: []string{"modules", "without BTF", "wrong types", ""}, Rows: [][]string{{"new 6.1.192-small", "41", "-", "STRIP"}}, Right: []bool{false, true, true}})
	s.Table(2, Table{Head: []string{"modules", "not known"}, Rows: [][]string{{"new 6.1.192-small-and-a-still-longer-name", "3"}}, Right: []bool{false, true}})
	_ = s.Flush()
	want := "  modules            without  wrong\n" +
		"                         BTF  types\n" +
		"  new 6.1.192-small       41      -  STRIP\n" +
		"  modules                              not\n" +
		"                                     known\n" +
		"  new                                    3\n" +
		"  6.1.192-small-and-a-still-longer-\n" +
		"  name\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// A command that is wrapped is one command again in a shell.
func TestCommand(t *testing.T) {
	var b strings.Builder
	s := New(&b, 40, false)
	s.Command(2, "Next", 6, []string{"kpkg-btf", "apply", "a file.json", "one.deb", "-o", "two.deb"}, "store it", 0)
	s.Command(2, "More", 6, []string{"kpkg-btf", "help"}, "all", 14)
	_ = s.Flush()
	want := "  Next  kpkg-btf apply 'a file.json' \\\n          one.deb -o two.deb\n          (store it)\n  More  kpkg-btf help   all\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{"": "''", "a.deb": "a.deb", "*.deb": "'*.deb'", "it's": `'it'\''s'`, "…": "…"} {
		if got := Quote(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "the key changed": "The key changed.", "a.ko is refused": "a.ko is refused.", "Done.": "Done.", "why?": "Why?",
		"6.1.0 is gone": "6.1.0 is gone.", "vermagic: differs": "vermagic: differs.",
	} {
		if got := Sentence(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestBar(t *testing.T) {
	for part, want := range map[int64]string{0: "", 1: "#", 50: "#####", 100: "##########", 200: "##########"} {
		if got := Bar(part, 100, 10); got != want {
			t.Errorf("%d: %q, want %q", part, got, want)
		}
	}
}

// What a shell substitutes stays in one line, where it fits into one.
func TestWrapSubstitution(t *testing.T) {
	text := `which build it is of: dpkg -S "$(modinfo -k "$(uname -r)" -n overlay)", then (as said) go on`
	want := []string{`which build it is of: dpkg -S`, `"$(modinfo -k "$(uname -r)" -n overlay)",`, "then (as said) go on"}
	if got := Wrap(text, 44, 44); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, text := range []string{"$(never closed and so on", "a $(b", "$(aaaaaaaa bbbbbbbbb cccccccc)", ")( $( ) )"} {
		if got := strings.Join(Wrap(text, 12, 12), " "); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
