package cli

import (
	"bytes"
	"testing"
	"time"
	"unicode/utf8"

	"kpkg-btf/internal/release"
)

func TestProgressLines(t *testing.T) {
	s := release.Step{Input: "/pool/a\x1b.deb", Number: 2, Inputs: 5, Modules: 1234, Bytes: 120_000_000}
	for _, c := range []struct{ got, want string }{
		{stepLine("reading", &s, 2*time.Second), `reading 2 of 5: a\x1b.deb: 1234 modules, 120.0 MB, 60.0 MB/s`},
		{stepLine("reading", &release.Step{Input: "b.deb", Number: 1, Inputs: 1}, 0), "reading: b.deb: 0 modules, 0 bytes"},
		{stepLine("writing", &release.Step{Input: "b.deb", Number: 1, Inputs: 1, Modules: 25, Bytes: 10_000_000, Done: 20, Whole: 100}, 10*time.Second),
			"writing: b.deb: 25 modules, 10.0 MB, 1.0 MB/s, 40s left"},
		{transferLine("fetching", "x.deb", 25_000_000, 100_000_000, 5*time.Second), "fetching: x.deb: 25.0 MB of 100.0 MB, 5.0 MB/s, 15s left"},
		{transferLine("fetching", "x.deb", 10, 10, 5*time.Second), "fetching: x.deb: 10 bytes of 10 bytes, 2 bytes/s"},
		{transferLine("fetching", "x.deb", 10, 100, time.Millisecond), "fetching: x.deb: 10 bytes of 100 bytes"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	long := stepLine("reading", &release.Step{Input: "linux-image-6.1.0-56-amd64_6.1.192-2_amd64.deb", Modules: 4023, Bytes: 390_000_000}, 9*time.Second)
	for _, width := range []int{1, 5, 20, 60, 79, 500} {
		got := fitting(long, width)
		if n := utf8.RuneCountInString(got); n > width || width > 500 && got != long {
			t.Errorf("%d columns of %d: %s", n, width, got)
		}
	}
	if got := fitting(long, 60); got != "reading: …192-2_amd64.deb: 4023 modules, 390.0 MB, 43.3 MB/s" {
		t.Errorf("%q", got)
	}
}

// What is no terminal sees nothing, however long it takes.
func TestProgressIsSilent(t *testing.T) {
	var b bytes.Buffer
	a := &app{env: Env{Stderr: &b, Getenv: func(string) string { return "" }}}
	p := a.progress("reading")
	p.start = time.Now().Add(-time.Hour)
	p.step(release.Step{Input: "a"})
	p.transfer("a", 1, 2)
	p.done()
	a.working("judging")()
	if b.Len() > 0 {
		t.Errorf("%q", b.String())
	}
}
