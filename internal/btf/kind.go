// Package btf is the raw model of the BPF Type Format: header, records and
// strings as they lie in the file, base and split addressing, both byte
// orders. It resolves nothing and copies nothing: every judgement (kernel
// rules, meaning, distilling, evidence) is a walk over these records with the
// one table of Shapes.
package btf

import "fmt"

// ID is a type id: 0 is void, a base's own types begin at 1 and a split's at
// the base's NumTypes.
type ID uint32

// StrOff is a byte offset into the strings: those below the base's StrLen are
// in the base, the rest in the split.
type StrOff uint32

// Kind is the BTF_KIND_* of a record (include/uapi/linux/btf.h).
type Kind uint8

// The kinds up to Linux 7.3, with the version that brought each.
const (
	Void      Kind = iota // id 0, never a record
	Int                   // 4.18
	Ptr                   // 4.18
	Array                 // 4.18
	Struct                // 4.18
	Union                 // 4.18
	Enum                  // 4.18
	Fwd                   // 4.18
	Typedef               // 4.18
	Volatile              // 4.18
	Const                 // 4.18
	Restrict              // 4.18
	Func                  // 5.0
	FuncProto             // 5.0
	Var                   // 5.2
	Datasec               // 5.2
	Float                 // 5.13
	DeclTag               // 5.16
	TypeTag               // 5.17
	Enum64                // 6.0
	numKinds
)

// MaxKind is the newest kind this package knows.
const MaxKind = numKinds - 1

// Shape says what follows the 12-byte record head of one kind, and which
// 32-bit fields are type ids and which are string offsets. Bit i of a field
// set stands for the i-th 32-bit word. The head's name_off is a string offset
// in every kind.
type Shape struct {
	Name  string
	Fixed uint8 // bytes after the head, once
	Elem  uint8 // bytes per vlen element after that; 0: vlen counts nothing

	HeadRef   bool  // the head's size/type field is a type id
	HeadSize  bool  // the head's size/type field is a size in bytes
	FixedRefs uint8 // words of the fixed part that are type ids
	ElemRefs  uint8 // words of each element that are type ids
	ElemStrs  uint8 // words of each element that are string offsets
}

// shapes is the table that every walker uses (Documentation/bpf/btf.rst, kind
// by kind; FUNC keeps its linkage in vlen and has no elements).
var shapes = [numKinds]Shape{
	Void:      {Name: "VOID"},
	Int:       {Name: "INT", Fixed: 4, HeadSize: true},
	Ptr:       {Name: "PTR", HeadRef: true},
	Array:     {Name: "ARRAY", Fixed: 12, FixedRefs: 0b011},
	Struct:    {Name: "STRUCT", Elem: 12, HeadSize: true, ElemStrs: 0b001, ElemRefs: 0b010},
	Union:     {Name: "UNION", Elem: 12, HeadSize: true, ElemStrs: 0b001, ElemRefs: 0b010},
	Enum:      {Name: "ENUM", Elem: 8, HeadSize: true, ElemStrs: 0b01},
	Fwd:       {Name: "FWD"},
	Typedef:   {Name: "TYPEDEF", HeadRef: true},
	Volatile:  {Name: "VOLATILE", HeadRef: true},
	Const:     {Name: "CONST", HeadRef: true},
	Restrict:  {Name: "RESTRICT", HeadRef: true},
	Func:      {Name: "FUNC", HeadRef: true},
	FuncProto: {Name: "FUNC_PROTO", Elem: 8, HeadRef: true, ElemStrs: 0b01, ElemRefs: 0b10},
	Var:       {Name: "VAR", Fixed: 4, HeadRef: true},
	Datasec:   {Name: "DATASEC", Elem: 12, HeadSize: true, ElemRefs: 0b001},
	Float:     {Name: "FLOAT", HeadSize: true},
	DeclTag:   {Name: "DECL_TAG", Fixed: 4, HeadRef: true},
	TypeTag:   {Name: "TYPE_TAG", HeadRef: true},
	Enum64:    {Name: "ENUM64", Elem: 12, HeadSize: true, ElemStrs: 0b001},
}

// Shape returns the kind's row of the table; a kind above MaxKind gets nil.
func (k Kind) Shape() *Shape {
	if k >= numKinds {
		return nil
	}
	return &shapes[k]
}

// String is the kernel's word for the kind: "STRUCT", "FUNC_PROTO".
func (k Kind) String() string {
	if k < numKinds {
		return shapes[k].Name
	}
	return fmt.Sprintf("KIND(%d)", uint8(k))
}

// Modifier reports whether the kind is one that the kernel looks through
// (btf_type_is_modifier: TYPEDEF VOLATILE CONST RESTRICT TYPE_TAG).
func (k Kind) Modifier() bool {
	return k >= Typedef && k <= Restrict || k == TypeTag
}

// Composite reports whether the kind is STRUCT or UNION.
func (k Kind) Composite() bool { return k == Struct || k == Union }

// Masks say which bits of a record's info word are its kind and its vlen.
// They grew with the kernel: a reader with narrow masks sees another record.
type Masks struct {
	Kind uint32 // applied to info >> 24
	Vlen uint32 // applied to info
}

// The masks of the kernel by version (BTF_INFO_KIND, BTF_INFO_VLEN).
var (
	Masks5_11 = Masks{Kind: 0x0f, Vlen: 0xffff}   // up to 5.12
	Masks5_13 = Masks{Kind: 0x1f, Vlen: 0xffff}   // 5.13 to 7.1
	Masks7_2  = Masks{Kind: 0x7f, Vlen: 0xffffff} // 7.2 and later
)

// DefaultMasks reads the blobs of every producer as they were meant. The
// widest masks do that: what lies between the narrow and the wide ones is zero
// in every blob an older kernel accepts (it refuses set bits as "Invalid
// btf_info"), so the wide reading differs only where the narrow one is wrong.
var DefaultMasks = Masks7_2

const kflagBit = 1 << 31
