package screen

import (
	"strings"
	"testing"
)

func TestFold(t *testing.T) {
	var b strings.Builder
	w := Fold(&b, 40)
	for _, part := range []string{"short\n  a line of ten words that is ", "wider than the screen is\n", "\nnot ended"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := "short\n  a line of ten words that is wider than\n    the screen is\n\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
