package meaning_test

import (
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/meaning"
)

// rebuilt is the fake kernel with one change: ids and string offsets stay what
// they are, new strings come last.
func rebuilt(big bool, change func(nodes []node)) *btf.Raw {
	kernel, b := btftest.Kernel(btftest.Plain), btftest.Base()
	if big {
		kernel, b = btftest.BigKernel(btftest.Plain), btftest.BigBase()
	}
	raw := kernel.Parse()
	for _, s := range strings.Split(strings.Trim(string(raw.Strings()), "\x00"), "\x00") {
		b.Str(s)
	}
	nodes := nodesOf(raw)
	change(nodes)
	emit(b, nodes, nil, self)
	b.Str("one more string makes all offsets of own strings move")
	return b.Parse()
}

// find returns the record of a kind and name.
func find(nodes []node, kind btf.Kind, name string) *node {
	for i := range nodes {
		if nodes[i].kind == kind && nodes[i].name == name {
			return &nodes[i]
		}
	}
	panic(name)
}

// user is a module of names of its base only, so that counts do not matter:
// it embeds an nf_conn, points at a net, and has a function of file_operations.
func user(big bool) *btf.Raw {
	kernel := btftest.Kernel(btftest.Plain)
	if big {
		kernel = btftest.BigKernel(btftest.Plain)
	}
	s := kernel.Split()
	s.Struct("list", 32, btftest.M("key", kernel.ID(btf.Struct, "nf_conn"), 0))
	s.Ptr(kernel.ID(btf.Struct, "net"))
	s.Const(kernel.ID(btf.Struct, "file_operations"))
	return s.Parse()
}

// TestOneChange: any single change of what a module refers to is seen at the
// depth at which it matters.
func TestOneChange(t *testing.T) {
	name := func(kind btf.Kind, old, new string) func([]node) {
		return func(nodes []node) { find(nodes, kind, old).name = new }
	}
	size := func(kind btf.Kind, name string) func([]node) {
		return func(nodes []node) { find(nodes, kind, name).size.plain += 8 }
	}
	word := func(kind btf.Kind, name string, i int, to word) func([]node) {
		return func(nodes []node) { find(nodes, kind, name).words[i] = to }
	}
	for _, c := range []struct {
		what   string
		change func([]node)
		differ string // depths: n, i, v, d
	}{
		{"nothing", func([]node) {}, ""},
		{"an embedded struct's name", name(btf.Struct, "nf_conn", "nf_con"), "nivd"},
		{"an embedded struct's size", size(btf.Struct, "nf_conn"), "ivd"},
		{"an embedded struct's member's name", word(btf.Struct, "nf_conn", 0, nameWord("mork")), "vd"},
		{"an embedded struct's member's offset", word(btf.Struct, "nf_conn", 5, plainWord(48)), "vd"},
		{"an embedded struct's member's type", word(btf.Struct, "nf_conn", 1, idWord(1)), "vd"},
		{"an embedded struct's kind", func(n []node) { find(n, btf.Struct, "nf_conn").kind = btf.Union }, "nivd"},
		{"an int's encoding in an embedded struct", word(btf.Int, "unsigned int", 0, plainWord(1<<24|32)), "vd"},
		{"a typedef's name in an embedded struct", name(btf.Typedef, "u32", "v32"), "vd"},
		{"an anonymous union in an embedded struct", func(n []node) { find(n, btf.Union, "").words[0] = nameWord("c") }, "vd"},
		{"a struct's size behind a pointer of an embedded one", size(btf.Struct, "sk_buff"), "d"},
		{"a struct's layout behind a pointer of an embedded one", word(btf.Struct, "sk_buff", 2, plainWord(64)), "d"},
		{"a struct's size behind a pointer", size(btf.Struct, "net"), "id"},
		{"a struct's layout behind a pointer", word(btf.Struct, "net", 2, plainWord(8)), "d"},
		{"a prototype two pointers away", func(n []node) { find(n, btf.FuncProto, "").size = idWord(2) }, ""},
		{"a parameter's type behind file_operations", func(n []node) {
			open := find(n, btf.Struct, "file_operations").words[1].id
			n[n[open-1].size.id-1].words[1] = idWord(1)
		}, "d"},
		{"an enumerator's value, which the module does not reach", word(btf.Enum, "module_state", 1, plainWord(7)), ""},
		{"a function's name, which the module does not reach", name(btf.Func, "printk", "_printk"), ""},
		{"a declaration in place of a struct, behind a pointer", func(n []node) {
			net := find(n, btf.Struct, "net")
			net.kind, net.vlen, net.size, net.words = btf.Fwd, 0, plainWord(0), nil
		}, "id"},
		{"a declaration's name, far away", name(btf.Fwd, "inode", "knot"), "d"},
	} {
		for _, big := range []bool{false, true} {
			split := user(big)
			cs := meaning.Classify(rebuilt(big, c.change), split.Base())
			res := cs.Judge(meaning.Module{Split: split})
			got := ""
			for d, letter := range "nivd" {
				if !res.Same(meaning.Depth(d)) {
					got += string(letter)
				}
			}
			if got != c.differ {
				t.Errorf("%s, big %v: differs at %q, want %q: %s", c.what, big, got, c.differ, cs.Text(split, res.First[meaning.Deep]))
			}
		}
	}
}

// TestValues: enumerators, lengths, linkage, tags and sections, each reached
// by a module that names it.
func TestValues(t *testing.T) {
	base := btftest.Base()
	i := base.Int("int", 4, btftest.Signed)
	base.Enum("e", 4, btftest.E{Name: "A", Value: 1})
	base.Enum64("e64", 8, btftest.E{Name: "B", Value: 1 << 40})
	base.Array(i, i, 4)
	base.Fwd("f", false)
	base.TypeTag("percpu", i)
	base.Float("double", 8)
	f := base.Func("fn", base.Proto(i, btftest.P("a", i)))
	base.DeclTag("tag", f, -1)
	base.Datasec(".data", 8, btftest.Entry{Var: base.Var("v", i), Off: 0, Size: 4})
	nodes := nodesOf(base.Parse())
	changes := 0
	for k := range nodes {
		split := base.Split()
		split.Const(btf.ID(k + 1))
		mine := split.Parse()
		for w := -2; w < len(nodes[k].words); w++ {
			older := cloned(nodes)
			n := &older[k]
			switch {
			case w == -2 && n.name != "":
				n.name += "x"
			case w == -1 && n.size.is == 'p':
				n.size.plain ^= 4
			case w >= 0 && n.words[w].is == 'p':
				n.words[w].plain++
			case w >= 0 && n.words[w].is == 'n':
				n.words[w].name += "x"
			default:
				continue
			}
			changes++
			old := btftest.Base()
			for _, s := range stringsOf(nodes) {
				old.Str(s)
			}
			emit(old, older, nil, self)
			c := meaning.Classify(old.Parse(), mine.Base())
			if res := c.Judge(meaning.Module{Split: mine}); res.Same(meaning.Deep) {
				t.Errorf("%s: word %d changed and all is the same", mine.Label(btf.ID(k+1)), w)
			}
		}
	}
	if changes < 25 {
		t.Errorf("only %d changes", changes)
	}
}

// TestTexts: what a maintainer reads.
func TestTexts(t *testing.T) {
	kernel := btftest.Kernel(btftest.Plain)
	s := kernel.Split()
	s.Typedef("u64_t", kernel.ID(btf.Int, "int"))
	s.Struct("priv", 8, btftest.M("net", s.Ptr(kernel.ID(btf.Struct, "net")), 0))
	own := s.Parse()
	byName := kernel.Split()
	byName.Ptr(kernel.ID(btf.Struct, "net"))
	for _, c := range []struct {
		what string
		old  *btf.Raw
		m    meaning.Module
		want string
	}{
		{"moved", btftest.Kernel(btftest.Permuted).Parse(), meaning.Module{Split: byName.Parse()}, "char [16], not struct net"},
		{"types", btftest.Kernel(btftest.Grown).Parse(), meaning.Module{Split: own}, "begin at"},
		{"size", btftest.Kernel(btftest.Changed).Parse(), meaning.Module{Split: byName.Parse()}, "struct net of 48 bytes, not 40"},
		{"order", btftest.BigKernel(btftest.Plain).Parse(), meaning.Module{Split: byName.Parse()}, "byte order"},
		{"ids", btftest.Kernel(btftest.Permuted).Parse(), meaning.Module{Split: kernel.Split().Parse(), IDs: []btf.ID{kernel.ID(btf.Struct, "nf_conn")}}, ".BTF_ids is"},
		{"own ids", btftest.Kernel(btftest.Grown).Parse(), meaning.Module{Split: kernel.Split().Parse(), IDs: []btf.ID{kernel.Next()}}, ".BTF_ids is one of its own"},
		{"unplaced", btftest.Kernel(btftest.Plain).Parse(), meaning.Module{Split: byName.Parse(), OnOld: make([]uint32, 99), OnNew: make([]uint32, 99)}, "not on both bases"},
	} {
		cs := meaning.Classify(c.old, kernel.Parse())
		res := cs.Judge(c.m)
		if res.Same(meaning.Identity) {
			t.Errorf("%s: the same", c.what)
		}
		if got := cs.Text(c.m.Split, res.First[meaning.Identity]); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q does not say %q", c.what, got, c.want)
		}
	}
}
