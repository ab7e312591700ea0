package cli

import "testing"

func TestNearest(t *testing.T) {
	list := []string{"check", "decide", "inspect", "window.signer", "window.signer-unknown"}
	for typed, want := range map[string]string{
		"chek": "check", "CHECK": "check", "decode": "decide", "inspct": "inspect", "window.singer": "window.signer", "zzz": "", "": "",
		"window.signer-unknwon": "window.signer-unknown",
	} {
		if got := nearest(typed, list); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"same", "same", 0}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%s, %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
