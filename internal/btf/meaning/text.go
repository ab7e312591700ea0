package meaning

import (
	"fmt"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

// Text says what is read otherwise, in words without the module's name:
// "type [1234] in [113912] STRUCT foo is int (*)(void), not const struct net *".
// split may be nil for what JudgeRefs found.
func (c *Classes) Text(split *btf.Raw, d Difference) string {
	in := ""
	if d.In != 0 {
		in = " in " + split.Label(d.In)
	}
	switch d.What {
	case Nothing:
		return "the same"
	case ByteOrder:
		return "the bases are of different byte order"
	case OwnTypes:
		return fmt.Sprintf("ids of its own types%s begin at %d, on the old base they begin at %d", in, c.new.NumTypes(), c.old.NumTypes())
	case OwnNames:
		return fmt.Sprintf("offsets of its own strings%s begin at %#x, on the old base they begin at %#x", in, c.new.StrLen(), c.old.StrLen())
	case BaseName:
		return fmt.Sprintf("the name at %#x%s is %s, not %s", uint32(d.Name), in, quoted(c.old, d.Name), quoted(c.new, d.Name))
	case Unplaced:
		return fmt.Sprintf("%s of .BTF.base%s is not on both bases", split.Label(d.ID), in)
	case IDWord:
		in = " in .BTF_ids"
		if d.Old == d.New && uint32(d.ID) >= c.new.NumTypes() {
			return fmt.Sprintf("type [%d]%s is one of its own, and those begin at %d, on the old base at %d", d.ID, in, c.new.NumTypes(), c.old.NumTypes())
		}
	}
	return fmt.Sprintf("type [%d]%s is %s", d.ID, in, c.Contrast(d.Old, d.New))
}

func quoted(r *btf.Raw, off btf.StrOff) string {
	s, ok := r.Str(off)
	if !ok {
		return "beyond the strings"
	}
	return fmt.Sprintf("%q", s)
}

// Contrast says of an old type that it is not the new one: "int (*)(void), not
// const struct net *", "struct gpio_chip of 664 bytes, not 672".
func (c *Classes) Contrast(old, new btf.ID) string {
	was, now := Describe(c.old, old), Describe(c.new, new)
	if was != now {
		return was + ", not " + now
	}
	a, b := size(c.old, old), size(c.new, new)
	if a != b {
		return fmt.Sprintf("%s of %d bytes, not %d", was, a, b)
	}
	return was + " of another content"
}

// Describe names a type as C does; what C has no word for by kind and name.
func Describe(r *btf.Raw, id btf.ID) string {
	t, ok := r.Record(id)
	if !ok {
		return fmt.Sprintf("beyond the last type [%d]", r.NumTypes()-1)
	}
	switch t.Kind {
	case btf.Func, btf.Var, btf.Datasec, btf.DeclTag, btf.TypeTag:
		return where.Clean(t.Kind.String() + " " + r.Name(t.Name))
	}
	return r.CType(id)
}

func size(r *btf.Raw, id btf.ID) uint32 {
	t, _ := r.Record(id)
	if s := t.Kind.Shape(); s == nil || !s.HeadSize {
		return 0
	}
	return t.SizeType
}
