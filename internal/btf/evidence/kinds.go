package evidence

import "kpkg-btf/internal/btf"

// kinds judges what a record's references lead to.
func (j *judge) kinds() {
	t := &j.t
	switch t.Kind {
	case btf.Ptr, btf.Typedef, btf.TypeTag, btf.Const, btf.Volatile, btf.Restrict:
		j.chain()
	case btf.Array:
		j.array()
	case btf.Struct, btf.Union:
		j.members()
	case btf.FuncProto:
		j.proto()
	case btf.Func:
		f := j.ref(t.Ref(), Kinds)
		if f.kind != btf.FuncProto {
			j.hit(ruleFuncProto, t.Pos+8, "its prototype is %s", j.label(t.Ref()))
		}
	case btf.Var:
		if f := j.ref(t.Ref(), Kinds); !isType(f.kind) || f.leaf == btf.FuncProto {
			j.hit(ruleVar, t.Pos+8, "a variable of %s", j.label(t.Ref()))
		}
	case btf.Datasec:
		j.datasec()
	case btf.DeclTag:
		j.declTag()
	}
}

// ref returns the facts behind a reference and counts it when it leaves the
// module.
func (j *judge) ref(id btf.ID, c Check) facts {
	if id != 0 && id < j.first {
		j.looked(c)
	}
	return j.facts(id)
}

// isType tells kinds that are C types from those that are declarations.
func isType(k btf.Kind) bool {
	switch k {
	case btf.Func, btf.Var, btf.Datasec, btf.DeclTag:
		return false
	}
	return true
}

func (j *judge) chain() {
	t := &j.t
	f := j.ref(t.Ref(), Kinds)
	switch {
	case !isType(f.kind):
		j.hit(ruleTarget, t.Pos+8, "refers to %s", j.label(t.Ref()))
	case t.Kind == btf.Restrict && f.leaf != btf.Ptr:
		j.hit(ruleRestrict, t.Pos+8, "restricts %s", j.label(t.Ref()))
	case t.Kind == f.kind && (t.Kind == btf.Const || t.Kind == btf.Volatile || t.Kind == btf.Restrict):
		j.hit(ruleQualTwice, t.Pos+8, "qualifies %s again", j.label(t.Ref()))
	}
}

func (j *judge) array() {
	elem, index, _ := j.t.Array()
	if f := j.ref(elem, Kinds); !isType(f.kind) || f.size == noSize {
		j.hit(ruleElem, j.t.WordPos(0), "an array of %s", j.label(elem))
	}
	if f := j.ref(index, Kinds); f.kind != btf.Int {
		j.hit(ruleIndex, j.t.WordPos(1), "an array indexed by %s", j.label(index))
	}
	j.versionArray()
}

// argMax is more than any kernel function passes by value (measured: 192
// bytes, bcachefs's struct bch_opts).
const argMax = 1024

func (j *judge) proto() {
	t := &j.t
	if id := t.Ref(); id != 0 && !j.passable(id) {
		j.hit(ruleReturn, t.Pos+8, "returns %s", j.label(id))
	}
	for i := range int(t.Vlen) {
		_, id := t.Param(i)
		if id == 0 && i == int(t.Vlen)-1 {
			break // "..."
		}
		if !j.passable(id) {
			j.hit(ruleParam, t.WordPos(2*i+1), "parameter %d is %s", i, j.label(id))
		}
	}
}

// passable reports whether C passes a type by value: a named one of moderate
// size, or void as what a function returns.
func (j *judge) passable(id btf.ID) bool {
	f := j.ref(id, Kinds)
	switch {
	case !isType(f.kind) || f.leaf == btf.FuncProto || f.leaf == btf.Array:
		return false
	case f.leaf == btf.Void:
		return id != 0 && j.t.Ref() == id
	case f.kind.Composite() || f.kind == btf.Enum || f.kind == btf.Enum64:
		t, _ := j.split.Record(id)
		return t.Name != 0 && f.size <= argMax
	case f.leaf.Composite():
		return f.size <= argMax
	}
	return true
}

func (j *judge) datasec() {
	for i := range int(j.t.Vlen) {
		id, off, size := j.t.Secinfo(i)
		v, ok := j.split.Record(id)
		if !ok || v.Kind != btf.Var {
			j.hit(ruleDatasec, j.t.WordPos(3*i), "its entry at %d is %s", off, j.label(id))
			continue
		}
		if uint64(v.Ref()) >= uint64(j.split.NumTypes()) {
			continue // counted at the VAR
		}
		if f := j.ref(v.Ref(), Sizes); f.size != noSize && f.size != size {
			j.hit(ruleSecSize, j.t.WordPos(3*i+2), "variable %s has %d bytes, its type %s has %d", j.str(v.Name), size, j.label(v.Ref()), f.size)
		}
	}
}

func (j *judge) declTag() {
	t := &j.t
	on, _ := j.split.Record(t.Ref())
	if t.Ref() != 0 && t.Ref() < j.first {
		j.looked(Kinds)
	}
	n := -1 // components
	switch on.Kind {
	case btf.Struct, btf.Union:
		n = int(on.Vlen)
	case btf.Func:
		if p, ok := j.split.Record(on.Ref()); ok {
			n = int(p.Vlen)
		}
	case btf.Var, btf.Typedef:
		n = 0
	default:
		j.hit(ruleTag, t.Pos+8, "tags %s", j.label(t.Ref()))
		return
	}
	if c := int32(t.Word(0)); int(c) >= n && c >= 0 {
		j.hit(ruleTag, t.WordPos(0), "tags component %d of %s, which has %d", c, j.label(t.Ref()), n)
	}
}
