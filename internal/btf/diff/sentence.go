package diff

import (
	"fmt"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/cdef"
	"kpkg-btf/internal/where"
)

// maxClauses bounds the changes of members that a sentence spells out.
const maxClauses = 4

// Sentence says what happened to a definition, with its name:
// "struct gpio_chip grew from 664 to 672: member can_sleep added at 656".
// Sizes and offsets are bytes, "12:3" is bit 3 of byte 12.
func (d *Diff) Sentence(c *Change) string {
	old, new := cdef.Of(d.old, c.Old.ID), cdef.Of(d.new, c.New.ID)
	var parts []string
	switch {
	case c.Old.Kind != c.New.Kind:
		parts = append(parts, fmt.Sprintf("was %s and is %s", strings.TrimSpace(article(c.Old.Kind)), strings.TrimSpace(article(c.New.Kind))))
		if c.Old.Kind == btf.Fwd || c.New.Kind == btf.Fwd {
			break
		}
		fallthrough
	default:
		parts = append(parts, d.clauses(c, &old, &new)...)
	}
	parts = append(parts, tagClauses(&c.tags)...)
	if len(parts) == 0 && old.Size == new.Size {
		parts = []string{"changed in a part too deep to show"}
	}
	return where.Clean(c.New.Label() + " " + size(&old, &new, len(parts) > 0) + strings.Join(parts, ", "))
}

// Sentence says what happened from one definition to another of two bases or
// splits, which need not have been matched.
func Sentence(old, new *btf.Raw, o, n btf.ID) string {
	d := &Diff{old: old, new: new}
	return d.Sentence(&Change{Old: item(old, o), New: item(new, n)})
}

func article(k btf.Kind) string {
	switch k {
	case btf.Fwd:
		return "declared only"
	case btf.Enum:
		return "an enum"
	case btf.Enum64:
		return "a 64-bit enum"
	case btf.Int:
		return "an int"
	}
	return "a " + strings.ToLower(k.String())
}

// size says how the size changed, as the beginning of a sentence.
func size(old, new *cdef.Def, more bool) string {
	s := ""
	switch {
	case old.Size == cdef.None || new.Size == cdef.None:
		return ""
	case old.Size < new.Size:
		s = fmt.Sprintf("grew from %d to %d", old.Size, new.Size)
	case old.Size > new.Size:
		s = fmt.Sprintf("shrank from %d to %d", old.Size, new.Size)
	default:
		return fmt.Sprintf("(%d bytes as before): ", new.Size)
	}
	if more {
		s += ": "
	}
	return s
}

func (d *Diff) clauses(c *Change, old, new *cdef.Def) []string {
	if c.New.Kind == btf.Func {
		return d.prototype(c, old, new)
	}
	if !old.Body && !new.Body {
		if old.Head == new.Head {
			return nil
		}
		return []string{fmt.Sprintf("is now %q, was %q", new.Head, old.Head)}
	}
	if old.Head != new.Head && c.Old.Kind == c.New.Kind && c.New.Kind == btf.Typedef {
		return []string{fmt.Sprintf("is now %q, was %q", new.Head, old.Head)}
	}
	return d.members(align(old, new), what(c.New.Kind))
}

func what(k btf.Kind) string {
	switch k {
	case btf.Enum, btf.Enum64:
		return "enumerator"
	case btf.Datasec:
		return "variable"
	}
	return "member"
}

// members spells out what was added, removed and retyped, then what grew
// inside, then counts what moved.
func (d *Diff) members(fields []fieldChange, noun string) []string {
	var out []string
	for _, f := range fields {
		if s := d.own(f, noun); s != "" {
			out = append(out, s)
		}
	}
	if n := len(out) - maxClauses; n > 1 {
		out = append(out[:maxClauses], fmt.Sprintf("%d more changes", n))
	}
	out = append(out, d.inner(fields)...)
	return append(out, moves(fields, noun)...)
}

// own is the clause of one field, "" when it is as before or only moved.
func (d *Diff) own(f fieldChange, noun string) string {
	switch {
	case f.new == nil && f.old.Brace, f.old == nil && f.new.Brace:
		return ""
	case f.old == nil:
		return noun + " " + f.new.Key + " added" + at(f.new)
	case f.new == nil:
		return noun + " " + f.old.Key + " removed" + wasAt(f.old)
	case !f.retyped():
		return ""
	case f.old.Value != nil:
		if *f.old.Value == *f.new.Value {
			return fmt.Sprintf("%s %s renamed to %s", noun, f.old.Key, f.new.Key)
		}
		return fmt.Sprintf("%s %s changed from %s to %s", noun, f.new.Key, value(f.old), value(f.new))
	case f.old.Key != f.new.Key:
		return fmt.Sprintf("%s %s renamed to %s%s", noun, f.old.Key, f.new.Key, at(f.new))
	}
	return fmt.Sprintf("%s %s changed from %q to %q%s", noun, strings.TrimRight(f.new.Key, "{}"), f.old.Text, f.new.Text, at(f.new))
}

func value(f *cdef.Field) string {
	_, v, _ := strings.Cut(f.Text, " = ")
	return v
}

func at(f *cdef.Field) string {
	switch {
	case f.Value != nil:
		return " with value " + value(f)
	case f.Bit == cdef.None:
		return ""
	}
	return " at " + cdef.Offset(f.Bit)
}

func wasAt(f *cdef.Field) string {
	switch {
	case f.Value != nil:
		return " (was " + value(f) + ")"
	case f.Bit == cdef.None:
		return ""
	}
	return " (was at " + cdef.Offset(f.Bit) + ")"
}

// inner names members whose own type has another size: why the rest moved.
func (d *Diff) inner(fields []fieldChange) []string {
	var out []string
	for _, f := range fields {
		if f.old == nil || f.new == nil || f.retyped() || f.new.Type == 0 {
			continue
		}
		a, okA := sizeOf(d.old, f.old.Type)
		b, okB := sizeOf(d.new, f.new.Type)
		if okA && okB && a != b {
			out = append(out, fmt.Sprintf("member %s now has %d bytes, had %d", f.new.Key, b, a))
		}
	}
	if n := len(out) - maxClauses; n > 1 {
		out = append(out[:maxClauses], fmt.Sprintf("%d more have another size", n))
	}
	return out
}

// sizeOf is the size of a type in bytes where it does not depend on the
// machine's pointers.
func sizeOf(r *btf.Raw, id btf.ID) (uint64, bool) {
	n := uint64(1)
	for range maxNest {
		t, ok := r.Record(id)
		switch {
		case !ok:
			return 0, false
		case t.Kind == btf.Array:
			elem, _, count := t.Array()
			n *= uint64(count)
			id = elem
		case t.Kind.Modifier():
			id = t.Ref()
		default:
			return n * uint64(t.SizeType), t.Kind.Shape().HeadSize
		}
	}
	return 0, false
}

// moves says what moved for no reason of its own.
func moves(fields []fieldChange, noun string) []string {
	list := shifts(fields)
	var out []string
	for i, s := range list {
		if i == 2 {
			return append(out, "others by other distances")
		}
		switch s.count {
		case 1:
			out = append(out, fmt.Sprintf("%s moved from %s to %s", s.first.new.Key, cdef.Offset(s.first.old.Bit), cdef.Offset(s.first.new.Bit)))
		default:
			out = append(out, strconv.Itoa(s.count)+" "+noun+"s moved by "+distance(s.by))
		}
	}
	return out
}

// prototype says what happened to a function.
func (d *Diff) prototype(c *Change, old, new *cdef.Def) []string {
	or, _ := d.old.Record(c.Old.ID)
	nr, _ := d.new.Record(c.New.ID)
	if old.Head == new.Head {
		if or.Vlen != nr.Vlen {
			return []string{"changed its linkage"}
		}
		return nil
	}
	if c.NamesOnly {
		return []string{fmt.Sprintf("renamed parameters: is now %q, was %q", new.Head, old.Head)}
	}
	return []string{fmt.Sprintf("is now %q, was %q", new.Head, old.Head)}
}

func tagClauses(c *tagChange) []string {
	var out []string
	for _, t := range c.added {
		out = append(out, "is now tagged "+t.String())
	}
	for _, t := range c.removed {
		out = append(out, "is no longer tagged "+t.String())
	}
	return out
}
