package btftest

import (
	"strconv"

	"kpkg-btf/internal/btf"
)

// declarator reads "*name[3]", "(*name)(int a)", "name(void)", or the same
// without a name.
func (p *cParser) declarator(base *cNode) (string, *cNode) {
	for p.is("*") {
		base = p.derived(&cNode{kind: btf.Ptr, ref: base})
		if p.is("const") {
			base = p.derived(&cNode{kind: btf.Const, ref: base, size: 8, align: 8})
		}
	}
	if p.peek() == "(" && len(p.toks) > 1 && p.toks[1] == "*" {
		p.next()
		// What is inside applies to what follows the parentheses.
		depth, inner := 1, []string(nil)
		for {
			t := p.next()
			if t == "(" {
				depth++
			} else if t == ")" {
				if depth--; depth == 0 {
					break
				}
			}
			inner = append(inner, t)
		}
		base = p.suffix(base)
		rest := p.toks
		p.toks = append(inner, ")")
		name, t := p.declarator(base)
		p.want(")")
		p.toks = rest
		return name, t
	}
	name := ""
	if t := p.peek(); t != "" && (t[0] == '_' || t[0] >= 'a' && t[0] <= 'z' || t[0] >= 'A' && t[0] <= 'Z') {
		name = p.next()
	}
	return name, p.suffix(base)
}

// suffix reads "[3]" and "(params)".
func (p *cParser) suffix(base *cNode) *cNode {
	if p.is("(") {
		return p.prototype(base)
	}
	var dims []uint32
	for p.is("[") {
		n := 0
		if p.peek() != "]" {
			var err error
			if n, err = strconv.Atoi(p.next()); err != nil {
				panic(err)
			}
		}
		p.want("]")
		dims = append(dims, uint32(n))
	}
	for i := len(dims) - 1; i >= 0; i-- {
		base = p.derived(&cNode{kind: btf.Array, ref: base, index: p.integer("unsigned int"), n: dims[i]})
	}
	return base
}

func (p *cParser) prototype(ret *cNode) *cNode {
	n := &cNode{kind: btf.FuncProto, ref: ret}
	for !p.is(")") {
		if p.is("...") {
			n.members = append(n.members, cMember{})
			continue
		}
		name, t := p.declarator(p.specifier())
		if t == nil && name == "" {
			continue // (void)
		}
		n.members = append(n.members, cMember{name: name, typ: t})
		p.is(",")
	}
	return p.derived(n)
}

// emit numbers the nodes and writes them: references may lead forward.
func (p *cParser) emit() {
	first := p.b.Next()
	for i, n := range p.order {
		n.id = first + btf.ID(i)
	}
	for _, n := range p.order {
		p.b.emitC(n)
	}
	if len(p.percpu) > 0 {
		var entries []Entry
		off := uint32(0)
		for _, v := range p.percpu {
			align, size := alignOfC(v.ref), sizeOfC(v.ref)
			off = (off + align - 1) / align * align
			entries = append(entries, Entry{v.id, off, size})
			off += size
		}
		p.b.Datasec(".data..percpu", off, entries...)
	}
	if p.b.c == nil {
		p.b.c = map[string]*cNode{}
	}
	for k, n := range p.defs {
		p.b.c[k] = n
	}
}

func idOfC(n *cNode) btf.ID {
	if n == nil {
		return 0
	}
	return n.id
}

func (b *Builder) emitC(n *cNode) {
	ref := idOfC(n.ref)
	switch n.kind {
	case btf.Int:
		b.Int(n.name, n.size, n.enc)
	case btf.Struct, btf.Union:
		var ms []Member
		for _, m := range n.members {
			ms = append(ms, Member{Name: m.name, Type: idOfC(m.typ), Bit: m.bit, Bits: m.bits})
		}
		b.composite(n.kind, n.name, n.size, ms)
	case btf.Enum, btf.Enum64:
		b.enum(n.kind, n.name, n.size, n.values)
	case btf.Fwd:
		b.Fwd(n.name, n.n == uint32(btf.Union))
	case btf.Array:
		b.Array(ref, n.index.id, n.n)
	case btf.FuncProto:
		var ps []Param
		for _, m := range n.members {
			ps = append(ps, P(m.name, idOfC(m.typ)))
		}
		b.Proto(ref, ps...)
	case btf.DeclTag:
		b.DeclTag(n.name, ref, n.component)
	case btf.Var:
		b.Var(n.name, ref)
	default: // PTR, CONST, VOLATILE, TYPEDEF, FUNC
		b.add(n.kind, false, 0, n.name, uint32(ref))
	}
}
