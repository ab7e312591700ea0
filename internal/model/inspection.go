package model

// InspectionSchema is the schema word of the document that inspect writes.
const InspectionSchema = "kpkg-btf/inspection/1.0"

// Inspection is what is in a list of inputs, release by release.
type Inspection struct {
	Schema   string             `json:"schema"`
	Ignored  []IgnoredInput     `json:"ignored"`
	Releases []ReleaseInventory `json:"releases"`
}

// ReleaseInventory is what the inputs hold of one release.
type ReleaseInventory struct {
	Name     string           `json:"name"`
	Arch     Arch             `json:"arch"`
	Scope    string           `json:"scope"`
	Packages []PackageRef     `json:"packages"`
	Images   []ImageInventory `json:"images"`
	Config   []Setting        `json:"config"`
	Symbols  SymbolInventory  `json:"symbols"`
	BuiltIn  int              `json:"built_in"` // modules.builtin lines; -1 when not given
	Modules  ModuleInventory  `json:"modules"`
	Health   *Health          `json:"health,omitempty"` // of one with a base
	Unread   []string         `json:"unread"`
}

// PackageRef is one input as it names itself.
type PackageRef struct {
	File    string   `json:"file"`
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Arch    string   `json:"arch"`
	Gives   []string `json:"gives"`
}

// Setting is one line of a kernel config.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ImageInventory is one kernel image or vmlinux.
type ImageInventory struct {
	Source    string           `json:"source"`
	Origin    string           `json:"origin"`
	Format    []string         `json:"format"`
	Release   string           `json:"release"`
	Banner    string           `json:"banner"`
	BigEndian bool             `json:"big_endian"`
	Base      BaseRef          `json:"base"`
	BaseBytes int64            `json:"base_bytes"`
	Kinds     []Count          `json:"kinds"`
	Abilities []AbilityLine    `json:"abilities"`
	Certs     []CertificateRef `json:"certificates"`
	Exports   int              `json:"exports"`
}

// AbilityLine is one fact of an image with its evidence.
type AbilityLine struct {
	Name     string `json:"name"`
	Is       string `json:"is"`
	Value    int64  `json:"value,omitempty"`
	Evidence string `json:"evidence"`
}

// CertificateRef names one certificate inside an image.
type CertificateRef struct {
	Subject   string `json:"subject"`
	Algorithm string `json:"algorithm"`
	Bits      int    `json:"bits"`
	KeyID     string `json:"key_id"`
	Serial    string `json:"serial"`
}

// SymbolInventory counts exported symbols.
type SymbolInventory struct {
	Source  string `json:"source"`
	Total   int    `json:"total"`
	WithCRC int    `json:"with_crc"`
}

// ModuleInventory is the table people make by hand: what BTF costs and where.
type ModuleInventory struct {
	Count       int     `json:"count"`
	InTree      int     `json:"in_tree"`
	Added       int     `json:"added"` // below updates/, extra/, weak-updates/
	Bytes       int64   `json:"bytes"` // without compression and signatures
	StoredBytes int64   `json:"stored_bytes"`
	BTFBytes    int64   `json:"btf_bytes"`
	BaseBytes   int64   `json:"btf_base_bytes"`
	Kinds       []Count `json:"kinds"` // none, split, distilled
	// WithoutBTF are the modules without BTF by why, as far as they tell.
	WithoutBTF []Count        `json:"without_btf"`
	Signatures []Count        `json:"signatures"`
	Vermagic   []Count        `json:"vermagic"`
	IDs        []IDsInventory `json:"ids"`
	Largest    []ModuleSize   `json:"largest"`
	Duplicates int            `json:"copies"`
}

// IDsInventory is one module with .BTF_ids.
type IDsInventory struct {
	Path  string `json:"path"`
	Sets  int    `json:"sets"`
	Words int    `json:"words"`
	Lists int    `json:"list_words"` // words outside sets
}

// ModuleSize is one module by the size of its BTF.
type ModuleSize struct {
	Path     string `json:"path"`
	Bytes    int64  `json:"bytes"`
	BTFBytes int64  `json:"btf_bytes"`
}
