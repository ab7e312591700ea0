package policy

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		glob string
		s    Subject
		want bool
	}{
		{"snd_*", Subject{Symbol: "snd_pcm_new"}, true},
		{"snd_*", Subject{Symbol: "asnd_pcm"}, false},
		{"snd_", Subject{Symbol: "snd_pcm"}, false},
		{"*", Subject{Symbol: "x", Modules: []string{"a/b"}}, true},
		{"*", Subject{Modules: []string{"a"}}, false},
		{"module:drivers/net/**", Subject{Symbol: "x", Modules: []string{"drivers/net/ethernet/intel/ice/ice"}}, true},
		{"module:drivers/net/*", Subject{Modules: []string{"drivers/net/ethernet/intel/ice/ice"}}, false},
		{"module:drivers/net/*", Subject{Modules: []string{"drivers/net/mii"}}, true},
		{"module:drivers/*/mii", Subject{Modules: []string{"drivers/net/mii"}}, true},
		{"module:**/mii", Subject{Modules: []string{"drivers/net/mii"}}, true},
		{"module:vmlinux", Subject{Symbol: "printk", Modules: []string{"vmlinux"}}, true},
		{"module:a.b", Subject{Modules: []string{"axb"}}, false},
		{"module:**", Subject{}, false},
		{"***", Subject{Symbol: "a/b"}, true},
	} {
		g, err := NewGlob(c.glob)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.subject(c.s); got != c.want {
			t.Errorf("%q on %+v: %v", c.glob, c.s, got)
		}
	}
	for _, bad := range []string{"", "module:", "snd_?", "snd_[ab]", "a b", "{a,b}", "ä"} {
		if g, err := NewGlob(bad); err == nil {
			t.Errorf("%q is taken as %v", bad, g)
		}
	}
}

// slowMatch is the obviously right matcher: by trying everything.
func slowMatch(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case strings.HasPrefix(p, "**"):
		return slowMatch(p[2:], s) || s != "" && slowMatch(p, s[1:])
	case p[0] == '*':
		return slowMatch(p[1:], s) || s != "" && s[0] != '/' && slowMatch(p, s[1:])
	}
	return s != "" && p[0] == s[0] && slowMatch(p[1:], s[1:])
}

func TestGlobAgainstSlow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringMatching(`[ab/*]{1,6}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab/]{0,6}`).Draw(t, "name")
		g, err := NewGlob(p)
		if err != nil {
			t.Fatal(err)
		}
		// Three stars are two and one: ** takes all that * would.
		if got, want := g.name(s), slowMatch(p, s); got != want {
			t.Fatalf("%q on %q: %v, want %v", p, s, got, want)
		}
	})
}

// What one glob is said to cover of another it really matches.
func TestCovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(l string) *Glob {
			g, err := NewGlob(rapid.StringMatching(`(module:)?[ab/*]{1,3}`).Draw(t, l))
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
		g, h := draw("g"), draw("h")
		name := rapid.StringMatching(`[ab/]{1,4}`).Draw(t, "name")
		for _, s := range []Subject{{Symbol: name}, {Modules: []string{name}}} {
			if g.covers(h) && h.subject(s) && !g.subject(s) {
				t.Fatalf("%v is said to cover %v, not of %+v", g, h, s)
			}
		}
	})
}
