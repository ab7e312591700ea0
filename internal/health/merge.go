package health

import (
	"bytes"
	"cmp"
	"slices"

	"kpkg-btf/internal/btf"
)

// Merger finds in modules the types that their base has already: the encoder of a
// module's BTF unites them with the base's, unless that fails. It is safe for
// concurrent use.
type Merger struct {
	base  *btf.Raw
	named []namedType          // of the base, by name and id
	first map[btf.StrOff]int32 // index in named of the first of a name
}

// namedType is a type of a base by the offset of its name. A string stands once in
// the strings of a base, and a split names it by that offset.
type namedType struct {
	name btf.StrOff
	id   btf.ID
}

func compareNamed(a, b namedType) int {
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
}

// mergeable reports whether a kind is united by name with what a base has. A
// function, variable or tag of a module is its own whatever it is called.
func mergeable(k btf.Kind) bool {
	switch k {
	case btf.Int, btf.Float, btf.Struct, btf.Union, btf.Enum, btf.Enum64, btf.Typedef:
		return true
	}
	return false
}

// NewMerger prepares a base.
func NewMerger(base *btf.Raw) *Merger {
	m := &Merger{base: base}
	for t := range base.Types {
		if t.Name != 0 && mergeable(t.Kind) {
			m.named = append(m.named, namedType{t.Name, t.ID})
		}
	}
	slices.SortFunc(m.named, compareNamed)
	m.first = make(map[btf.StrOff]int32, len(m.named))
	for i, n := range m.named {
		if i == 0 || m.named[i-1].name != n.name {
			m.first[n.name] = int32(i)
		}
	}
	return m
}

// Repeats are the types of some modules that their base, or the module itself, has
// already. The zero value counts none.
type Repeats struct {
	// Composites, Typedefs and Others count types with a name that the base has too:
	// structs and unions, typedefs, integers and enums.
	Composites, Typedefs, Others int
	// Twice counts types with a name that the module has twice.
	Twice int
	// Bytes are those of the records of all these, and of types without a name that
	// only lead to them.
	Bytes int64
}

// Any reports whether there are some.
func (r *Repeats) Any() bool { return r.Named()+r.Twice > 0 }

// Named counts types with a name that the base has too.
func (r *Repeats) Named() int { return r.Composites + r.Typedefs + r.Others }

// Base is what it was made of.
func (m *Merger) Base() *btf.Raw { return m.base }

// Blob is Module for the content of a .BTF; false where it cannot be read on the
// base.
func (m *Merger) Blob(b []byte) (Repeats, bool) {
	split, err := btf.ParseSplit(b, m.base)
	if err != nil {
		return Repeats{}, false
	}
	return m.Module(split), true
}

// Module looks at the split of a module. Equal are types of one kind, name and
// size whose members have the same names and offsets.
func (m *Merger) Module(split *btf.Raw) (out Repeats) {
	var own []namedType
	var repeated []btf.ID
	for t := range split.Types {
		if t.Name == 0 || !mergeable(t.Kind) {
			continue
		}
		if t.Name < split.FirstStr() && m.inBase(split, &t) {
			repeated = append(repeated, t.ID)
			out.Bytes += size(&t)
			switch {
			case t.Kind.Composite():
				out.Composites++
			case t.Kind == btf.Typedef:
				out.Typedefs++
			default:
				out.Others++
			}
			continue
		}
		own = append(own, namedType{t.Name, t.ID})
	}
	out.twice(split, own)
	if len(repeated) > 0 {
		out.Bytes += unnamed(split, repeated)
	}
	return out
}

// inBase reports whether the base has a type that is equal to one of a split.
func (m *Merger) inBase(split *btf.Raw, t *btf.Record) bool {
	at, ok := m.first[t.Name]
	for i := int(at); ok && i < min(len(m.named), int(at)+maxAlike) && m.named[i].name == t.Name; i++ {
		if b, _ := m.base.Record(m.named[i].id); alike(split, t, &b) {
			return true
		}
	}
	return false
}

// twice counts types that the module itself has twice.
func (r *Repeats) twice(split *btf.Raw, own []namedType) {
	doubles(split, own, func(t *btf.Record) {
		r.Twice++
		r.Bytes += size(t)
	})
}

// doubles calls do for every type that is like an earlier one of its name.
func doubles(r *btf.Raw, list []namedType, do func(*btf.Record)) {
	slices.SortFunc(list, compareNamed)
	for i, first := 1, 0; i < len(list); i++ {
		if list[i].name != list[first].name {
			first = i
			continue
		}
		b, _ := r.Record(list[i].id)
		for _, earlier := range list[first:min(i, first+maxAlike)] {
			if a, _ := r.Record(earlier.id); alike(r, &a, &b) {
				do(&b)
				break
			}
		}
	}
}

// alike compares two types of one name, which r knows, one level deep.
func alike(r *btf.Raw, a, b *btf.Record) bool {
	if a.Kind != b.Kind || a.Vlen != b.Vlen || a.KFlag != b.KFlag {
		return false
	}
	switch a.Kind {
	case btf.Typedef:
		x, _ := r.Record(a.Ref())
		y, _ := r.Record(b.Ref())
		return a.Ref() == b.Ref() || x.Kind == y.Kind && x.Name == y.Name && x.Vlen == y.Vlen
	case btf.Struct, btf.Union:
		if a.SizeType != b.SizeType {
			return false
		}
		for i := range int(a.Vlen) {
			if x, y := a.Member(i), b.Member(i); x.Name != y.Name || x.BitOff != y.BitOff || x.BitSize != y.BitSize {
				return false
			}
		}
		return true
	}
	return a.SizeType == b.SizeType && bytes.Equal(a.Extra, b.Extra)
}

// unnamed are the bytes of types without a name that some types lead to: where the
// base has those, it has these, too.
func unnamed(split *btf.Raw, todo []btf.ID) (n int64) {
	first := split.FirstID()
	seen := make([]bool, split.OwnTypes())
	for len(todo) > 0 {
		t, _ := split.Record(todo[len(todo)-1])
		todo = todo[:len(todo)-1]
		for _, id := range t.Refs {
			if id < first || int(id-first) >= len(seen) || seen[id-first] {
				continue
			}
			if x, _ := split.Record(id); x.Name == 0 {
				seen[id-first] = true
				n += size(&x)
				todo = append(todo, id)
			}
		}
	}
	return n
}

// size is the number of bytes of a record.
func size(t *btf.Record) int64 { return int64(12 + len(t.Extra)) }

// Doubles are the types with a name that stand more than once in a base, alike one
// level deep, by name.
func Doubles(base *btf.Raw) []string {
	var list []namedType
	for t := range base.Types {
		if t.Name != 0 && mergeable(t.Kind) {
			list = append(list, namedType{t.Name, t.ID})
		}
	}
	var out []string
	doubles(base, list, func(t *btf.Record) { out = append(out, base.Name(t.Name)) })
	slices.Sort(out)
	return slices.Compact(out)
}

// maxAlike bounds the earlier types of a name that one is compared with.
const maxAlike = 64
