package ids

import (
	"slices"

	"kpkg-btf/internal/elfx"
)

// KfuncSets are the sets that hold kfuncs. Since 6.9 they are marked
// (BTF_SET8_KFUNCS); a section that marks some has other uses for the rest.
func (s *Section) KfuncSets() []Set {
	marked := false
	for i := range s.Sets {
		marked = marked || s.Sets[i].Flags&KfuncMark != 0
	}
	var out []Set
	for i := range s.Sets {
		if x := &s.Sets[i]; x.Set8 && (!marked || x.Flags&KfuncMark != 0) {
			out = append(out, *x)
		}
	}
	return out
}

// KfuncNames are the names of the kfuncs in the section, as its symbols have them,
// sorted: whether its ids were written or not.
func (s *Section) KfuncNames() (names []string) {
	for _, set := range s.KfuncSets() {
		for i := range s.Words {
			if w := &s.Words[i]; w.Set >= 0 && s.Sets[w.Set].Off == set.Off {
				names = append(names, w.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// maxScanned is the most members that a scan takes for a set: the largest of
// 7.3 has 80.
const maxScanned = 4096

// maxKfuncFlags is above any flags of a kfunc: the highest bit up to 7.3 is 16.
const maxKfuncFlags = 1 << 24

// ScanKfuncs finds marked sets of kfuncs (6.9+) in the bytes of a .BTF_ids that
// has no symbols, by their form: a count, the mark, and as many pairs of an id
// that is a function, in ascending order, and flags. They have no names. It ends
// where a word can be none of .BTF_ids; ids are below types.
func ScanKfuncs(data []byte, l elfx.Layout, types uint32, isFunc func(id uint32) bool) []Set {
	var out []Set
	for off := 0; off+16 <= len(data); {
		if l.U32(data[off:]) >= max(types, maxKfuncFlags) {
			break
		}
		n := scanned(data[off:], l, isFunc)
		if n == 0 {
			off += 4
			continue
		}
		s := Set{Off: off, Set8: true, Room: n, Members: n}
		s.read(data[off:], l)
		out = append(out, s)
		off += 8 + 8*n
	}
	return out
}

// scanned is the number of members of the set that data begins with, 0 for none.
func scanned(data []byte, l elfx.Layout, isFunc func(id uint32) bool) int {
	n := l.U32(data)
	if n == 0 || n > maxScanned || l.U32(data[4:]) != KfuncMark || uint64(len(data)) < 8+8*uint64(n) {
		return 0
	}
	last := uint32(0)
	for i := range int(n) {
		id, flags := l.U32(data[8+8*i:]), l.U32(data[12+8*i:])
		if id <= last || flags >= maxKfuncFlags || !isFunc(id) {
			return 0
		}
		last = id
	}
	return int(n)
}
