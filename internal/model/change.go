package model

// BaseChange is how the base of an older release became the new one's.
type BaseChange struct {
	Cause   string `json:"cause"` // "rebuild", "toolchain", "types" or "not-shown"
	Text    string `json:"text"`
	Prevent string `json:"prevent,omitempty"` // for what is no change of types
	InPlace int    `json:"in_place"`          // ids that are the same types in both
	// Ids moved, by Shifts distances, which Moved lists, the most frequent first.
	Ids    int       `json:"moved_ids"`
	Shifts int       `json:"distances"`
	Moved  []Shift   `json:"moved" doc:"line"`
	Arrays []Lengths `json:"char_arrays" doc:"line"` // lengths that changed
	// Added and Gone are types without a namesake in the other base, functions
	// left out.
	Added          int `json:"added"`
	Gone           int `json:"gone"`
	FunctionsAdded int `json:"functions_added"`
	FunctionsGone  int `json:"functions_gone"`
	// Changed counts the named types that changed themselves; Types lists them.
	Changed int           `json:"changed"`
	Types   []ChangedType `json:"types"`
	// Places says where ids went; nil in documents of versions that did not.
	Places *IDPlaces `json:"id_places,omitempty"`
}

// IDPlaces is a square grid over the ids of both bases: each cell counts the
// ids of one stretch of the new base that are the types of one stretch of the
// old one. Both sides have as many ids as the larger base.
type IDPlaces struct {
	Ids   int      `json:"ids"`
	Cells int      `json:"cells"`             // along one side
	Has   []IDCell `json:"filled" doc:"line"` // by New, then Old
}

// IDCell is one cell that is not empty.
type IDCell struct {
	New   int `json:"new"`
	Old   int `json:"old"`
	Count int `json:"count"`
}

// Shift is how many ids moved by one distance: the new base has the type that
// much further up, or down.
type Shift struct {
	Up    int `json:"up"`
	Down  int `json:"down"`
	Count int `json:"count"`
}

// Lengths are those of one array.
type Lengths struct {
	Old uint32 `json:"old"`
	New uint32 `json:"new"`
}

// ChangedType is one type of both bases.
type ChangedType struct {
	Name    string `json:"name"`
	OldID   uint32 `json:"old_id"`
	NewID   uint32 `json:"new_id"`
	OldSize uint32 `json:"old_size"`
	NewSize uint32 `json:"new_size"`
	// Of the first types of a change (limits.MaxFindings) what happened in a
	// sentence, both definitions, and who reaches the new one.
	Text string      `json:"text,omitempty"`
	Was  *Definition `json:"was,omitempty"`
	Is   *Definition `json:"is,omitempty"`
	Used *Used       `json:"used,omitempty"`
}

// Definition is a type as C.
type Definition struct {
	Head   string  `json:"head"`
	Fields []Field `json:"fields"`
	Cut    bool    `json:"cut,omitempty"` // it has more fields
}

// Field is one line of a definition: a member, an enumerator, or a brace of an
// anonymous type.
type Field struct {
	Bit   int64  `json:"bit"`            // where it begins in the definition; -1 for what has no place
	Bits  int64  `json:"bits,omitempty"` // that it takes; 0 where that is not known, and of closing braces
	Depth int    `json:"depth,omitempty"`
	C     string `json:"c"`
}
