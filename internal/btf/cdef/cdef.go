// Package cdef writes one type definition as C: every member in its line,
// anonymous types written out where they stand, with offsets. It renders and
// judges nothing: whether two definitions are equal is not told by their text
// (long declarators are cut).
package cdef

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

// Bounds of one definition; what is beyond is cut. The largest real ones have
// some hundreds of fields (task_struct, the per-CPU section).
const (
	MaxFields = 4096
	maxDepth  = 8    // anonymous types within each other
	maxText   = 1024 // bytes of one line
)

// None stands for an offset or size that a line does not have.
const None = -1

// Field is one line inside a definition: a member, an enumerator, a variable
// of a section, or a brace of an anonymous type.
type Field struct {
	// Key names the field within its definition: "a", "key.b", "#1" for the
	// first anonymous member. Braces end in "{" and "}". Keys are unique in
	// what a C compiler made.
	Key   string
	Text  string  // C, without offset and final punctuation: "struct list_head list"
	Type  btf.ID  // of a member or variable, else 0
	Bit   int64   // offset in bits from the start of the definition, or None
	Width uint32  // of a bitfield, else 0
	Bits  int64   // that a member takes, an anonymous one at its opening brace; 0 where that is not known
	Value *uint64 // of an enumerator
	Depth int     // within anonymous types
	Brace bool
}

// Def is a definition taken apart.
type Def struct {
	Head   string // "struct gpio_chip", "int printk(const char *fmt, ...)"
	Size   int64  // bytes, or None
	Signed bool   // of an enum
	Body   bool   // it has braces, even without a field
	Fields []Field
	Cut    bool // there are more than MaxFields, or deeper ones
}

// Of takes apart the definition behind an id of any kind.
func Of(r *btf.Raw, id btf.ID) Def {
	t, ok := r.Record(id)
	if !ok {
		return Def{Head: r.Label(id), Size: None}
	}
	w := &writer{r: r, pointer: int64(r.PointerSize())}
	w.d = Def{Head: head(r, &t), Size: None}
	if t.Kind.Shape().HeadSize {
		w.d.Size = int64(t.SizeType)
	}
	switch t.Kind {
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64:
		w.d.Body = true
		w.d.Signed = t.KFlag && !t.Kind.Composite()
		w.body(&t, "", 0, 0)
	case btf.Datasec:
		w.d.Body = true
		w.section(&t)
	case btf.Typedef:
		w.typedef(&t)
	}
	return w.d
}

func head(r *btf.Raw, t *btf.Record) string {
	name := r.Name(t.Name)
	switch t.Kind {
	case btf.Func:
		return r.CDecl(t.Ref(), name, "")
	case btf.Var:
		return r.CDecl(t.Ref(), name, "")
	case btf.Typedef:
		return "typedef " + r.CDecl(t.Ref(), name, "")
	case btf.Int:
		enc, _, bits := t.Int()
		return where.Clean(fmt.Sprintf("%s: %d bits%s", name, bits, encoding(enc)))
	case btf.Datasec:
		return where.Clean("section " + name)
	}
	return r.CType(t.ID)
}

func encoding(e uint8) string {
	s := ""
	for i, word := range [...]string{" signed", " char", " bool"} {
		if e>>i&1 != 0 {
			s += word
		}
	}
	return s
}

type writer struct {
	r    *btf.Raw
	d    Def
	anon int
	// pointer is the size of one in bytes.
	pointer int64
}

func (w *writer) add(f Field) bool {
	if len(w.d.Fields) >= MaxFields || f.Depth > maxDepth {
		w.d.Cut = true
		return false
	}
	if len(f.Text) > maxText {
		f.Text = f.Text[:maxText] + "…"
	}
	f.Key, f.Text = where.Clean(f.Key), where.Clean(f.Text)
	w.d.Fields = append(w.d.Fields, f)
	return true
}

// body writes members or enumerators. bit is where the type begins in the
// definition, prefix what its members' names follow.
func (w *writer) body(t *btf.Record, prefix string, bit int64, depth int) {
	for i := range int(t.Vlen) {
		if w.d.Cut {
			return
		}
		if !t.Kind.Composite() {
			off, v := t.Enumerator(i)
			name := w.r.Name(off)
			w.add(Field{Key: prefix + name, Text: name + " = " + Value(v, t.KFlag), Bit: None, Value: &v, Depth: depth})
			continue
		}
		m := t.Member(i)
		w.member(&m, prefix, bit+int64(m.BitOff), depth)
	}
}

func (w *writer) member(m *btf.Member, prefix string, bit int64, depth int) {
	name := w.r.Name(m.Name)
	f := Field{Key: prefix + name, Type: m.Type, Bit: bit, Width: m.BitSize, Bits: int64(m.BitSize), Depth: depth}
	if f.Bits == 0 {
		f.Bits = 8 * w.size(m.Type)
	}
	leaf := w.r.Leaf(m.Type)
	if !writtenOut(w.r, &leaf) {
		f.Text = w.r.CDecl(m.Type, name, "")
		if m.BitSize != 0 {
			f.Text += ":" + strconv.FormatUint(uint64(m.BitSize), 10)
		}
		w.add(f)
		return
	}
	// An anonymous member's own members are named as if they were outside.
	below := prefix
	if name == "" {
		w.anon++
		f.Key = prefix + "#" + strconv.Itoa(w.anon)
	} else {
		below = f.Key + "."
	}
	w.braces(f, &leaf, name, below)
}

// braces writes an anonymous type where it is used.
func (w *writer) braces(f Field, leaf *btf.Record, name, below string) {
	typ, key, bit := f.Type, f.Key, f.Bit
	f.Brace, f.Key, f.Text, f.Type = true, key+"{", keyword(leaf.Kind)+" {", 0
	if !w.add(f) {
		return
	}
	if direct(w.r, typ) != leaf.ID {
		bit = 0 // behind a pointer, or an array: offsets count from the type
	}
	w.body(leaf, below, bit, f.Depth+1)
	w.add(Field{Key: key + "}", Text: w.r.CDecl(typ, name, "}"), Bit: None, Depth: f.Depth, Brace: true})
}

// maxChain bounds the links from a member to what has a size.
const maxChain = 32

// size is how many bytes an object of a type takes, 0 where that is not known.
func (w *writer) size(id btf.ID) int64 {
	count := int64(1)
	for range maxChain {
		t, ok := w.r.Record(id)
		switch {
		case !ok:
			return 0
		case t.Kind == btf.Ptr:
			return count * w.pointer
		case t.Kind == btf.Array:
			elem, _, n := t.Array()
			if n > 0 && count > math.MaxInt32/int64(n) {
				return 0
			}
			id, count = elem, count*int64(n)
		case t.Kind.Modifier():
			id = t.Ref()
		case t.Kind.Shape().HeadSize && t.SizeType <= math.MaxInt32/8:
			return count * int64(t.SizeType)
		default:
			return 0
		}
	}
	return 0
}

// direct looks through qualifiers only.
func direct(r *btf.Raw, id btf.ID) btf.ID {
	for range 8 {
		t, _ := r.Record(id)
		if !t.Kind.Modifier() || t.Kind == btf.Typedef {
			break
		}
		id = t.Ref()
	}
	return id
}

func writtenOut(r *btf.Raw, t *btf.Record) bool {
	return (t.Kind.Composite() || t.Kind == btf.Enum || t.Kind == btf.Enum64) && r.Name(t.Name) == ""
}

func keyword(k btf.Kind) string {
	switch k {
	case btf.Struct:
		return "struct"
	case btf.Union:
		return "union"
	}
	return "enum"
}

// typedef of an anonymous type is that type's definition.
func (w *writer) typedef(t *btf.Record) {
	leaf := w.r.Leaf(t.Ref())
	if !writtenOut(w.r, &leaf) {
		return
	}
	w.d.Body = true
	if direct(w.r, t.Ref()) == leaf.ID {
		w.d.Size = int64(leaf.SizeType)
	}
	w.body(&leaf, "", 0, 0)
}

func (w *writer) section(t *btf.Record) {
	for i := range int(t.Vlen) {
		id, off, size := t.Secinfo(i)
		v, _ := w.r.Record(id)
		f := Field{Key: w.r.Name(v.Name), Type: id, Bit: 8 * int64(off), Text: head(w.r, &v)}
		if v.Kind != btf.Var {
			f.Text = w.r.Label(id)
		}
		f.Text += fmt.Sprintf(" (%d bytes)", size)
		if !w.add(f) {
			return
		}
	}
}

// Value writes an enumerator's value.
func Value(v uint64, signed bool) string {
	if signed {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatUint(v, 10)
}

// Offset writes an offset in bytes, "12:3" for bit 3 of byte 12.
func Offset(bit int64) string {
	s := strconv.FormatInt(bit/8, 10)
	if bit%8 != 0 {
		s += ":" + strconv.FormatInt(bit%8, 10)
	}
	return s
}

// Line is a field as C with its offset in a comment.
func (f *Field) Line() string {
	s := strings.Repeat("\t", f.Depth+1) + f.Text
	switch {
	case f.Value != nil:
		return s + ","
	case !f.Brace || f.Text[0] == '}':
		s += ";"
	}
	if f.Bit != None {
		s += " /* " + Offset(f.Bit) + " */"
	}
	return s
}

// String is the whole definition.
func (d *Def) String() string {
	var b strings.Builder
	b.WriteString(d.Head)
	if d.Body {
		b.WriteString(" {")
	} else {
		b.WriteString(";")
	}
	if d.Size != None {
		fmt.Fprintf(&b, " /* %d bytes */", d.Size)
	}
	b.WriteString("\n")
	for i := range d.Fields {
		b.WriteString(d.Fields[i].Line() + "\n")
	}
	if d.Cut {
		b.WriteString("\t…\n")
	}
	if d.Body {
		b.WriteString("};\n")
	}
	return b.String()
}
