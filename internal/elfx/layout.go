package elfx

import "encoding/binary"

// Layout is how an ELF file lays out its numbers.
type Layout struct {
	Is64      bool
	BigEndian bool
}

// U16 reads the number at the start of b, which must hold it; so do the others.
func (l Layout) U16(b []byte) uint16 {
	if l.BigEndian {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

// U32 reads 4 bytes.
func (l Layout) U32(b []byte) uint32 {
	if l.BigEndian {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

// U64 reads 8 bytes.
func (l Layout) U64(b []byte) uint64 {
	if l.BigEndian {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// WordSize is the number of bytes of an address: the C type unsigned long.
func (l Layout) WordSize() int {
	if l.Is64 {
		return 8
	}
	return 4
}

// Word reads an address-sized number.
func (l Layout) Word(b []byte) uint64 {
	if l.Is64 {
		return l.U64(b)
	}
	return uint64(l.U32(b))
}

// Order returns the byte order in the terms of encoding/binary.
func (l Layout) Order() binary.ByteOrder {
	if l.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
