package model

// DiffSchema is the schema word of the document that diff writes.
const DiffSchema = "kpkg-btf/diff/1.0"

// TypeDiff is what changed between two bases, in C terms.
type TypeDiff struct {
	Schema string     `json:"schema"`
	Old    ReleaseRef `json:"old"`
	New    ReleaseRef `json:"new"`
	// Identical: both bases have one checksum. Same: no definition was added,
	// removed or changed; ids and strings may have moved.
	Identical bool        `json:"identical"`
	Same      bool        `json:"same"`
	Kinds     []KindDelta `json:"kinds"`
	Moved     MovedIDs    `json:"moved"`
	// Fillers are places reserved by pin, which are no definitions and are not
	// compared; absent where neither base has any.
	Fillers *Fillers `json:"fillers,omitempty"`
	// Reach says of what reach is told.
	Reach   ReachScope   `json:"reach"`
	Changed []TypeChange `json:"changed"`
	Added   []TypeItem   `json:"added"`
	Removed []TypeItem   `json:"removed"`
	// Omitted counts the entries beyond the limit.
	Omitted OmittedTypes `json:"omitted"`
}

// Fillers counts the places that pin reserved in each base.
type Fillers struct {
	Old int `json:"old"`
	New int `json:"new"`
}

// KindDelta counts the definitions of one kind. Changed has those of which
// only parameter names or tags changed, too.
type KindDelta struct {
	Kind    string `json:"kind"`
	Old     int    `json:"old"`
	New     int    `json:"new"`
	Added   int    `json:"added"`
	Removed int    `json:"removed"`
	Changed int    `json:"changed"`
}

// MovedIDs are the types that both bases have: under one id, or moved.
type MovedIDs struct {
	InPlace int       `json:"in_place"`
	Moved   int       `json:"moved"`
	By      []IDShift `json:"by"` // the commonest first
}

// IDShift is how many ids moved by one distance.
type IDShift struct {
	By    int `json:"by"` // the new id less the old one
	Count int `json:"count"`
}

// ReachScope is what was asked whether it reaches a type. Of each change it is
// the new side's, of what was removed the old side's.
type ReachScope struct {
	Symbols     int `json:"symbols"`     // exported by vmlinux, with a type in the new base
	Undescribed int `json:"undescribed"` // exported by vmlinux, without one
	Modules     int `json:"modules"`     // new modules with BTF on the new base
	OldSymbols  int `json:"old_symbols"` // the same of the old side
	OldModules  int `json:"old_modules"`
}

// TypeItem is one definition.
type TypeItem struct {
	Kind  string   `json:"kind"`
	Name  string   `json:"name"`
	Label string   `json:"label"` // as C names it
	ID    uint32   `json:"id"`
	Size  int64    `json:"size"` // bytes; -1: has none
	C     []string `json:"c"`
	Used  Used     `json:"used"`
}

// TypeChange is one definition on both sides.
type TypeChange struct {
	Kind      string   `json:"kind"`
	Name      string   `json:"name"`
	OldID     uint32   `json:"old_id"`
	NewID     uint32   `json:"new_id"`
	OldSize   int64    `json:"old_size"`
	NewSize   int64    `json:"new_size"`
	NamesOnly bool     `json:"names_only"` // names of parameters, or tags
	Text      string   `json:"text"`
	C         []string `json:"c"` // "-" before what was, "+" before what is
	Used      Used     `json:"used"`
}

// Used is what reaches a definition: by value, or only behind a pointer.
type Used struct {
	SymbolsByValue Users `json:"symbols_by_value"`
	SymbolsPointer Users `json:"symbols_by_pointer"`
	ModulesByValue Users `json:"modules_by_value"`
	ModulesPointer Users `json:"modules_by_pointer"`
}

// Users are counted; those the fewest steps away are listed.
type Users struct {
	Count int      `json:"count"`
	First []string `json:"first,omitempty"`
}

// OmittedTypes counts what is not listed.
type OmittedTypes struct {
	Changed int `json:"changed"`
	Added   int `json:"added"`
	Removed int `json:"removed"`
}
