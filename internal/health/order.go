package health

import (
	"bytes"
	"slices"

	"kpkg-btf/internal/btf"
)

// searchers are functions that kernels have which search their base by halves
// (kernel/bpf/btf.c, 7.0+).
var searchers = []string{"btf_check_sorted", "btf_named_start_id", "btf_sorted_start_id"}

// ByHalves reports whether the kernel of a base searches it by halves.
func ByHalves(base *btf.Raw) bool {
	return slices.ContainsFunc(searchers, func(name string) bool {
		_, ok := base.Find(btf.Func, name)
		return ok
	})
}

// LostNames are the types that a kernel which searches by halves does not find by
// kind and name, by name: none in a base that is in the order of names. The kernel
// takes the first type with a name for the start, and looks no further
// (btf_find_by_name_kind, 7.0).
func LostNames(base *btf.Raw) []string {
	if base.Sorted() {
		return nil
	}
	start := btf.ID(0)
	for t := range base.Types {
		if t.Name != 0 {
			start = t.ID
			break
		}
	}
	var out []string
	for t := range base.Types {
		if name, _ := base.Str(t.Name); len(name) > 0 && !found(base, start, name, t.Kind) {
			out = append(out, string(name))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func nameOf(r *btf.Raw, id btf.ID) []byte {
	t, _ := r.Record(id)
	s, _ := r.Str(t.Name)
	return s
}

// found looks a type up as the kernel does.
func found(r *btf.Raw, start btf.ID, name []byte, kind btf.Kind) bool {
	end := btf.ID(r.NumTypes())
	low, high, first := start, end, end
	for low < high {
		mid := low + (high-low)/2
		switch c := bytes.Compare(nameOf(r, mid), name); {
		case c < 0:
			low = mid + 1
		default:
			if c == 0 {
				first = mid
			}
			high = mid
		}
	}
	for id := first; id < end && bytes.Equal(nameOf(r, id), name); id++ {
		if r.Kind(id) == kind {
			return true
		}
	}
	return false
}
