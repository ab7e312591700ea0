package judge

import (
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/btf/pin"
	"kpkg-btf/internal/model"
)

// TestPinned: what is said of two bases that are pinned, that are not, and that
// cannot be.
func TestPinned(t *testing.T) {
	plain, grown := btftest.Kernel(btftest.Plain), btftest.Kernel(btftest.Grown)
	raw := func(b []byte) *btf.Raw {
		r, err := btf.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	start, err := pin.Start(plain.Parse(), pin.Slack{Types: 8, Strings: 100}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := raw(start.Data)
	on, err := pin.On(grown.Parse(), first, nil)
	if err != nil {
		t.Fatal(err)
	}
	uses := []pin.Use{
		{Module: "old.ko", Refs: &meaning.Refs{Types: []btf.ID{grown.ID(btf.Struct, "net")}}},
		{Module: "fresh.ko", Refs: &meaning.Refs{Types: []btf.ID{grown.ID(btf.Fwd, "banner_7_0")}}},
		{Module: "word.ko", Refs: &meaning.Refs{IDs: []btf.ID{grown.ID(btf.Func, "printk")}}},
	}
	for _, c := range []struct {
		what     string
		old, new *btf.Raw
		uses     []pin.Use
		rule     string
		severity model.Severity
		says     string
	}{
		{"pinned", first, raw(on.Data), nil, "pin.slack-left", model.Info, "slack left for 7 types and 89 bytes of strings"},
		{"a series, fallen back", first, grown.Parse(), uses, "pin.not-used", model.Warning, "the build fell back: pinned, 2 of 3 modules would mean the same on it"},
		{"no series", plain.Parse(), btftest.Kernel(btftest.Permuted).Parse(), nil, "pin.not-used", model.Info, "is not pinned on the older one"},
		{"no room", plain.Parse(), grown.Parse(), uses, "pin.not-used", model.Info, "it could not have been: no room: 1 new types"},
	} {
		f := pinned(meaning.Classify(c.old, c.new), c.uses)
		if f.Rule != c.rule || f.Severity != c.severity || !strings.Contains(f.Message, c.says) {
			t.Errorf("%s: %+v", c.what, f)
		}
	}
}
