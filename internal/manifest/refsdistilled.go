package manifest

import (
	"fmt"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

// DistilledRefs are what one module with a .BTF.base, which its own kernel
// takes, uses of that: enough to make its .BTF.base again from the base of its
// release (the manifest has the digest), and what stands for its .BTF.
type DistilledRefs struct {
	Path string `json:"path"`
	// Outlines are where its own kernel finds the types of .BTF.base, in their
	// order: the first is type 1 there.
	Outlines []btf.ID `json:"outlines" doc:"deltas"`
	// The rest is in the numbering of .BTF.base. Embedded are those that are not
	// behind a pointer in its own types, Inline those of them that are held in
	// structs and unions: the kernel asks for an equal size of these.
	Embedded []btf.ID `json:"embedded,omitempty" doc:"deltas"`
	Inline   []btf.ID `json:"inline,omitempty" doc:"deltas"`
	// IDs are the members of its id sets; where UnsureIDs, all words that may be.
	IDs       []btf.ID `json:"ids,omitempty" doc:"deltas"`
	UnsureIDs bool     `json:"unsure_ids,omitempty"`
	// Lists are the words of its plain lists, which no kernel relocates.
	Lists []ListWord `json:"lists,omitempty" doc:"sorted"`
	// Kfuncs are the names that it registers.
	Kfuncs []string `json:"kfuncs,omitempty" doc:"sorted"`
}

// ListWord is a word of a plain list of ids, and what it is meant to be.
type ListWord struct {
	_    struct{} `doc:"tuple"`
	Name string   `json:"name"`
	ID   uint32   `json:"id"`
}

// Key implements the order of a document's list.
func (w ListWord) Key() string { return fmt.Sprintf("%s %010d", w.Name, w.ID) }

// Key implements the order of a document's list.
func (d DistilledRefs) Key() string { return d.Path }

// Fault implements the rules of contents.
func (d *DistilledRefs) Fault() string {
	if len(d.Outlines) == 0 {
		return "no outlines"
	}
	for _, list := range [][]btf.ID{d.Embedded, d.Inline, d.IDs} {
		if n := len(list); n > 0 && int(list[n-1]) > len(d.Outlines) {
			return fmt.Sprintf("id %d is beyond the %d types of .BTF.base", list[n-1], len(d.Outlines))
		}
	}
	if len(overlap(d.Embedded, d.Inline)) != len(d.Inline) {
		return "a type that is held in a struct and is not embedded"
	}
	return pathFault(d.Path)
}

// DistilledOf finds a distilled module by its path; nil where there is no entry.
func (x *Refs) DistilledOf(path string) *DistilledRefs {
	return find(x.Distilled, path, func(d *DistilledRefs) string { return d.Path })
}

// checkDistilled looks for what the manifest contradicts.
func (x *Refs) checkDistilled(m *Manifest, kinds map[string]BTFKind) error {
	for i := range x.Distilled {
		d := &x.Distilled[i]
		last := int64(d.Outlines[len(d.Outlines)-1])
		switch {
		case kinds[d.Path] != BTFDistilled:
			return where.New(where.Malformed, "%s: the manifest has no such module with distilled BTF", where.Clean(d.Path))
		case last >= m.Base.Types:
			return where.New(where.Malformed, "%s: id %d is beyond the base's %d types", where.Clean(d.Path), last, m.Base.Types)
		}
	}
	return nil
}
