package symvers

// Export is how strictly a symbol is exported.
type Export uint8

const (
	// ExportUnknown is an export whose type the source does not tell.
	ExportUnknown Export = iota
	// ExportAny is EXPORT_SYMBOL.
	ExportAny
	// ExportGPL is EXPORT_SYMBOL_GPL.
	ExportGPL
)

// What says what an exported symbol is.
type What uint8

const (
	Unknown What = iota
	Code         // in a section that is executed
	Data
)

// Vmlinux is the owner of symbols that the image itself exports, as
// Module.symvers spells it.
const Vmlinux = "vmlinux"

// Symbol is one exported symbol.
type Symbol struct {
	Name string
	// CRC is the genksyms or gendwarfksyms checksum of the symbol's type; it
	// means nothing unless HasCRC. A zero CRC stands for "not versioned"
	// (modpost writes 0x00000000) and is kept as HasCRC false.
	CRC       uint32
	HasCRC    bool
	Owner     string // module path without suffix ("drivers/net/mii"), or Vmlinux
	Export    Export
	Namespace string // "" for none
	// What the symbol is, where the source tells: export tables do, by the
	// section it lies in; Module.symvers does not.
	What What
}
