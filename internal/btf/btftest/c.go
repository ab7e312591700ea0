package btftest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf"
)

// C adds the declarations of a piece of C, laid out as a 64-bit compiler does:
//
//	btftest.Base().C(`
//	    struct list_head { struct list_head *next, *prev; };
//	    enum state { LIVE, GONE = 4 };
//	    typedef unsigned int u32;
//	    percpu struct list_head lists;       // VAR in .data..percpu
//	    __bpf_kfunc int f(u32 a, ...);       // FUNC, with a DECL_TAG bpf_kfunc
//	`)
//
// In a split, what the source does not define is looked up in the base, which
// must have been made by C, too. Derived types (pointers, arrays, prototypes)
// are made once each, as btf__dedup leaves them. Anything else panics: it is
// for tests.
func (b *Builder) C(src string) *Builder {
	p := &cParser{b: b, toks: cTokens(src), defs: map[string]*cNode{}, made: map[string]*cNode{}}
	for p.peek() != "" {
		p.declaration()
	}
	p.emit()
	return b
}

// cNode is one type in the making.
type cNode struct {
	kind        btf.Kind
	name        string
	id          btf.ID
	size, align uint32
	ref         *cNode // nil: void
	index       *cNode // of an array
	n           uint32 // elements of an array; the kind that a FWD declares
	members     []cMember
	values      []E
	enc         uint32
	component   int32
}

type cMember struct {
	name      string
	typ       *cNode
	bit, bits uint32
}

type cParser struct {
	b      *Builder
	toks   []string
	defs   map[string]*cNode // "struct foo", "foo"
	made   map[string]*cNode
	order  []*cNode
	percpu []*cNode
}

var cToken = regexp.MustCompile(`//[^\n]*|\.\.\.|[A-Za-z_][A-Za-z_0-9]*|-?[0-9][0-9a-fx]*|\S`)

func cTokens(src string) []string {
	var out []string
	for _, t := range cToken.FindAllString(src, -1) {
		if !strings.HasPrefix(t, "//") {
			out = append(out, t)
		}
	}
	return out
}

func (p *cParser) peek() string {
	if len(p.toks) == 0 {
		return ""
	}
	return p.toks[0]
}

func (p *cParser) next() string {
	t := p.peek()
	if t == "" {
		panic("btftest.C: the source ends too early")
	}
	p.toks = p.toks[1:]
	return t
}

func (p *cParser) is(t string) bool {
	if p.peek() != t {
		return false
	}
	p.next()
	return true
}

func (p *cParser) want(t string) {
	if got := p.next(); got != t {
		panic(fmt.Sprintf("btftest.C: %q where %q is wanted, before %q", got, t, strings.Join(p.toks[:min(6, len(p.toks))], " ")))
	}
}

func (p *cParser) add(n *cNode) *cNode {
	p.order = append(p.order, n)
	return n
}

// derived makes a type that has no name, once.
func (p *cParser) derived(n *cNode) *cNode {
	key := fmt.Sprintf("%d %p %d", n.kind, n.ref, n.n)
	for _, m := range n.members {
		key += fmt.Sprintf(" %s %p", m.name, m.typ)
	}
	if old := p.made[key]; old != nil {
		return old
	}
	p.made[key] = n
	return p.add(n)
}

// find looks a name up here, then in the base.
func (p *cParser) find(key string) *cNode {
	if n := p.defs[key]; n != nil {
		return n
	}
	for b := p.b; b != nil; b = b.base {
		if n := b.c[key]; n != nil {
			return n
		}
	}
	return nil
}

func (p *cParser) declaration() {
	tag := ""
	if t := p.peek(); strings.HasPrefix(t, "__") && p.find(t) == nil {
		tag = p.next()[2:]
	}
	typedef, percpu := p.is("typedef"), p.is("percpu")
	base := p.specifier()
	if p.is(";") {
		return
	}
	name, t := p.declarator(base)
	var n *cNode
	switch {
	case typedef:
		n = p.add(&cNode{kind: btf.Typedef, name: name, ref: t, size: sizeOfC(t), align: alignOfC(t)})
		p.defs[name] = n
	case t != nil && t.kind == btf.FuncProto:
		n = p.add(&cNode{kind: btf.Func, name: name, ref: t})
	case percpu:
		n = p.add(&cNode{kind: btf.Var, name: name, ref: t})
		p.percpu = append(p.percpu, n)
	default:
		panic("btftest.C: " + name + " is neither a type, a function nor per-CPU")
	}
	if tag != "" {
		p.add(&cNode{kind: btf.DeclTag, name: tag, ref: n, component: -1})
	}
	p.want(";")
}

var cInts = map[string]struct {
	size, enc uint32
}{
	"char": {1, Signed}, "signed char": {1, Signed}, "unsigned char": {1, Unsigned}, "bool": {1, Bool},
	"short": {2, Signed}, "unsigned short": {2, Unsigned}, "int": {4, Signed}, "unsigned int": {4, Unsigned},
	"long": {8, Signed}, "unsigned long": {8, Unsigned}, "long long": {8, Signed}, "unsigned long long": {8, Unsigned},
}

// specifier reads what stands before a declarator: "const struct foo".
func (p *cParser) specifier() *cNode {
	var quals []btf.Kind
	for {
		switch {
		case p.is("const"):
			quals = append(quals, btf.Const)
			continue
		case p.is("volatile"):
			quals = append(quals, btf.Volatile)
			continue
		}
		break
	}
	t := p.named()
	for _, q := range quals {
		t = p.derived(&cNode{kind: q, ref: t, size: sizeOfC(t), align: alignOfC(t)})
	}
	return t
}

func (p *cParser) named() *cNode {
	switch word := p.next(); word {
	case "void":
		return nil
	case "struct", "union", "enum":
		return p.tagged(word)
	default:
		if _, ok := cInts[word]; !ok && word != "unsigned" && word != "signed" {
			n := p.find(word)
			if n == nil {
				panic("btftest.C: no type " + word)
			}
			return n
		}
		for p.peek() == "long" || p.peek() == "int" || p.peek() == "char" || p.peek() == "short" {
			word += " " + p.next()
		}
		return p.integer(word)
	}
}

func (p *cParser) integer(word string) *cNode {
	if n := p.find(word); n != nil {
		return n
	}
	k, ok := cInts[word]
	if !ok {
		panic("btftest.C: no integer " + word)
	}
	n := p.add(&cNode{kind: btf.Int, name: word, size: k.size, align: k.size, enc: k.enc})
	p.defs[word] = n
	return n
}

// tagged reads the rest of a struct, union or enum.
func (p *cParser) tagged(word string) *cNode {
	kind := map[string]btf.Kind{"struct": btf.Struct, "union": btf.Union, "enum": btf.Enum}[word]
	name := ""
	if p.peek() != "{" {
		name = p.next()
	}
	key := word + " " + name
	var n *cNode
	if name != "" {
		n = p.find(key)
	}
	if p.peek() != "{" {
		if n == nil { // until a body comes
			n = p.add(&cNode{kind: btf.Fwd, name: name, n: uint32(kind)})
			p.defs[key] = n
		}
		return n
	}
	if n == nil || n.kind != btf.Fwd || p.defs[key] != n {
		n = p.add(&cNode{})
		if name != "" {
			p.defs[key] = n
		}
	}
	n.kind, n.name = kind, name
	p.want("{")
	if kind == btf.Enum {
		p.enum(n)
	} else {
		p.composite(n)
	}
	return n
}

func (p *cParser) enum(n *cNode) {
	n.size, n.align = 4, 4
	v := int64(0)
	for !p.is("}") {
		name := p.next()
		if p.is("=") {
			var err error
			if v, err = strconv.ParseInt(p.next(), 0, 64); err != nil {
				panic(err)
			}
		}
		n.values = append(n.values, E{name, v})
		if v != int64(int32(v)) && v != int64(uint32(v)) {
			n.kind, n.size, n.align = btf.Enum64, 8, 8
		}
		v++
		p.is(",")
	}
}

func (p *cParser) composite(n *cNode) {
	end, union := uint32(0), n.kind == btf.Union
	n.align = 1
	for !p.is("}") {
		base := p.specifier()
		for {
			m := cMember{typ: base}
			if p.peek() != ";" {
				m.name, m.typ = p.declarator(base)
			}
			if p.is(":") {
				bits, err := strconv.Atoi(p.next())
				if err != nil {
					panic(err)
				}
				m.bits = uint32(bits)
			}
			end = place(n, &m, end, union)
			n.members = append(n.members, m)
			if !p.is(",") {
				break
			}
		}
		p.want(";")
	}
	unit := 8 * n.align
	n.size = (end + unit - 1) / unit * n.align
}

// place lays a member out and gives the end of the composite in bits.
func place(n *cNode, m *cMember, end uint32, union bool) uint32 {
	size, align := 8*sizeOfC(m.typ), alignOfC(m.typ)
	n.align = max(n.align, align)
	at := end
	if union {
		at = 0
	}
	if m.bits == 0 {
		at = (at + 8*align - 1) / (8 * align) * (8 * align)
		m.bit = at
		return max(end, at+size)
	}
	if at/size != (at+m.bits-1)/size { // a bitfield does not cross its unit
		at = (at + size - 1) / size * size
	}
	m.bit = at
	return max(end, at+m.bits)
}

func sizeOfC(t *cNode) uint32 {
	switch {
	case t == nil:
		return 0
	case t.kind == btf.Ptr:
		return 8
	case t.kind == btf.Array:
		return t.n * sizeOfC(t.ref)
	}
	return t.size
}

func alignOfC(t *cNode) uint32 {
	switch {
	case t == nil:
		return 1
	case t.kind == btf.Ptr:
		return 8
	case t.kind == btf.Array:
		return alignOfC(t.ref)
	}
	return max(t.align, 1)
}
