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
}
