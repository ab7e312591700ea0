package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Offsets in a little-endian Elf64_Ehdr and Elf64_Shdr (elf(5)).
const (
	ehdrSize = 64
	shdrSize = 64

	ehShoff    = 40
	ehShentsz  = 58
	ehShnum    = 60
	ehShstrndx = 62

	shName   = 0
	shType   = 4
	shOffset = 24
	shLen    = 32
	shAlign  = 48

	shtProgbits = 1
	shtNobits   = 8
)

// sigMagic ends a signed module; before it stands struct module_signature
// (kernel/module/signing.c), whose last word is the length of what precedes.
const (
	sigMagic  = "~Module signature appended~\n"
	sigStruct = 12
)

// Blank is a module without BTF and without a signature, with room for two
// section headers at the end of its header table: filling it is a copy and a
// few stores, so the guest can do it thousands of times.
type Blank struct {
	Bytes    []byte
	Spare    int // file offset of the first spare section header
	Sections int // section headers in use
}

// names of the sections a Blank takes, at the offsets in names.
const (
	nameBTF  = ".BTF\x00"
	nameBase = ".BTF.base\x00"
	nameGone = ".gone\x00"
)

// Unsigned is the module without its signature trailer. A trailer that no
// longer matches is fatal even where signatures are not enforced.
func Unsigned(ko []byte) []byte {
	body, ok := bytes.CutSuffix(ko, []byte(sigMagic))
	if !ok || len(body) < sigStruct {
		return ko
	}
	n := int64(binary.BigEndian.Uint32(body[len(body)-4:]))
	end := int64(len(body)) - sigStruct - n
	if end < 0 {
		return ko
	}
	return body[:end]
}

// NewBlank turns a module into a Blank. Only what Debian builds for amd64 is
// understood: ELF64, little endian, no more sections than the header can count.
func NewBlank(ko []byte) (*Blank, error) {
	ko = Unsigned(ko)
	le := binary.LittleEndian
	if len(ko) < ehdrSize || string(ko[:6]) != "\x7fELF\x02\x01" {
		return nil, fmt.Errorf("not a little-endian ELF64 module")
	}
	shoff, num := le.Uint64(ko[ehShoff:]), int(le.Uint16(ko[ehShnum:]))
	strndx := int(le.Uint16(ko[ehShstrndx:]))
	if le.Uint16(ko[ehShentsz:]) != shdrSize || num == 0 || num >= 0xff00-2 || strndx >= num ||
		shoff > uint64(len(ko)) || uint64(num*shdrSize) > uint64(len(ko))-shoff {
		return nil, fmt.Errorf("section header table out of bounds")
	}
	table := bytes.Clone(ko[shoff : shoff+uint64(num*shdrSize)])
	names, err := sectionBytes(ko, table[strndx*shdrSize:])
	if err != nil {
		return nil, fmt.Errorf("section names: %w", err)
	}
	added := len(names)
	if added == 0 || names[added-1] != 0 {
		return nil, fmt.Errorf("section names do not end")
	}
	for i := range num {
		hdr := table[i*shdrSize:]
		if le.Uint32(hdr[shName:]) >= uint32(added) {
			return nil, fmt.Errorf("section %d has its name out of bounds", i)
		}
		switch cString(names, le.Uint32(hdr[shName:])) {
		case ".BTF", ".BTF.base":
			le.PutUint32(hdr[shName:], uint32(added+len(nameBTF)+len(nameBase)))
			le.PutUint64(hdr[shLen:], 0)
		}
	}
	out := bytes.Clone(ko)
	strhdr := table[strndx*shdrSize:]
	le.PutUint64(strhdr[shOffset:], uint64(len(out)))
	le.PutUint64(strhdr[shLen:], uint64(added+len(nameBTF)+len(nameBase)+len(nameGone)))
	out = append(append(out, names...), nameBTF+nameBase+nameGone...)
	out = pad8(out)
	le.PutUint64(out[ehShoff:], uint64(len(out)))
	out = append(out, table...)
	spare := len(out)
	for _, off := range []int{added, added + len(nameBTF)} {
		var hdr [shdrSize]byte
		le.PutUint32(hdr[shName:], uint32(off))
		le.PutUint32(hdr[shType:], shtProgbits)
		le.PutUint64(hdr[shAlign:], 1)
		out = append(out, hdr[:]...)
	}
	return &Blank{Bytes: out, Spare: spare, Sections: num}, nil
}

// Fill appends to dst[:0] the module with the given .BTF and .BTF.base. A nil
// slice means no such section; an empty one makes an empty section.
func (b *Blank) Fill(dst, btf, base []byte) []byte {
	le := binary.LittleEndian
	dst = append(dst[:0], b.Bytes...)
	at, num := b.Spare, b.Sections
	if btf == nil && base != nil { // the one spare header in use must be the first
		copy(dst[at:], b.Bytes[at+shdrSize:at+2*shdrSize])
	}
	for _, data := range [][]byte{btf, base} {
		if data == nil {
			continue
		}
		dst = pad8(dst)
		le.PutUint64(dst[at+shOffset:], uint64(len(dst)))
		le.PutUint64(dst[at+shLen:], uint64(len(data)))
		dst = append(dst, data...)
		at += shdrSize
		num++
	}
	le.PutUint16(dst[ehShnum:], uint16(num))
	return dst
}

// Section is the contents of the first section of that name, nil without one.
func Section(ko []byte, name string) ([]byte, error) {
	le := binary.LittleEndian
	if len(ko) < ehdrSize || string(ko[:6]) != "\x7fELF\x02\x01" {
		return nil, fmt.Errorf("not a little-endian ELF64 module")
	}
	shoff, num := le.Uint64(ko[ehShoff:]), int(le.Uint16(ko[ehShnum:]))
	strndx := int(le.Uint16(ko[ehShstrndx:]))
	if shoff > uint64(len(ko)) || uint64(num*shdrSize) > uint64(len(ko))-shoff || strndx >= num {
		return nil, fmt.Errorf("section header table out of bounds")
	}
	table := ko[shoff:]
	names, err := sectionBytes(ko, table[strndx*shdrSize:])
	if err != nil {
		return nil, fmt.Errorf("section names: %w", err)
	}
	for i := range num {
		hdr := table[i*shdrSize:]
		if cString(names, le.Uint32(hdr[shName:])) == name {
			data, err := sectionBytes(ko, hdr)
			if err != nil {
				return nil, fmt.Errorf("section %s: %w", name, err)
			}
			return data, nil
		}
	}
	return nil, nil
}

func sectionBytes(ko, hdr []byte) ([]byte, error) {
	le := binary.LittleEndian
	off, n := le.Uint64(hdr[shOffset:]), le.Uint64(hdr[shLen:])
	if le.Uint32(hdr[shType:]) == shtNobits || off > uint64(len(ko)) || n > uint64(len(ko))-off {
		return nil, fmt.Errorf("contents out of bounds")
	}
	return ko[off : off+n : off+n], nil
}

func cString(b []byte, off uint32) string {
	if uint64(off) >= uint64(len(b)) {
		return ""
	}
	s, _, _ := bytes.Cut(b[off:], []byte{0})
	return string(s)
}

func pad8(b []byte) []byte {
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}
