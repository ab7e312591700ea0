// Package btftest builds BTF for tests in a readable notation:
//
//	base := btftest.Base()
//	i := base.Int("int", 4, btftest.Signed)
//	base.Struct("list_head", 16, btftest.M("next", base.Ptr(base.Next()+1), 0), …)
//	split := base.Split()
//	split.Func("init", split.Proto(i))
//
// Strings are interned as libbpf does it, in the base first. A reference may
// be any number: forward, or wrong on purpose.
package btftest

import (
	"encoding/binary"
	"fmt"

	"kpkg-btf/internal/btf"
)

// Encodings of an INT.
const (
	Unsigned = 0
	Signed   = 1
	Char     = 2
	Bool     = 4
)

// Builder collects records and strings of one blob.
type Builder struct {
	// Big makes the blob big endian; set before the first record.
	Big bool
	// HdrLen is the header length to write, 24 unless set. Longer than 32
	// pads with Trailer, then zeros; shorter cuts fields.
	HdrLen  uint32
	Trailer []byte
	// Layout is a section after the strings (HdrLen 32 or more).
	Layout []byte

	base  *Builder
	types []byte
	strs  []byte
	offs  map[string]btf.StrOff
	ids   map[string]btf.ID
	n     btf.ID
	c     map[string]*cNode // named by C
}

// Base starts a base, little endian.
func Base() *Builder {
	b := &Builder{HdrLen: btf.HeaderLen, offs: map[string]btf.StrOff{"": 0}, ids: map[string]btf.ID{}, strs: []byte{0}}
	return b
}

// BigBase starts a base in big endian.
func BigBase() *Builder {
	b := Base()
	b.Big = true
	return b
}

// Split starts a module's BTF on top of b as it is now; b must not grow after.
func (b *Builder) Split() *Builder {
	return &Builder{Big: b.Big, HdrLen: btf.HeaderLen, base: b, offs: map[string]btf.StrOff{}, ids: map[string]btf.ID{}}
}

func (b *Builder) order() binary.AppendByteOrder {
	if b.Big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// Str interns a string and gives its offset.
func (b *Builder) Str(s string) btf.StrOff {
	if b.base != nil {
		if off, ok := b.base.offs[s]; ok {
			return off
		}
	}
	if off, ok := b.offs[s]; ok {
		return off
	}
	off := b.firstStr() + btf.StrOff(len(b.strs))
	b.strs = append(append(b.strs, s...), 0)
	b.offs[s] = off
	return off
}

func (b *Builder) firstStr() btf.StrOff {
	if b.base == nil {
		return 0
	}
	return btf.StrOff(len(b.base.strs))
}

// Next is the id the next record will get.
func (b *Builder) Next() btf.ID {
	if b.base == nil {
		return 1 + b.n
	}
	return b.base.Next() + b.n
}

// ID finds a record by kind and name, in the blob, then in its base; it
// panics when there is none.
func (b *Builder) ID(kind btf.Kind, name string) btf.ID {
	key := kind.String() + " " + name
	for at := b; at != nil; at = at.base {
		if id, ok := at.ids[key]; ok {
			return id
		}
	}
	panic(fmt.Sprintf("btftest: no %s", key))
}

// Raw adds a record of any shape: what follows the head is words as given,
// vlen is not checked against them.
func (b *Builder) Raw(kind btf.Kind, kflag bool, vlen uint32, name btf.StrOff, sizeType uint32, words ...uint32) btf.ID {
	info := uint32(kind)<<24 | vlen
	if kflag {
		info |= 1 << 31
	}
	return b.Words(append([]uint32{uint32(name), info, sizeType}, words...)...)
}

// Words adds one record, word by word.
func (b *Builder) Words(words ...uint32) btf.ID {
	for _, w := range words {
		b.types = b.order().AppendUint32(b.types, w)
	}
	id := b.Next()
	b.n++
	return id
}

func (b *Builder) add(kind btf.Kind, kflag bool, vlen int, name string, sizeType uint32, words ...uint32) btf.ID {
	id := b.Raw(kind, kflag, uint32(vlen), b.Str(name), sizeType, words...)
	key := kind.String() + " " + name
	if _, ok := b.ids[key]; !ok && name != "" {
		b.ids[key] = id
	}
	return id
}

// Bytes writes the blob: header, types, strings, layout.
func (b *Builder) Bytes() []byte {
	o := b.order()
	out := o.AppendUint16(nil, 0xeb9f)
	out = append(out, 1, 0)
	out = o.AppendUint32(out, b.HdrLen)
	layoutOff := len(b.types) + len(b.strs)
	if len(b.Layout) == 0 {
		layoutOff = 0
	}
	for _, v := range []int{0, len(b.types), len(b.types), len(b.strs), layoutOff, len(b.Layout)} {
		out = o.AppendUint32(out, uint32(v))
	}
	out = append(out, b.Trailer...)
	for len(out) < int(b.HdrLen) {
		out = append(out, 0)
	}
	out = append(append(out[:b.HdrLen:b.HdrLen], b.types...), b.strs...)
	return append(out, b.Layout...)
}

// Parse reads the blob, on its base if it has one; it panics on an error.
func (b *Builder) Parse() *btf.Raw {
	var base *btf.Raw
	if b.base != nil {
		base = b.base.Parse()
	}
	r, err := btf.ParseWith(b.Bytes(), base, btf.DefaultMasks)
	if err != nil {
		panic(err)
	}
	return r
}
