package evidence

import (
	"cmp"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/symbols"
)

// fun is one FUNC of the module.
type fun struct {
	name  uint32 // symbols.Hash
	id    btf.ID
	proto btf.ID
	like  alike
}

// function notes a FUNC.
func (j *judge) function() {
	if name, ok := j.split.Str(j.t.Name); ok { // else it is counted at the name
		j.scratch.funcs = append(j.scratch.funcs, fun{name: symbols.Hash(name), id: j.t.ID, proto: j.t.Ref()})
	}
}

// functions compares the names of the FUNCs with the module's symbols: pahole
// encodes only functions that it finds in the symbol table. One name may stand
// at several FUNCs, more than symbols have it (pahole 1.24 and static functions
// of several files; Debian's 6.1).
func (j *judge) functions() {
	funcs := j.scratch.funcs
	slices.SortFunc(funcs, func(a, b fun) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id)) })
	if !j.code.Whole {
		return
	}
	for _, f := range funcs {
		j.looked(Symbols)
		if !j.code.HasFunc(f.name) {
			j.t, _ = j.split.Record(f.id)
			j.hit(ruleFunc, j.t.Pos, "no function of the module has this name")
		}
	}
}

// variables compares the entries of .data..percpu with the symbols there. The
// section is the only one whose variables every pahole encodes.
func (j *judge) variables() {
	t, code := &j.t, j.code
	if name, _ := j.split.Str(t.Name); string(name) != ".data..percpu" || len(code.PerCPU) == 0 {
		return
	}
	for i := range int(t.Vlen) {
		id, off, size := t.Secinfo(i)
		v, ok := j.split.Record(id)
		if !ok || v.Kind != btf.Var {
			continue // counted at the DATASEC
		}
		name, _ := j.split.Str(v.Name)
		h := symbols.Hash(name)
		j.looked(Symbols)
		n := slices.IndexFunc(code.PerCPU, func(p symbols.Variable) bool { return p.Name == h && p.Off == off })
		switch {
		case n < 0:
			j.hit(ruleVariable, t.WordPos(3*i), "no per-CPU variable %s at %d", short(string(name)), off)
		case code.PerCPU[n].Size != size:
			j.hit(ruleVariable, t.WordPos(3*i+2), "variable %s has %d bytes, its symbol has %d", short(string(name)), size, code.PerCPU[n].Size)
		}
	}
}

// tables compares the functions whose address stands in an object with what
// structs of its size have there: the object is an operation table (struct
// file_operations), and the function one of its operations. Objects that are
// arrays, or that are initialised with a cast, have nothing like it; so what
// fits counts, and what does not counts only where a prototype close by would.
func (j *judge) tables(code *symbols.Code) {
	s, a := j.scratch, &j.base.alike
	if len(code.Stored) == 0 {
		return
	}
	for i := range s.funcs {
		s.funcs[i].like, _ = a.of(j.split, s.funcs[i].proto, 0, 0)
	}
	s.open = s.open[:0]
	for _, at := range code.Stored {
		switch f := j.fun(at.Func); {
		case f == nil:
		case j.base.ops.at(at, f.like):
			j.fits(f)
		default:
			s.open = append(s.open, at)
		}
	}
	// What a struct of the module explains is not doubted; that is looked for
	// only where it matters.
	s.open = slices.DeleteFunc(s.open, func(at symbols.Stored) bool { return !j.doubts(at) })
	if len(s.open) == 0 {
		return
	}
	j.ownTables()
	for _, at := range s.open {
		f := j.fun(at.Func)
		j.vote(f.proto, func(by int32) (uint32, bool) { return j.fitsAt(at, f, by) })
	}
}

// fitsAt reports whether a function suits a place when the ids of its prototype
// are by further on, and as what.
func (j *judge) fitsAt(at symbols.Stored, f *fun, by int32) (uint32, bool) {
	like, _ := j.base.alike.of(j.split, f.proto, by, 0)
	return uint32(like), like != f.like && j.base.ops.at(at, like)
}

func (j *judge) doubts(at symbols.Stored) bool {
	f := j.fun(at.Func)
	for by := int32(-reach); by <= reach; by++ {
		if _, ok := j.fitsAt(at, f, by); ok {
			return true
		}
	}
	return false
}

// ownTables takes out of scratch.open what fits in a struct of the module.
func (j *judge) ownTables() {
	s := j.scratch
	slices.SortFunc(s.open, func(a, b symbols.Stored) int {
		return cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.Off, b.Off), cmp.Compare(a.Func, b.Func))
	})
	for t := range j.split.Types {
		if !t.Kind.Composite() || t.SizeType > opSize {
			continue
		}
		n, _ := slices.BinarySearchFunc(s.open, t.SizeType, func(at symbols.Stored, size uint32) int { return cmp.Compare(at.Size, size) })
		for ; n < len(s.open) && s.open[n].Size == t.SizeType; n++ {
			f := j.fun(s.open[n].Func)
			if f != nil && f.like != alikeNone && j.operation(&t, s.open[n].Off, 0) == f.like {
				j.fits(f)
				s.open[n].Func = 0 // no more than a name that no function has
			}
		}
	}
	s.open = slices.DeleteFunc(s.open, func(at symbols.Stored) bool { return j.fun(at.Func) == nil })
}

func (j *judge) fits(f *fun) {
	j.looked(Tables)
	j.suits(f.proto)
}

// fun finds a function by the hash of its name.
func (j *judge) fun(name uint32) *fun {
	i, ok := slices.BinarySearchFunc(j.scratch.funcs, name, func(f fun, n uint32) int { return cmp.Compare(f.name, n) })
	if !ok {
		return nil
	}
	return &j.scratch.funcs[i]
}
