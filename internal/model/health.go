package model

// Health is what a build encoded, whether or not it fits anything else.
type Health struct {
	// Kfuncs are those that sets of the image and of modules register, each once a
	// set; KfuncsWrong those with which something is wrong, by name.
	Kfuncs      int      `json:"kfuncs"`
	KfuncSets   int      `json:"kfunc_sets"`
	KfuncsWrong []string `json:"kfuncs_wrong"`
	// Repeated are types of modules that the base has too.
	Repeated RepeatedTypes `json:"repeated"`
	// Doubled are types of the base that stand in it more than once, alike.
	Doubled []string `json:"doubled"`
	// NamesLost are types that this kernel does not find by name, because it searches
	// its base by halves and the base is not in the order of names.
	NamesLost []string `json:"names_lost"`
}

// RepeatedTypes are types of modules that the base has too, or the module twice:
// what merging of types should have taken out.
type RepeatedTypes struct {
	Modules    int   `json:"modules"` // that have some
	Composites int   `json:"structs_and_unions"`
	Typedefs   int   `json:"typedefs"`
	Others     int   `json:"others"` // integers, enums
	Twice      int   `json:"twice_in_a_module"`
	Bytes      int64 `json:"bytes"`
	Of         int64 `json:"of_bytes"` // BTF of the modules that were looked at
}
