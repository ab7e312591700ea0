package meaning_test

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
)

// slow is the referee: it writes two types down as C would and follows both
// until a text differs or there is nothing left that was not yet compared.
type slow struct {
	seen map[slowPair]bool
	todo []slowPair
}

type slowPair struct {
	depth meaning.Depth
	a, b  btf.ID
	ra    *btf.Raw
}

// slowSame compares a type of one base with a type of another.
func slowSame(d meaning.Depth, ra *btf.Raw, a btf.ID, rb *btf.Raw, b btf.ID) bool {
	s := slow{seen: map[slowPair]bool{}}
	s.later(slowPair{d, a, b, ra})
	for len(s.todo) > 0 {
		p := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		textA, refsA, ok1 := written(p.depth, ra, p.a)
		textB, refsB, ok2 := written(p.depth, rb, p.b)
		if !ok1 || !ok2 || textA != textB || len(refsA) != len(refsB) {
			return false
		}
		for i := range refsA {
			s.later(slowPair{refsA[i].depth, refsA[i].id, refsB[i].id, ra})
		}
	}
	return true
}

func (s *slow) later(p slowPair) {
	if !s.seen[p] {
		s.seen[p] = true
		s.todo = append(s.todo, p)
	}
}

type slowRef struct {
	depth meaning.Depth
	id    btf.ID
}

// written is the text of one type with a hole for each reference; it is false
// when there is no such type or one of its names is missing.
func written(d meaning.Depth, r *btf.Raw, id btf.ID) (text string, refs []slowRef, ok bool) {
	t, ok := r.Record(id)
	if !ok {
		return "", nil, false
	}
	name := func(off btf.StrOff) string {
		s, there := r.Str(off)
		ok = ok && there
		return fmt.Sprintf("%q", s)
	}
	hole := func(id btf.ID) string {
		at := d
		if d == meaning.ByValue && t.Kind == btf.Ptr {
			at = meaning.Named
		}
		refs = append(refs, slowRef{at, id})
		return "@"
	}
	var b strings.Builder
	if word := slowTag(&t); d == meaning.Named && word != "" && t.Name != 0 {
		return word + " " + name(t.Name), nil, ok
	}
	fmt.Fprintf(&b, "%s %s", t.Kind, name(t.Name))
	switch t.Kind {
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64:
		fmt.Fprintf(&b, " size %d", t.SizeType)
		tag := t.Kind == btf.Enum || t.Kind == btf.Enum64
		if t.Name != 0 && (d == meaning.Identity || d == meaning.ByValue && tag) {
			return b.String(), nil, ok
		}
	}
	fmt.Fprintf(&b, " %v %d {", t.KFlag, t.Vlen)
	switch t.Kind {
	case btf.Int:
		e, off, n := t.Int()
		fmt.Fprint(&b, t.SizeType, e, off, n, t.Word(0)>>28)
	case btf.Float:
		fmt.Fprint(&b, t.SizeType)
	case btf.Array:
		elem, index, n := t.Array()
		fmt.Fprint(&b, hole(elem), hole(index), n, t.SizeType)
	case btf.Fwd:
		fmt.Fprint(&b, t.SizeType)
	case btf.Struct, btf.Union:
		for i := range int(t.Vlen) {
			m := t.Member(i)
			fmt.Fprint(&b, name(m.Name), hole(m.Type), m.BitOff, m.BitSize, "; ")
		}
	case btf.Enum, btf.Enum64:
		for i := range int(t.Vlen) {
			n, v := t.Enumerator(i)
			fmt.Fprint(&b, name(n), "=", v, ", ")
		}
	case btf.FuncProto:
		b.WriteString(hole(t.Ref()))
		for i := range int(t.Vlen) {
			n, id := t.Param(i)
			fmt.Fprint(&b, name(n), hole(id), ", ")
		}
	case btf.Datasec:
		fmt.Fprint(&b, t.SizeType)
		for i := range int(t.Vlen) {
			v, off, n := t.Secinfo(i)
			fmt.Fprint(&b, hole(v), off, n, "; ")
		}
	case btf.Var, btf.DeclTag:
		fmt.Fprint(&b, hole(t.Ref()), t.Word(0))
	case btf.Void:
	default:
		b.WriteString(hole(t.Ref()))
	}
	return b.String(), refs, ok
}

// slowTag is the word in front of a name in C.
func slowTag(t *btf.Record) string {
	switch t.Kind {
	case btf.Struct:
		return "struct"
	case btf.Union:
		return "union"
	case btf.Enum, btf.Enum64:
		return "enum"
	case btf.Fwd:
		if t.KFlag {
			return "union"
		}
		return "struct"
	}
	return ""
}

// slowModule reports whether a module means the same: every type and name that it
// uses of its base is written down on both bases.
func slowModule(d meaning.Depth, old *btf.Raw, split *btf.Raw, ids []btf.ID) bool {
	own := split.Base()
	if old.BigEndian() != own.BigEndian() {
		return false
	}
	value := map[btf.ID]bool{}
	if d == meaning.ByValue {
		for t := range split.Types {
			switch t.Kind {
			case btf.Struct, btf.Union, btf.FuncProto, btf.Var, btf.DeclTag:
				slowEmbedded(split, t.ID, value)
			}
		}
		for _, id := range ids {
			value[id] = true
		}
	}
	ref := func(id btf.ID) bool {
		switch {
		case id >= split.FirstID():
			return old.NumTypes() == own.NumTypes()
		case d == meaning.ByValue && !value[id]:
			return slowSame(meaning.Named, old, id, own, id)
		}
		return slowSame(d, old, id, own, id)
	}
	for t := range split.Types {
		for _, off := range t.Names {
			if off >= split.FirstStr() {
				if old.StrLen() != own.StrLen() {
					return false
				}
				continue
			}
			a, ok := old.Str(off)
			if b, _ := own.Str(off); !ok || string(a) != string(b) {
				return false
			}
		}
		for _, id := range t.Refs {
			if !ref(id) {
				return false
			}
		}
	}
	for _, id := range ids {
		if !ref(id) {
			return false
		}
	}
	return true
}

// slowEmbedded gathers what a type has within it.
func slowEmbedded(split *btf.Raw, id btf.ID, value map[btf.ID]bool) {
	if value[id] {
		return
	}
	value[id] = true
	t, ok := split.Record(id)
	if !ok || id < split.FirstID() || t.Kind == btf.Ptr {
		return
	}
	for _, ref := range t.Refs {
		slowEmbedded(split, ref, value)
	}
}
