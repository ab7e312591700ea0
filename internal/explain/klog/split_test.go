package klog

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func pieces(t *testing.T, in string) []string {
	t.Helper()
	var out []string
	if err := split(strings.NewReader(in), func(n int, s string) { out = append(out, fmt.Sprintf("%d:%s", n, s)) }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSplit(t *testing.T) {
	for in, want := range map[string][]string{
		"a\nb":                {"1:a", "2:b"},
		"a\r\nb\r\n":          {"1:a", "2:b"},
		"a\r\r\n\rb\r\n":      {"1:a", "2:b"},
		"10%\r20%\rdone\nb\n": {"1:10%", "1:20%", "1:done", "2:b"},
		"\n\na\n":             {"1:", "2:", "3:a"},
		"":                    nil,
		"MESSAGE\n\x04\x00\x00\x00\x00\x00\x00\x00a\n\tb\nX=1\n": {"1:MESSAGE", "1:MESSAGE=a\n\tb", "2:", "3:X=1"},
		"MESSAGE\nno length\n": {"1:MESSAGE", "2:no length"},
	} {
		if got := pieces(t, in); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// A line of megabytes comes in pieces that end between two strings.
func TestSplitLongLines(t *testing.T) {
	item := `["1","` + strings.Repeat("x", 90) + `"],`
	long := strings.Repeat(item, 3*maxPiece/len(item))
	got := pieces(t, long+"\nend\n")
	total := 0
	for _, p := range got[:len(got)-1] {
		n, s, _ := strings.Cut(p, ":")
		if n != "1" || len(s) > 2*maxPiece || !strings.HasSuffix(s, `,`) {
			t.Fatalf("piece of %d bytes of line %s ends in %q", len(s), n, s[len(s)-8:])
		}
		total += len(s)
	}
	if total != len(long) || got[len(got)-1] != "2:end" {
		t.Errorf("%d bytes of %d, then %s", total, len(long), got[len(got)-1])
	}
}
