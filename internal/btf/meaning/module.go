package meaning

import "kpkg-btf/internal/btf"

// What of a module is read otherwise.
type What uint8

const (
	Nothing   What = iota
	ByteOrder      // the bases are of different byte order
	OwnTypes       // references to the module's own types lead elsewhere
	OwnNames       // offsets of the module's own strings lead elsewhere
	BaseName       // a name in the base is another string
	BaseType       // a type of the base is another one
	IDWord         // a word of .BTF_ids
	Unplaced       // a type of .BTF.base is found on one kernel only
)

// Difference is the first thing of a module that is read otherwise at a depth,
// in the order of its records, .BTF_ids last.
type Difference struct {
	What What
	In   btf.ID     // the module's own record, 0 for BaseName of none and IDWord
	Name btf.StrOff // of BaseName and OwnNames
	// ID is the type referred to: as it is in the module, as the old kernel
	// reads it, as it was meant.
	ID, Old, New btf.ID
}

// Result is what a module means on the old base, depth by depth.
type Result struct {
	// First is the first difference at each depth; its What is Nothing where
	// the meaning is the same.
	First [NumDepths]Difference
}

// Same reports whether the module means the same at a depth.
func (r *Result) Same(d Depth) bool { return r.First[d].What == Nothing }

// Module is what is judged of a module built on the new base.
type Module struct {
	Split *btf.Raw // on the new base, or on its .BTF.base
	// IDs are the words of .BTF_ids that are type ids.
	IDs []btf.ID
	// Of a module with .BTF.base, where relocation puts each id of it on the
	// old and on the new base (verdict.Base.Relocate); 0 is nowhere. nil for
	// one without.
	OnOld, OnNew []uint32
}

// judgement is one module being judged.
type judgement struct {
	c     *Classes
	m     *Module
	res   Result
	moved bool   // as if the ids had been moved along
	first btf.ID // of the module's own
}

// Judge tells what a module means on the old base, in time proportional to its
// own size.
func (c *Classes) Judge(m Module) Result {
	return c.judge(m, false)
}

// JudgeMoved tells what the module would mean had it been encoded against the
// old base, or the old base been made as the new one was: where each type it
// refers to has one like it in the old base, wherever, nothing is different.
// Names and counts do not matter then.
func (c *Classes) JudgeMoved(split *btf.Raw) Result { return c.judge(Module{Split: split}, true) }

func (c *Classes) judge(m Module, moved bool) Result {
	j := judgement{c: c, m: &m, first: m.Split.FirstID(), moved: moved}
	if !c.sameOrder() {
		j.all(Difference{What: ByteOrder})
		return j.res
	}
	for t := range m.Split.Types {
		j.record(&t)
		if !j.res.Same(Named) {
			return j.res // at every depth
		}
	}
	for _, id := range m.IDs {
		j.reference(Difference{What: IDWord, ID: id})
	}
	j.byValue()
	return j.res
}

// relocated reports whether the module brings outlines of its base along, so
// that the kernel moves its ids and strings itself.
func (j *judgement) relocated() bool { return j.m.OnOld != nil }

func (j *judgement) all(d Difference) {
	for i := range j.res.First {
		j.note(Depth(i), d)
	}
}

func (j *judgement) note(d Depth, x Difference) {
	if j.res.First[d].What == Nothing {
		j.res.First[d] = x
	}
}

func (j *judgement) record(t *btf.Record) {
	for _, off := range t.Names {
		j.name(t.ID, off)
	}
	for _, id := range t.Refs {
		j.reference(Difference{What: BaseType, In: t.ID, ID: id})
	}
}

// name: an own string keeps its place when the old base's strings are as long.
func (j *judgement) name(in btf.ID, off btf.StrOff) {
	switch {
	case j.relocated() || j.moved:
	case off >= j.m.Split.FirstStr():
		if j.c.old.StrLen() != j.c.new.StrLen() {
			j.all(Difference{What: OwnNames, In: in, Name: off})
		}
	case !j.c.StringInPlace(off):
		j.all(Difference{What: BaseName, In: in, Name: off})
	}
}

// reference: one to an own type keeps its place when the old base has as many
// types; one to the base must be the same there. ByValue is left for later.
func (j *judgement) reference(d Difference) {
	if d.ID >= j.first {
		if !j.relocated() && !j.moved && j.c.old.NumTypes() != j.c.new.NumTypes() {
			if d.What != IDWord {
				d.What = OwnTypes
			}
			j.all(d)
		}
		return
	}
	var ok bool
	if d.Old, d.New, ok = j.pair(d.ID); !ok {
		d.What = Unplaced
		j.all(d)
		return
	}
	switch {
	case !j.same(Named, d):
		j.all(d)
	case !j.same(Identity, d):
		j.note(Identity, d)
		j.note(Deep, d)
	case !j.same(Deep, d):
		j.note(Deep, d)
	}
}

// pair returns what a base id of the module is on the old base and on the new.
func (j *judgement) pair(id btf.ID) (old, new btf.ID, ok bool) {
	if !j.relocated() || id == 0 {
		return id, id, true
	}
	if int(id) >= len(j.m.OnOld) || int(id) >= len(j.m.OnNew) {
		return 0, 0, false
	}
	old, new = btf.ID(j.m.OnOld[id]), btf.ID(j.m.OnNew[id])
	return old, new, old != 0 && new != 0
}

func (j *judgement) same(d Depth, x Difference) bool {
	switch {
	case j.moved:
		return j.c.Anywhere(d, x.ID)
	case !j.relocated():
		return j.c.InPlace(d, x.ID)
	}
	return j.c.Same(d, x.Old, x.New)
}

// byValue looks at the layouts that the module embeds in its own types,
// prototypes and variables. It is only needed where the depths around it
// disagree.
func (j *judgement) byValue() {
	if j.res.Same(Deep) || !j.res.Same(Named) {
		return
	}
	for in, id := range Embedded(j.m.Split) {
		d := Difference{What: BaseType, In: in, ID: id}
		d.Old, d.New, _ = j.pair(id)
		if !j.same(ByValue, d) {
			j.note(ByValue, d)
			return
		}
	}
	for _, id := range j.m.IDs {
		d := Difference{What: IDWord, ID: id}
		d.Old, d.New, _ = j.pair(id)
		if id < j.first && !j.same(ByValue, d) {
			j.note(ByValue, d)
			return
		}
	}
}

// Embedded yields the references of a split to its base that are not behind a
// pointer, each with the record that has it: it begins at the structs, unions,
// prototypes, variables and tags that are the split's own, and goes through its
// modifiers and arrays. One base type may come more than once.
func Embedded(split *btf.Raw) func(yield func(in, id btf.ID) bool) {
	return func(yield func(in, id btf.ID) bool) {
		first := split.FirstID()
		seen := newBitset(split.OwnTypes())
		var todo []btf.ID
		for t := range split.Types {
			switch t.Kind {
			case btf.Struct, btf.Union, btf.FuncProto, btf.Var, btf.DeclTag:
				todo = append(todo, t.ID)
				seen.set(uint32(t.ID - first))
			}
		}
		for next := 0; next < len(todo); next++ {
			t, _ := split.Record(todo[next])
			if t.Kind == btf.Ptr {
				continue
			}
			for _, id := range t.Refs {
				if id < first {
					if id != 0 && !yield(t.ID, id) {
						return
					}
				} else if uint32(id) < split.NumTypes() && !seen.has(uint32(id-first)) {
					seen.set(uint32(id - first))
					todo = append(todo, id)
				}
			}
		}
	}
}
