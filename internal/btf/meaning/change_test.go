package meaning_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/meaning"
)

func changeOf(old, new *btf.Raw) (*meaning.Classes, *meaning.Change) {
	c := meaning.Classify(old, new)
	return c, c.Change()
}

// TestWhyRebuild is pair B in small: the banner and the note with the build
// salt are longer, ids behind the first use of their lengths moved, and no type
// that anything uses changed.
func TestWhyRebuild(t *testing.T) {
	build := func(banner, salt uint32, early bool) *btf.Raw {
		b := btftest.Base()
		i := b.Int("int", 4, btftest.Signed)
		ch := b.Int("char", 1, btftest.Signed)
		head := b.Struct("elf64_note", 12, btftest.M("n_namesz", i, 0))
		if early {
			b.Array(ch, i, 16)
		}
		b.Const(b.Struct("", 12+salt, btftest.M("nhdr", head, 0), btftest.M("desc", b.Next()+2, 12)))
		b.Array(ch, i, salt)
		b.Const(b.Array(b.Const(ch), i, banner))
		for n := range 20 {
			b.Ptr(b.Typedef(fmt.Sprintf("t%d", n), i))
		}
		b.Struct("net", 4, btftest.M("ifindex", i, 0))
		if !early {
			b.Array(ch, i, 16)
		}
		return b.Parse()
	}
	c, ch := changeOf(build(214, 20, false), build(216, 22, true))
	if !ch.Plain || len(ch.Types) != 0 || !slices.Equal(ch.Arrays, []meaning.Lengths{{Old: 20, New: 22}, {Old: 214, New: 216}}) {
		t.Errorf("%+v", ch)
	}
	w := c.Why(ch, meaning.Builds{SameSource: true, OldBanner: strings.Repeat("x", 212), NewBanner: strings.Repeat("x", 214)})
	if w.Cause != meaning.ByRebuild || !strings.Contains(w.Text, "two char arrays changed length with the version banner (20 to 22, 214 to 216)") ||
		!strings.Contains(w.Text, "42 ids moved by +1") || !strings.Contains(w.Prevent, "at one length") {
		t.Errorf("%+v", w)
	}
	if w := c.Why(ch, meaning.Builds{SameSource: true, Tools: []string{"pahole 124, then 130"}}); w.Cause != meaning.ByToolchain || !strings.Contains(w.Text, "pahole 124, then 130") || !strings.Contains(w.Prevent, "same pahole") {
		t.Errorf("%+v", w)
	}
	if w := c.Why(ch, meaning.Builds{}); w.Cause != meaning.NotShown || w.Prevent != "" || !strings.Contains(w.Text, "no struct, union or enum changed") {
		t.Errorf("a cause is claimed that nothing shows: %+v", w)
	}
}

// TestWhyTypes: what changed itself is named, what only leads to it is not.
func TestWhyTypes(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func([]node)
		want   string
		types  int
	}{
		{"grew", func(n []node) { find2(n, "net").size.plain = 48 }, "struct net grew from 40 to 48", 1},
		{"shrank", func(n []node) { find2(n, "net").size.plain = 32 }, "struct net shrank from 40 to 32", 1},
		{"member", func(n []node) { find2(n, "net").words[0] = nameWord("index") }, "struct net has another content of the same size", 1},
		{"values", func(n []node) {
			e := find(n, btf.Enum, "module_state")
			e.vlen, e.words = 1, e.words[:2]
		}, "enum module_state has 2 values, it had 1", 1},
	} {
		cs, ch := changeOf(rebuilt(false, c.change), btftest.Kernel(btftest.Plain).Parse())
		flip := cs.Why(ch, meaning.Builds{})
		if ch.Plain || len(ch.Types) != c.types || flip.Cause != meaning.ByTypes || flip.Prevent != "" {
			t.Errorf("%s: %+v %+v", c.what, ch, flip)
		}
		if c.what == "values" {
			if !strings.Contains(flip.Text, c.want) {
				t.Errorf("%s: %q", c.what, flip.Text)
			}
			continue
		}
		cs, ch = changeOf(btftest.Kernel(btftest.Plain).Parse(), rebuilt(false, c.change))
		if w := cs.Why(ch, meaning.Builds{}); !strings.Contains(w.Text, c.want) {
			t.Errorf("%s: %q", c.what, w.Text)
		}
	}
}

// TestWhyUsers: of many changed types the ones that most modules use are named.
func TestWhyUsers(t *testing.T) {
	cs, ch := changeOf(btftest.Kernel(btftest.Plain).Parse(), rebuilt(false, func(n []node) {
		for _, name := range []string{"list_head", "net", "sk_buff", "nf_conn", "file"} {
			find2(n, name).size.plain += 8
		}
	}))
	file, _ := cs.Raw(meaning.New).Find(btf.Struct, "file")
	w := cs.Why(ch, meaning.Builds{Users: func(id btf.ID) int {
		if id == file.ID {
			return 7
		}
		return 0
	}})
	if !strings.HasPrefix(w.Text, "struct file grew from 8 to 16; ") || !strings.Contains(w.Text, "2 more types changed") {
		t.Errorf("%q", w.Text)
	}
}

// TestWhyFunctions is pair A in small: functions came and went, ids and
// strings moved.
func TestWhyFunctions(t *testing.T) {
	old, own := btftest.Base(), btftest.Base()
	for i, b := range []*btftest.Builder{old, own} {
		n := b.Int("int", 4, btftest.Signed)
		b.Func([]string{"msync", "mprotect2"}[i], b.Proto(n))
		b.Struct("net", 4, btftest.M("ifindex", n, 0))
	}
	cs, ch := changeOf(old.Parse(), own.Parse())
	w := cs.Why(ch, meaning.Builds{SameSource: true})
	if w.Cause != meaning.NotShown || w.Prevent != "" || ch.FuncsAdded != 1 || ch.FuncsGone != 1 || !strings.Contains(w.Text, "1 function new, 1 gone") || !strings.Contains(w.Text, "string section longer by 4") {
		t.Errorf("%+v: %+v", ch, w)
	}
}
