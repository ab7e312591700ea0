package evidence

import (
	"strings"

	"kpkg-btf/internal/btf"
)

// Word is one __BTF_ID__KIND__NAME__N word of .BTF_ids.
type Word struct {
	Off  uint32 // byte offset in .BTF_ids
	ID   uint32 // as in the file
	Kind string // "func", "struct", "union", "typedef"
	Name string
	Set  int // index of the set it is in, -1: it stands alone
}

// member is what a set must contain.
type member struct {
	set  int
	kind btf.Kind
	name string
}

var wordKinds = map[string]btf.Kind{
	"func": btf.Func, "struct": btf.Struct, "union": btf.Union, "typedef": btf.Typedef,
	"var": btf.Var, "enum": btf.Enum,
}

// words compares each id with the name its symbol carries (resolve_btfids
// looks names up in base and split alike). Within a set the build has sorted
// the ids and left the symbols where they were (tools/bpf/resolve_btfids:
// sets_patch), so an id must lead to a name of its set. Id 0 is a name that
// was not found at build time and says nothing.
func (j *judge) words(words []Word) {
	if len(words) == 0 {
		return
	}
	sets := make(map[member]bool)
	for _, w := range words {
		if w.Set >= 0 {
			sets[member{w.Set, wordKinds[strings.ToLower(w.Kind)], w.Name}] = true
		}
	}
	for _, w := range words {
		kind := wordKinds[strings.ToLower(w.Kind)]
		if w.ID == 0 || kind == btf.Void {
			continue
		}
		if btf.ID(w.ID) < j.first {
			j.looked(IDs) // an own type's id depends on the base's count alone
		}
		t, ok := j.split.Record(btf.ID(w.ID))
		name, _ := j.split.Str(t.Name)
		switch {
		case ok && w.Set < 0 && t.Kind == kind && string(name) == w.Name:
		case ok && w.Set >= 0 && sets[member{w.Set, t.Kind, string(name)}]:
		case w.Set < 0:
			j.hitAt(ruleWord, w.Off, ".BTF_ids+0x%x: %s %s is %s", w.Off, w.Kind, short(w.Name), j.label(btf.ID(w.ID)))
		default:
			j.hitAt(ruleWord, w.Off, ".BTF_ids+0x%x: the set of %s %s has %s", w.Off, w.Kind, short(w.Name), j.label(btf.ID(w.ID)))
		}
	}
}
