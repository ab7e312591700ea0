package meaning_test

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/meaning"
)

// TestLayouts: only what a module embeds, and the old base knows by name, is a
// layout that can disagree.
func TestLayouts(t *testing.T) {
	kernel := btftest.Kernel(btftest.Plain)
	s := kernel.Split()
	net := kernel.ID(btf.Struct, "net")
	s.Struct("wrap", 80, btftest.M("nets", s.Array(net, 1, 2), 0))
	s.Struct("again", 40, btftest.M("net", s.Const(net), 0))
	s.Struct("ref", 8, btftest.M("net", s.Ptr(net), 0))
	s.Proto(kernel.ID(btf.Typedef, "u32"), btftest.P("to", s.Ptr(kernel.ID(btf.Struct, "sk_buff"))))
	split := s.Parse()
	layouts := func(change func(n []node)) []meaning.Layout {
		var out []meaning.Layout
		for l := range meaning.Classify(rebuilt(false, change), split.Base()).Layouts(meaning.Module{Split: split}) {
			out = append(out, l)
		}
		return out
	}
	for _, c := range []struct {
		what   string
		change func(n []node)
		want   btf.ID
	}{
		{"nothing", func([]node) {}, 0},
		{"net is larger", func(n []node) { find2(n, "net").size.plain = 48 }, net},
		{"net has another member", func(n []node) { find2(n, "net").words[0] = nameWord("index") }, net},
		{"net is not there", func(n []node) { find2(n, "net").name = "ten" }, 0},
		{"sk_buff is larger", func(n []node) { find2(n, "sk_buff").size.plain = 48 }, 0},
		{"u32 is signed", func(n []node) { find(n, btf.Typedef, "__u32").size = idWord(1) }, kernel.ID(btf.Typedef, "u32")},
		{"an enum has another value", func(n []node) { find(n, btf.Enum, "module_state").words[1] = plainWord(9) }, 0},
	} {
		got := layouts(c.change)
		if c.want == 0 && len(got) != 0 || c.want != 0 && (len(got) == 0 || got[0].New != c.want || got[0].Old != c.want) {
			t.Errorf("%s: %+v, want [%d]", c.what, got, c.want)
		}
		if c.what == "net is larger" && len(got) != 1 {
			t.Errorf("%s: %d times", c.what, len(got))
		}
	}
}

func find2(nodes []node, name string) *node { return find(nodes, btf.Struct, name) }

// TestMoved: had the base only been made the same way, a rebuild would be the
// same, and a change would not.
func TestMoved(t *testing.T) {
	split := user(false)
	for _, c := range []struct {
		v    btftest.Variant
		want bool
	}{{btftest.Plain, true}, {btftest.Permuted, true}, {btftest.Grown, true}, {btftest.Changed, false}} {
		cs := meaning.Classify(btftest.Kernel(c.v).Parse(), split.Base())
		if res := cs.JudgeMoved(split); res.Same(meaning.Deep) != c.want {
			t.Errorf("variant %d: %v: %s", c.v, res.Same(meaning.Deep), cs.Text(split, res.First[meaning.Deep]))
		}
	}
}
