package diff

import (
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/cdef"
)

// Contrast says how two functions or variables are spelled otherwise; "" when
// they are spelled alike.
func Contrast(old, new *btf.Raw, o, n btf.ID) string {
	a, b := cdef.Of(old, o), cdef.Of(new, n)
	if a.Head == b.Head {
		return ""
	}
	return "is now \"" + b.Head + "\", was \"" + a.Head + "\""
}

// Held lists the types that a type, function or variable holds by value, in
// the order they are met, itself first. Of a split, types of its base too.
func Held(r *btf.Raw, id btf.ID) []btf.ID { return forward(r, id, true, 0) }

// BaseRefs lists the types of the base that an own type of a split refers to,
// itself or through others of the split.
func BaseRefs(split *btf.Raw, id btf.ID) []btf.ID {
	found := map[btf.ID]bool{}
	for _, own := range forward(split, id, false, split.FirstID()) {
		t, _ := split.Record(own)
		uses(&t, int(split.FirstID()), func(id btf.ID) { found[id] = true })
	}
	return sortedIDs(found)
}

// forward goes through references to ids from first on.
func forward(r *btf.Raw, id btf.ID, held bool, first btf.ID) []btf.ID {
	seen := map[btf.ID]bool{id: true}
	out := []btf.ID{id}
	for at := 0; at < len(out); at++ {
		t, ok := r.Record(out[at])
		if !ok || held && t.Kind == btf.Ptr {
			continue
		}
		uses(&t, int(r.NumTypes()), func(id btf.ID) {
			if id >= first && !seen[id] {
				seen[id] = true
				out = append(out, id)
			}
		})
	}
	return out
}
