package verdict

import "kpkg-btf/internal/btf"

// maxDepth is MAX_RESOLVE_DEPTH.
const maxDepth = 32

type visit uint8

const (
	notVisited visit = iota
	visited
	resolved
)

// resolveMode says where a walk may stop (enum resolve_mode).
type resolveMode uint8

const (
	anyMode   resolveMode = iota // a type that needs no resolving is the end
	ptrMode                      // below a pointer: structs and arrays are the end
	valueMode                    // in a struct, union or array: pointers are the end
)

type vertex struct {
	t    record
	id   uint32
	next uint32 // the element to go on with
}

// resolver is the second pass over BTF, btf_check_all_types: what every type
// refers to exists, has a size where it must have one, and contains itself
// only behind a pointer. The kernel runs it for BTF from user space alone.
type resolver struct {
	s     *parser
	base  *btf.Raw // nil without a base
	ptr   uint32   // size of a pointer
	state []visit
	ids   []uint32
	sizes []uint32
	// protos remembers unnamed's answers about long prototypes.
	protos map[uint32]uint32
	stack  [maxDepth]vertex
	top    int
	mode   resolveMode
	res    Result
}

func newResolver(s *parser, base *btf.Raw, ptr uint32) *resolver {
	n := len(s.index)
	return &resolver{s: s, base: base, ptr: ptr, state: make([]visit, n), ids: make([]uint32, n), sizes: make([]uint32, n)}
}

// all mirrors btf_check_all_types.
func (r *resolver) all() bool {
	for i := range r.s.index {
		id := r.s.first + uint32(i)
		r.s.id = id
		t := r.s.at(id)
		if r.needs(t.kind) && !r.done(id) && !r.resolve(&t, id) {
			return false
		}
		if t.kind == btf.Func && !r.needs(btf.Func) && !r.function(&t) {
			return false
		}
		if t.kind == btf.FuncProto && !r.proto(&t, id) {
			return false
		}
	}
	return true
}

// typ is btf_type_by_id.
func (r *resolver) typ(id uint32) (record, bool) {
	if id == 0 {
		return record{}, true
	}
	if id >= r.s.first {
		if uint64(id-r.s.first) >= uint64(len(r.s.index)) {
			return record{}, false
		}
		return r.s.at(id), true
	}
	t, ok := r.base.Record(btf.ID(id))
	return record{extra: t.Extra, name: uint32(t.Name), size: t.SizeType, vlen: t.Vlen, kind: t.Kind, kflag: t.KFlag}, ok
}

// done is env_type_is_resolved.
func (r *resolver) done(id uint32) bool {
	return id < r.s.first || r.state[id-r.s.first] == resolved
}

// sink is env_type_is_resolve_sink.
func (r *resolver) sink(k btf.Kind) bool {
	switch r.mode {
	case ptrMode:
		return !k.Modifier() && k != btf.Ptr
	case valueMode:
		return !k.Modifier() && k != btf.Array && !k.Composite()
	}
	return !r.needs(k)
}

// needs is btf_type_needs_resolve.
func (r *resolver) needs(k btf.Kind) bool {
	switch k {
	case btf.Ptr, btf.Struct, btf.Union, btf.Array, btf.Var, btf.DeclTag, btf.Datasec:
		return true
	case btf.Func:
		return r.s.p.FuncResolve
	}
	return k.Modifier()
}

// sourceOnly is btf_type_is_resolve_source_only: nothing may refer to it.
func sourceOnly(k btf.Kind) bool { return k == btf.Var || k == btf.DeclTag || k == btf.Datasec }

// noSize is btf_type_nosize.
func noSize(k btf.Kind) bool {
	return k == btf.Void || k == btf.Fwd || k == btf.Func || k == btf.FuncProto
}

// step is what one look at a type led to.
type step uint8

const (
	stop   step = iota // refused
	pushed             // another type first
	popped             // resolved
)

// push is env_stack_push.
func (r *resolver) push(t record, id uint32) step {
	if r.top == maxDepth {
		return r.deep("depth", E2BIG)
	}
	if id < r.s.first || r.state[id-r.s.first] != notVisited {
		return r.deep("loop", EEXIST)
	}
	r.state[id-r.s.first] = visited
	r.stack[r.top] = vertex{t: t, id: id}
	r.top++
	if r.mode == anyMode {
		switch {
		case t.kind == btf.Ptr:
			r.mode = ptrMode
		case t.kind.Composite() || t.kind == btf.Array:
			r.mode = valueMode
		}
	}
	return pushed
}

func (r *resolver) deep(rule string, errno Errno) step {
	r.res = Result{Errno: errno, Rule: "resolve." + rule}
	return stop
}

// pop is env_stack_pop_resolved.
func (r *resolver) pop(id, size uint32) step {
	r.top--
	i := r.stack[r.top].id - r.s.first
	r.state[i], r.ids[i], r.sizes[i] = resolved, id, size
	return popped
}

// resolve mirrors btf_resolve: an own stack instead of recursion.
func (r *resolver) resolve(t *record, id uint32) bool {
	r.mode, r.top = anyMode, 0
	r.push(*t, id)
	for r.top > 0 {
		v := &r.stack[r.top-1]
		r.s.id = v.id
		if r.step(v) == stop {
			return r.failed(t, id)
		}
	}
	r.s.id = id
	if !r.valid(t, id) {
		return r.refuse(t, "state", 0, "Invalid resolve state")
	}
	return true
}

// failed words the two refusals that are about the type begun with.
func (r *resolver) failed(t *record, id uint32) bool {
	r.s.id = id
	switch r.res.Rule {
	case "resolve.depth":
		r.refuse(t, "depth", 0, "Exceeded max resolving depth:32")
		r.res.Errno = E2BIG
	case "resolve.loop":
		r.refuse(t, "loop", 0, "Loop detected")
		r.res.Errno = EEXIST
	}
	return false
}

// refuse is btf_verifier_log_type with -EINVAL.
func (r *resolver) refuse(t *record, rule string, off uint32, text string) bool {
	r.s.refuseType(t, rule, EINVAL, off, true, "%s", text)
	r.res = r.s.res
	r.res.Rule = "resolve." + r.res.Rule
	return false
}

func (r *resolver) bad(t *record, rule string, off uint32, text string) step {
	r.refuse(t, rule, off, text)
	return stop
}

// badElement is btf_verifier_log_member or, in a DATASEC, _vsi.
func (r *resolver) badElement(t *record, i uint32, rule string, field uint32, text string) step {
	if t.kind == btf.Datasec {
		r.s.refuseEntry(t, i, rule, field, text)
	} else {
		r.s.refuseMember(t, i, rule, field, "%s", text)
	}
	r.res = r.s.res
	r.res.Rule = "resolve." + r.res.Rule
	return stop
}

func (r *resolver) step(v *vertex) step {
	switch t := &v.t; t.kind {
	case btf.Ptr:
		return r.ref(t, true)
	case btf.Array:
		return r.array(t)
	case btf.Struct, btf.Union:
		return r.composite(v)
	case btf.Var:
		return r.variable(t)
	case btf.Datasec:
		return r.datasec(v)
	case btf.Func:
		if !r.function(t) {
			return stop
		}
		return r.pop(t.size, 0)
	case btf.DeclTag:
		return r.declTag(t)
	}
	return r.ref(&v.t, false)
}

// idResolve is btf_type_id_resolve: the type behind modifiers. In the base,
// whose modifiers are short chains, they are followed each time.
func (r *resolver) idResolve(id uint32) uint32 {
	if id >= r.s.first {
		return r.ids[id-r.s.first]
	}
	t, ok := r.typ(id)
	for i := 0; ok && i < maxChain; i++ {
		if id = t.size; id >= r.s.first {
			return 0
		}
		if t, ok = r.typ(id); ok && !t.kind.Modifier() {
			return id
		}
	}
	return 0
}

// arraySize is btf_resolved_type_size of an array.
func (r *resolver) arraySize(id uint32) uint32 {
	if id >= r.s.first {
		return r.sizes[id-r.s.first]
	}
	n := uint64(1)
	for range maxChain {
		t, ok := r.typ(id)
		switch {
		case !ok || id >= r.s.first:
			return 0
		case t.kind == btf.Array:
			n *= uint64(r.s.word(t.extra[8:]))
			id = r.s.word(t.extra)
		case t.kind.Modifier():
			id = t.size
		case t.kind == btf.Ptr:
			return uint32(n * uint64(r.ptr))
		case noSize(t.kind):
			return 0
		default:
			return uint32(n * uint64(t.size))
		}
		if n > 1<<32 {
			return ^uint32(0)
		}
	}
	return 0
}

// size is btf_type_id_size: the type with a size that an id comes to.
func (r *resolver) size(id uint32) (at, size uint32, ok bool) {
	for range 2 {
		t, known := r.typ(id)
		switch {
		case !known || noSize(t.kind):
			return 0, 0, false
		case t.kind == btf.Array:
			return id, r.arraySize(id), true
		case t.kind == btf.Ptr:
			return id, r.ptr, true
		case t.kind.Modifier() || t.kind == btf.Var:
			id = r.idResolve(id)
			continue
		case t.kind.Shape().HeadSize:
			return id, t.size, true
		}
		return 0, 0, false
	}
	return 0, 0, false
}

// valid is btf_resolve_valid, the last check on a type just resolved.
func (r *resolver) valid(t *record, id uint32) bool {
	i := id - r.s.first
	switch {
	case r.state[i] != resolved:
		return false
	case t.kind.Composite() || t.kind == btf.Datasec:
		return r.ids[i] == 0 && r.sizes[i] == 0
	case t.kind == btf.DeclTag || t.kind == btf.Func:
		return r.ids[i] != 0 && r.sizes[i] == 0
	case t.kind == btf.Array:
		at, size, ok := r.size(r.s.word(t.extra))
		e, _ := r.typ(at)
		return ok && !e.kind.Modifier() && size*r.s.word(t.extra[8:]) == r.sizes[i]
	}
	e, ok := r.typ(r.ids[i])
	return ok && !e.kind.Modifier() && e.kind != btf.Var && e.kind != btf.Datasec
}
