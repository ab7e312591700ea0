package diff

import (
	"cmp"
	"slices"
	"strconv"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/pin"
)

// space is a name space of C, or of BTF where C has none: names of different
// spaces have nothing to do with each other.
type space uint8

const (
	tags     space = iota // struct, union, enum
	ordinary              // typedef, int, float
	functions
	variables
	sections
	enumerators // anonymous enums that nothing holds, by their first enumerator
)

type key struct {
	name  string
	space space
}

func spaceOf(k btf.Kind) (space, bool) {
	switch k {
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64, btf.Fwd:
		return tags, true
	case btf.Typedef, btf.Int, btf.Float:
		return ordinary, true
	case btf.Func:
		return functions, true
	case btf.Var:
		return variables, true
	case btf.Datasec:
		return sections, true
	}
	return 0, false
}

// collect lists the definitions of a base by name, each list in id order. A
// forward declaration counts only where nothing of its name is defined. What
// package pin reserves is no definition; it is counted.
func collect(r *btf.Raw) (map[key][]btf.ID, int) {
	defs := make(map[key][]btf.ID, r.OwnTypes()/2)
	held, fillers := referenced(r), 0
	for t := range r.Types {
		sp, ok := spaceOf(t.Kind)
		if !ok {
			continue
		}
		if pin.IsFiller(r, &t) {
			fillers++
			continue
		}
		name, _ := r.Str(t.Name)
		k := key{string(name), sp}
		if len(name) == 0 {
			if t.Kind != btf.Enum && t.Kind != btf.Enum64 || t.Vlen == 0 || held[t.ID-r.FirstID()] {
				continue
			}
			off, _ := t.Enumerator(0)
			k = key{r.Name(off), enumerators}
		}
		defs[k] = append(defs[k], t.ID)
	}
	for k, ids := range defs {
		if k.space == tags && len(ids) > 1 {
			defs[k] = withoutFwds(r, ids)
		}
	}
	return defs, fillers
}

func referenced(r *btf.Raw) []bool {
	held := make([]bool, r.OwnTypes())
	first := r.FirstID()
	for t := range r.Types {
		if t.Kind == btf.DeclTag {
			continue
		}
		for _, id := range t.Refs {
			if id >= first && uint32(id) < r.NumTypes() {
				held[id-first] = true
			}
		}
	}
	return held
}

func withoutFwds(r *btf.Raw, ids []btf.ID) []btf.ID {
	full := slices.DeleteFunc(slices.Clone(ids), func(id btf.ID) bool { return r.Kind(id) == btf.Fwd })
	if len(full) == 0 {
		return ids[:1]
	}
	return full
}

// tag is one BTF_KIND_DECL_TAG: on a definition (component -1), a member or a
// parameter.
type tag struct {
	component int32
	name      string
}

func (t tag) String() string {
	if t.component < 0 {
		return t.name
	}
	return t.name + " (component " + strconv.Itoa(int(t.component)) + ")"
}

// declTags returns the tags of each tagged definition, sorted.
func declTags(r *btf.Raw) map[btf.ID][]tag {
	all := map[btf.ID][]tag{}
	for t := range r.Types {
		if t.Kind == btf.DeclTag {
			all[t.Ref()] = append(all[t.Ref()], tag{int32(t.Word(0)), r.Name(t.Name)})
		}
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b tag) int {
			return cmp.Or(cmp.Compare(a.component, b.component), cmp.Compare(a.name, b.name))
		})
	}
	return all
}

// tagChange is the tags that came and went.
type tagChange struct{ added, removed []tag }

func compareTags(old, new []tag) (c tagChange) {
	for _, t := range new {
		if !slices.Contains(old, t) {
			c.added = append(c.added, t)
		}
	}
	for _, t := range old {
		if !slices.Contains(new, t) {
			c.removed = append(c.removed, t)
		}
	}
	return c
}

func (c *tagChange) none() bool { return len(c.added)+len(c.removed) == 0 }
