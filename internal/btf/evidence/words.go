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
}

var wordKinds = map[string]btf.Kind{
	"func": btf.Func, "struct": btf.Struct, "union": btf.Union, "typedef": btf.Typedef,
	"var": btf.Var, "enum": btf.Enum,
}

// words compares each id with the name its symbol carries (resolve_btfids
// looks names up in base and split alike). Id 0 is a name that was not found
// at build time and says nothing.
func (j *judge) words(words []Word) {
	for _, w := range words {
		kind, known := wordKinds[strings.ToLower(w.Kind)]
		if w.ID == 0 || !known {
			continue
		}
		j.looked(IDs)
		t, ok := j.split.Record(btf.ID(w.ID))
		if ok && t.Kind == kind {
			if s, _ := j.split.Str(t.Name); string(s) == w.Name {
				continue
			}
		}
		j.hitAt(ruleWord, w.Off, ".BTF_ids+0x%x: %s %s is %s", w.Off, w.Kind, w.Name, j.label(btf.ID(w.ID)))
	}
}
