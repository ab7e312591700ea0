package meaning

import (
	"slices"

	"kpkg-btf/internal/btf"
)

// NameRule says what a kernel asks of a name (btf_name_valid_identifier and
// its kin, docs/kernel-rules.md, "Names").
type NameRule uint8

const (
	IdentName    NameRule = iota // types, functions, members, enumerators
	VariableName                 // an identifier, dots allowed
	SectionName                  // DATASEC
	TagName                      // not empty
	AnyName                      // parameters: not looked at
	NumNameRules = 5
)

// Refs is what a module uses of its base: enough to judge its meaning without
// its BTF. The lists are ascending and have no doubles; id 0 and the empty
// name are left out.
type Refs struct {
	OwnTypes, OwnNames bool // it refers to types, or uses strings, of its own
	Types              []btf.ID
	Embedded           []btf.ID // of Types, those not behind a pointer (see Embedded)
	IDs                []btf.ID // words of .BTF_ids
	Names              [NumNameRules][]btf.StrOff
}

// RefsOf gathers them of a split on its base; ids are the words of .BTF_ids
// that are type ids.
func RefsOf(split *btf.Raw, ids []btf.ID) *Refs {
	r := &Refs{}
	first, firstStr := split.FirstID(), split.FirstStr()
	for t := range split.Types {
		for _, id := range t.Refs {
			if id >= first {
				r.OwnTypes = true
			} else if id != 0 {
				r.Types = append(r.Types, id)
			}
		}
		for pos, off := range t.Names {
			if off >= firstStr {
				r.OwnNames = true
			} else if off != 0 {
				rule := ruleOf(t.Kind, pos == t.Pos)
				r.Names[rule] = append(r.Names[rule], off)
			}
		}
	}
	for _, id := range Embedded(split) {
		r.Embedded = append(r.Embedded, id)
	}
	for _, id := range ids {
		if id >= first {
			r.OwnTypes = true
		} else if id != 0 {
			r.IDs = append(r.IDs, id)
		}
	}
	for _, list := range []*[]btf.ID{&r.Types, &r.Embedded, &r.IDs} {
		*list = sorted(*list)
	}
	for i := range r.Names {
		r.Names[i] = sorted(r.Names[i])
	}
	return r
}

func sorted[T ~uint32](list []T) []T {
	slices.Sort(list)
	return slices.Clone(slices.Compact(list)) // without the room of what was gathered
}

// ruleOf is the rule for a record's own name, or for those of its elements.
func ruleOf(k btf.Kind, own bool) NameRule {
	switch {
	case k == btf.Var:
		return VariableName
	case k == btf.Datasec:
		return SectionName
	case k == btf.TypeTag || k == btf.DeclTag:
		return TagName
	case k == btf.FuncProto && !own:
		return AnyName
	}
	return IdentName
}

// JudgeRefs is Judge for a module of which only the references are present. The
// differences do not say in which of its records they are.
func (c *Classes) JudgeRefs(r *Refs) Result { return c.judgeRefs(r, false) }

// JudgeRefsMoved is JudgeMoved for a module of which only the references are
// there.
func (c *Classes) JudgeRefsMoved(r *Refs) Result { return c.judgeRefs(r, true) }

func (c *Classes) judgeRefs(r *Refs, moved bool) Result {
	j := judgement{c: c, m: &Module{}, first: btf.ID(c.new.NumTypes()), moved: moved}
	ids := r.IDs
	switch {
	case !c.sameOrder():
		j.all(Difference{What: ByteOrder})
	case moved:
		ids = nil
	case r.OwnTypes && c.old.NumTypes() != c.new.NumTypes():
		j.all(Difference{What: OwnTypes})
	case r.OwnNames && c.old.StrLen() != c.new.StrLen():
		j.all(Difference{What: OwnNames})
	}
	for _, list := range r.Names {
		for _, off := range list {
			if !moved && !c.StringInPlace(off) {
				j.all(Difference{What: BaseName, Name: off})
			}
		}
	}
	for _, id := range r.Types {
		j.reference(Difference{What: BaseType, ID: id})
	}
	for _, id := range ids {
		j.reference(Difference{What: IDWord, ID: id})
	}
	for _, id := range slices.Concat(r.Embedded, ids) {
		if d := (Difference{What: BaseType, ID: id, Old: id, New: id}); !j.same(ByValue, d) {
			j.note(ByValue, d)
		}
	}
	return j.res
}
