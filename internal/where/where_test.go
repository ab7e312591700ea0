package where

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"
)

func TestRendersThePath(t *testing.T) {
	err := In("a.deb", In("data.tar.xz", In("./x.ko", In(".BTF", New(Malformed, "bad kind %d", 31).At(0x1c).WithHint("rebuild it")))))
	if got, want := err.Error(), "a.deb: data.tar.xz: ./x.ko: .BTF+0x1c: bad kind 31"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if KindOf(err) != Malformed || HintOf(err) != "rebuild it" {
		t.Errorf("kind %s, hint %q", KindOf(err), HintOf(err))
	}
	wrapped := fmt.Errorf("run: %w", err)
	if KindOf(wrapped) != Malformed {
		t.Errorf("kind is lost by wrapping: %s", KindOf(wrapped))
	}
}

func TestInKeepsTheGivenError(t *testing.T) {
	inner := New(Limit, "too much")
	a, b := In("a", inner), In("b", inner)
	if a.Error() != "a: too much" || b.Error() != "b: too much" || inner.Error() != "too much" {
		t.Errorf("%q %q %q", a, b, inner)
	}
	if In("a", nil) != nil {
		t.Error("nil does not stay nil")
	}
}

func TestKinds(t *testing.T) {
	_, missing := os.Open("/nonexistent/file")
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{missing, IO},
		{In("x", missing), IO},
		{fs.ErrPermission, IO},
		{errors.New("anything"), Internal},
		{In("x", errors.New("anything")), Internal},
		{New(Inconclusive, "open"), Inconclusive},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
	if !errors.Is(New(IO, "read: %w", io.ErrUnexpectedEOF), io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain ünï":           "plain ünï",
		"a\x1b[31mb":          `a\x1b[31mb`,
		"line\nbreak":         `line\x0abreak`,
		"bad\xffutf8":         `bad\xffutf8`,
		"rtl\u202emark":       `rtl\xe2\x80\xaemark`,
		"\ufffd real":         `\xef\xbf\xbd real`,
		"c1\u0085control":     `c1\xc2\x85control`,
		"sep\u2028arator":     `sep\xe2\x80\xa8arator`,
		"tab\tand\x7fdel":     `tab\x09and\x7fdel`,
		"truncated \xe2\x80":  `truncated \xe2\x80`,
		"zero\u200bwidth":     `zero\xe2\x80\x8bwidth`,
		"joined\u2060word":    `joined\xe2\x81\xa0word`,
		"byte order\ufeff":    `byte order\xef\xbb\xbf`,
		"soft\u00adhyphen":    `soft\xc2\xadhyphen`,
		"no-break\u00a0blank": `no-break\xc2\xa0blank`,
		"arabic\u061cmark":    `arabic\xd8\x9cmark`,
		"tag\U000e0041":       `tag\xf3\xa0\x81\x81`,
		"selector\ufe0f":      `selector\xef\xb8\x8f`,
		"filler\u3164":        `filler\xe3\x85\xa4`,
		"private\ue000":       `private\xee\x80\x80`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}
