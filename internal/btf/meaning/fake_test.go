package meaning_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

// word is one word of a record: a plain value, an id, or a name.
type word struct {
	plain uint32
	id    btf.ID
	name  string
	is    byte // 'p', 'i' or 'n'
}

// node is a record that can be moved to another id and other strings.
type node struct {
	kind  btf.Kind
	kflag bool
	vlen  uint32
	name  string
	size  word
	words []word
}

// emit writes records in the order of perm (nil: as they are); ids are given
// as they were before and come out as move says.
func emit(b *btftest.Builder, nodes []node, perm []int, move func(btf.ID) btf.ID) {
	val := func(w word) uint32 {
		switch w.is {
		case 'i':
			return uint32(move(w.id))
		case 'n':
			return uint32(b.Str(w.name))
		}
		return w.plain
	}
	for i := range nodes {
		n := &nodes[i]
		if perm != nil {
			n = &nodes[perm[i]]
		}
		var words []uint32
		for _, w := range n.words {
			words = append(words, val(w))
		}
		b.Raw(n.kind, n.kflag, n.vlen, b.Str(n.name), val(n.size), words...)
	}
}

func (n node) clone() node {
	n.words = slices.Clone(n.words)
	return n
}

func cloned(nodes []node) []node {
	out := make([]node, len(nodes))
	for i := range nodes {
		out[i] = nodes[i].clone()
	}
	return out
}

// strings lists every name of the records, each once.
func stringsOf(nodes []node) []string {
	var out []string
	add := func(s string) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, n := range nodes {
		add(n.name)
		for _, w := range n.words {
			if w.is == 'n' {
				add(w.name)
			}
		}
	}
	return out
}

func plainWord(v uint32) word { return word{plain: v, is: 'p'} }
func idWord(id btf.ID) word   { return word{id: id, is: 'i'} }
func nameWord(s string) word  { return word{name: s, is: 'n'} }

// randomNode makes a record whose references are to ids in [1, end); names
// and sizes are few, so that many types are alike.
func randomNode(r *rand.Rand, prefix string, end btf.ID) node {
	ref := func() word {
		if r.IntN(12) == 0 {
			return idWord(0)
		}
		return idWord(1 + btf.ID(r.IntN(int(end)-1)))
	}
	nm := func() string { return fmt.Sprintf("%s%d", prefix, r.IntN(4)) }
	anon := func() string {
		if r.IntN(2) == 0 {
			return ""
		}
		return nm()
	}
	n := node{size: plainWord(8 * uint32(1+r.IntN(2)))}
	count := r.IntN(3)
	each := func(f func(i int) []word) {
		n.vlen = uint32(count)
		for i := range count {
			n.words = append(n.words, f(i)...)
		}
	}
	switch n.kind = btf.Kind(1 + r.IntN(int(btf.MaxKind))); n.kind {
	case btf.Int:
		n.name, n.words = nm(), []word{plainWord(uint32(r.IntN(2))<<24 | 32)}
	case btf.Ptr, btf.Volatile, btf.Const, btf.Restrict:
		n.size = ref()
	case btf.Typedef, btf.TypeTag:
		n.name, n.size = nm(), ref()
	case btf.Func:
		n.name, n.size, n.vlen = nm(), ref(), uint32(r.IntN(2))
	case btf.Var:
		n.name, n.size, n.words = nm(), ref(), []word{plainWord(uint32(r.IntN(2)))}
	case btf.DeclTag:
		n.name, n.size, n.words = nm(), ref(), []word{plainWord(uint32(r.IntN(2)))}
	case btf.Array:
		n.size, n.words = plainWord(0), []word{ref(), ref(), plainWord(uint32(r.IntN(2)))}
	case btf.Struct, btf.Union:
		n.name, n.kflag = anon(), r.IntN(4) == 0
		each(func(i int) []word { return []word{nameWord(nm()), ref(), plainWord(uint32(32 * i))} })
	case btf.Enum:
		n.name, n.kflag = anon(), r.IntN(4) == 0
		each(func(i int) []word { return []word{nameWord(nm()), plainWord(uint32(r.IntN(2)))} })
	case btf.Enum64:
		n.name = anon()
		each(func(i int) []word { return []word{nameWord(nm()), plainWord(uint32(r.IntN(2))), plainWord(0)} })
	case btf.Fwd:
		n.name, n.kflag, n.size = nm(), r.IntN(2) == 0, plainWord(0)
	case btf.FuncProto:
		n.size = ref()
		each(func(int) []word { return []word{nameWord(nm()), ref()} })
	case btf.Datasec:
		n.name = nm()
		each(func(i int) []word { return []word{ref(), plainWord(uint32(8 * i)), plainWord(8)} })
	case btf.Float:
		n.name = nm()
	}
	return n
}

// randomNodes makes records with ids from first on, the first of them
// pointers and modifiers more often than not.
func randomNodes(r *rand.Rand, prefix string, first btf.ID, n int) []node {
	var out []node
	for range n {
		out = append(out, randomNode(r, prefix, first+btf.ID(n)))
	}
	return out
}

// mutate changes one thing of one record.
func mutate(r *rand.Rand, nodes []node, end btf.ID) {
	n := &nodes[r.IntN(len(nodes))]
	for range 20 {
		switch k := r.IntN(4 + len(n.words)); k {
		case 0:
			if n.name != "" {
				n.name += "x"
				return
			}
		case 1:
			if n.size.is == 'p' && n.kind.Shape().HeadSize {
				n.size.plain += 8
				return
			}
		case 2:
			if n.size.is == 'i' && n.size.id != 1 {
				n.size.id = 1 + btf.ID(r.IntN(int(end)-1))
				return
			}
		case 3:
			if n.kind.Composite() {
				n.kflag = !n.kflag
				return
			}
		default:
			switch w := &n.words[k-4]; w.is {
			case 'p':
				w.plain += 1
			case 'i':
				w.id = 1 + btf.ID(r.IntN(int(end)-1))
			case 'n':
				w.name += "y"
			}
			return
		}
	}
}

// nodesOf takes a base apart.
func nodesOf(r *btf.Raw) []node {
	var out []node
	for t := range r.Types {
		n := node{kind: t.Kind, kflag: t.KFlag, vlen: t.Vlen, name: r.Name(t.Name), size: plainWord(t.SizeType)}
		for i := range len(t.Extra) / 4 {
			n.words = append(n.words, plainWord(t.Word(i)))
		}
		for pos, id := range t.Refs {
			if pos == t.Pos+8 {
				n.size = idWord(id)
			} else {
				n.words[(pos-t.Pos-12)/4] = idWord(id)
			}
		}
		for pos, off := range t.Names {
			if pos != t.Pos {
				n.words[(pos-t.Pos-12)/4] = nameWord(r.Name(off))
			}
		}
		out = append(out, n)
	}
	return out
}
