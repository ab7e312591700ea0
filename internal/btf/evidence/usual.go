package evidence

import (
	"math/bits"
	"slices"

	"kpkg-btf/internal/btf"
)

// usual is what members and parameters of a name usually are in the base: a
// parameter "skb" is a pointer to struct sk_buff nearly everywhere. Only names
// with one type for the most part, which leads to a struct, union or function,
// tell anything; integers go by any name.
type usual struct {
	rank  []uint32 // by word of strBits.start: the strings that begin before it
	most  []alike  // by number of the string: the type of most, alikeNone without
	pairs []uint64 // number of the string<<32 | type, ascending: all types of those names
	count []uint32 // how often each of pairs occurs, saturated
	total []uint32 // by number of the string: how often it occurs at all
	// tag is the one struct or union of a name, by number of the string; 0
	// without one, manyTags when there are several.
	tag []btf.ID
}

const (
	manyTags    = ^btf.ID(0)
	usualEnough = 3 // times that a name must occur
)

// number is the number of the string that begins at an offset.
func (u *usual) number(s *strBits, off uint32) uint32 {
	return u.rank[off/64] + uint32(bits.OnesCount64(s.start[off/64]&(1<<(off%64)-1)))
}

func (u *usual) fill(b *Base) {
	u.rank = make([]uint32, len(b.strs.start)+1)
	for i, w := range b.strs.start {
		u.rank[i+1] = u.rank[i] + uint32(bits.OnesCount64(w))
	}
	n := u.rank[len(b.strs.start)]
	u.most, u.total, u.tag = make([]alike, n), make([]uint32, n), make([]btf.ID, n)
	all := u.collect(b)
	slices.Sort(all)
	for i := 0; i < len(all); {
		no, end := uint32(all[i]>>32), i
		for end < len(all) && uint32(all[end]>>32) == no {
			end++
		}
		u.name(no, all[i:end])
		i = end
	}
}

// collect lists name and type of every member and parameter of the base whose
// name a string begins at, and notes the tags.
func (u *usual) collect(b *Base) []uint64 {
	var all []uint64
	add := func(name btf.StrOff, id btf.ID) {
		if name == 0 || !b.begins(name) {
			return
		}
		h, _ := b.alike.of(b.raw, id, 0, 0)
		all = append(all, uint64(u.number(&b.strs, uint32(name)))<<32|uint64(h))
	}
	for t := range b.raw.Types {
		switch t.Kind {
		case btf.Struct, btf.Union:
			if t.Name != 0 && b.begins(t.Name) {
				tag := &u.tag[u.number(&b.strs, uint32(t.Name))]
				if *tag == 0 {
					*tag = t.ID
				} else {
					*tag = manyTags
				}
			}
			for i := range int(t.Vlen) {
				m := t.Member(i)
				add(m.Name, m.Type)
			}
		case btf.FuncProto:
			for i := range int(t.Vlen) {
				name, id := t.Param(i)
				add(name, id)
			}
		}
	}
	return all
}

// name enters one name with all its uses.
func (u *usual) name(no uint32, uses []uint64) {
	if len(uses) < usualEnough {
		return
	}
	first := len(u.pairs)
	best := 0
	for i := 0; i < len(uses); {
		end := i
		for end < len(uses) && uses[end] == uses[i] {
			end++
		}
		u.pairs, u.count = append(u.pairs, uses[i]), append(u.count, uint32(end-i))
		if end-i > best {
			best = end - i
			u.most[no] = alike(uses[i])
		}
		i = end
	}
	u.total[no] = uint32(len(uses))
	if 2*best < len(uses) {
		u.most[no] = alikeNone
		u.pairs, u.count = u.pairs[:first], u.count[:first]
	}
}

// of is how often a name goes with a type.
func (u *usual) of(no uint32, h alike) uint32 {
	i, ok := slices.BinarySearch(u.pairs, uint64(no)<<32|uint64(h))
	if !ok {
		return 0
	}
	return u.count[i]
}

// begins reports whether a string of the base begins at an offset.
func (b *Base) begins(off btf.StrOff) bool {
	return uint32(off) < b.strs.n && b.strs.isStart(uint32(off))
}
