package verdict

import (
	"fmt"

	"kpkg-btf/internal/btf"
)

// ref mirrors btf_modifier_resolve and btf_ptr_resolve.
func (r *resolver) ref(t *record, ptr bool) step {
	next := t.size
	n, ok := r.typ(next)
	if !ok || sourceOnly(n.kind) {
		return r.bad(t, "type", offSize, "Invalid type_id")
	}
	if !r.sink(n.kind) && !r.done(next) {
		return r.push(n, next)
	}
	if ptr {
		// A modifier that was resolved as part of a struct ended at a pointer;
		// that pointer may lead back here.
		if st, more := r.behind(&n, next); more {
			return st
		}
	}
	if at, _, sized := r.size(next); sized {
		return r.pop(at, 0)
	}
	if r.needs(n.kind) && r.done(next) {
		next = r.idResolve(next)
		n, _ = r.typ(next)
	}
	if n.kind != btf.Void && n.kind != btf.Fwd && n.kind != btf.FuncProto {
		return r.bad(t, "type", offSize, "Invalid type_id")
	}
	return r.pop(next, 0)
}

// behind pushes the pointer behind a resolved modifier where the walk has to
// go on there.
func (r *resolver) behind(n *record, next uint32) (step, bool) {
	if !n.kind.Modifier() {
		return stop, false
	}
	id := r.idResolve(next)
	to, ok := r.typ(id)
	if !ok || to.kind != btf.Ptr || r.sink(to.kind) || r.done(id) {
		return stop, false
	}
	return r.push(to, id), true
}

// variable mirrors btf_var_resolve.
func (r *resolver) variable(t *record) step {
	n, ok := r.typ(t.size)
	if !ok || sourceOnly(n.kind) {
		return r.bad(t, "type", offSize, "Invalid type_id")
	}
	if !r.sink(n.kind) && !r.done(t.size) {
		return r.push(n, t.size)
	}
	if st, more := r.behind(&n, t.size); more {
		return st
	}
	at, _, sized := r.size(t.size)
	if !sized {
		return r.bad(t, "type", offSize, "Invalid type_id")
	}
	return r.pop(at, 0)
}

// array mirrors btf_array_resolve.
func (r *resolver) array(t *record) step {
	elem, index, n := r.s.word(t.extra), r.s.word(t.extra[4:]), r.s.word(t.extra[8:])
	it, ok := r.typ(index)
	if !ok || noSize(it.kind) || sourceOnly(it.kind) {
		return r.bad(t, "index", recordHead+4, "Invalid index")
	}
	if !r.sink(it.kind) && !r.done(index) {
		return r.push(it, index)
	}
	if at, _, sized := r.size(index); !sized || !r.regularInt(at) {
		return r.bad(t, "index", recordHead+4, "Invalid index")
	}
	et, ok := r.typ(elem)
	if !ok || noSize(et.kind) || sourceOnly(et.kind) {
		return r.bad(t, "elem", recordHead, "Invalid elem")
	}
	if !r.sink(et.kind) && !r.done(elem) {
		return r.push(et, elem)
	}
	at, size, sized := r.size(elem)
	if !sized {
		return r.bad(t, "elem", recordHead, "Invalid elem")
	}
	if to, _ := r.typ(at); to.kind == btf.Int && !r.regularInt(at) {
		return r.bad(t, "int", recordHead, "Invalid array of int")
	}
	if uint64(size)*uint64(n) > 1<<32-1 {
		return r.bad(t, "overflow", recordHead+8, "Array size overflows U32_MAX")
	}
	return r.pop(at, size*n)
}

// regularInt is btf_type_int_is_regular of an INT: whole bytes, a power of
// two of them, no offset.
func (r *resolver) regularInt(id uint32) bool {
	t, ok := r.typ(id)
	if !ok || t.kind != btf.Int {
		return false
	}
	d := r.s.word(t.extra)
	bits, off := d&0xff, d>>16&0xff
	switch bits {
	case 8, 16, 32, 64, 128:
		return off == 0
	}
	return false
}

// composite mirrors btf_struct_resolve.
func (r *resolver) composite(v *vertex) step {
	t := &v.t
	if v.next != 0 { // the one it was waiting for
		_, ref, _ := r.s.member(t, v.next-1)
		if m, ok := r.typ(ref); !ok || !r.member(t, v.next-1, ref, &m) {
			return stop
		}
	}
	for i := v.next; i < t.vlen; i++ {
		_, ref, _ := r.s.member(t, i)
		m, ok := r.typ(ref)
		if !ok || noSize(m.kind) || sourceOnly(m.kind) {
			return r.badElement(t, i, "member", 4, "Invalid member")
		}
		if !r.sink(m.kind) && !r.done(ref) {
			v.next = i + 1
			return r.push(m, ref)
		}
		if !r.member(t, i, ref, &m) {
			return stop
		}
	}
	return r.pop(0, 0)
}

// datasec mirrors btf_datasec_resolve (from 6.3: each variable anew).
func (r *resolver) datasec(v *vertex) step {
	t := &v.t
	r.mode = anyMode
	for i := v.next; i < t.vlen; i++ {
		ref, _, size := r.s.member(t, i)
		va, ok := r.typ(ref)
		if !ok || va.kind != btf.Var {
			return r.badElement(t, i, "entry", 0, "Not a VAR kind member")
		}
		if !r.sink(va.kind) && !r.done(ref) {
			v.next = i + 1
			return r.push(va, ref)
		}
		_, need, sized := r.size(va.size)
		if !sized {
			return r.badElement(t, i, "entry.type", 0, "Invalid type")
		}
		if size < need {
			return r.badElement(t, i, "entry.size", 8, "Invalid size")
		}
	}
	return r.pop(0, 0)
}

// function mirrors btf_func_check.
func (r *resolver) function(t *record) bool {
	p, ok := r.typ(t.size)
	if !ok || p.kind != btf.FuncProto {
		return r.refuse(t, "type", offSize, "Invalid type_id")
	}
	if arg := r.unnamed(&p, t.size); arg != 0 {
		return r.refuse(t, "arg", offSize, fmt.Sprintf("Invalid arg#%d", arg))
	}
	return true
}

// unnamed is the first parameter of a prototype that has a type and no name,
// counted from 1, or 0. Every FUNC asks, so a long prototype is read once.
func (r *resolver) unnamed(p *record, id uint32) uint32 {
	if p.vlen > shortProto {
		if arg, known := r.protos[id]; known {
			return arg
		}
	}
	arg := uint32(0)
	for i := uint32(0); i < p.vlen && arg == 0; i++ {
		if name, ref := r.param(p, i); name == 0 && ref != 0 {
			arg = i + 1
		}
	}
	if p.vlen > shortProto {
		if r.protos == nil {
			r.protos = map[uint32]uint32{}
		}
		r.protos[id] = arg
	}
	return arg
}

// shortProto is how many parameters are quicker read than remembered.
const shortProto = 32

func (r *resolver) param(p *record, i uint32) (name, ref uint32) {
	return r.s.word(p.extra[8*i:]), r.s.word(p.extra[8*i+4:])
}

// declTag mirrors btf_decl_tag_resolve.
func (r *resolver) declTag(t *record) step {
	n, ok := r.typ(t.size)
	if !ok || n.kind != btf.Func && n.kind != btf.Var && n.kind != btf.Typedef && !n.kind.Composite() {
		return r.bad(t, "type", offSize, "Invalid type_id")
	}
	if !r.sink(n.kind) && !r.done(t.size) {
		return r.push(n, t.size)
	}
	if at := r.s.word(t.extra); at != ^uint32(0) {
		if n.kind == btf.Var || n.kind == btf.Typedef {
			return r.bad(t, "component", recordHead, "Invalid component_idx")
		}
		vlen := n.vlen
		if n.kind == btf.Func {
			p, _ := r.typ(n.size)
			vlen = p.vlen
		}
		if at >= vlen {
			return r.bad(t, "component", recordHead, "Invalid component_idx")
		}
	}
	return r.pop(t.size, 0)
}

// proto mirrors btf_func_proto_check.
func (r *resolver) proto(t *record, id uint32) bool {
	if t.size != 0 && !r.value(t.size) {
		return r.blame(t, id, "return", offSize, "Invalid return type")
	}
	n := t.vlen
	if n == 0 {
		return true
	}
	if name, ref := r.param(t, n-1); ref == 0 {
		if name != 0 {
			return r.blame(t, id, "arg", recordHead+8*(n-1), fmt.Sprintf("Invalid arg#%d", n))
		}
		n--
	}
	for i := range n {
		name, ref := r.param(t, i)
		if name != 0 && (!r.s.hasOffset(name) || !r.s.identifier(name)) || !r.value(ref) {
			return r.blame(t, id, "arg", recordHead+8*i, fmt.Sprintf("Invalid arg#%d", i+1))
		}
	}
	return true
}

// blame refuses a prototype unless a type below it was refused already.
func (r *resolver) blame(t *record, id uint32, rule string, off uint32, text string) bool {
	if r.res.Rule != "" {
		return false
	}
	r.s.id = id
	return r.refuse(t, rule, off, text)
}

// value reports whether an id is a type that can be passed: it resolves and has
// a size.
func (r *resolver) value(id uint32) bool {
	t, ok := r.typ(id)
	if !ok || sourceOnly(t.kind) {
		return false
	}
	if r.needs(t.kind) && !r.done(id) && !r.resolve(&t, id) {
		return false
	}
	_, _, sized := r.size(id)
	return sized
}
