package xz

import (
	"encoding/binary"
	"math/bits"
)

// The branch filters turn the absolute targets that the encoder wrote back into
// relative ones (7-Zip's Bra.c; xz file format 1.2, 5.3.2).

// words converts aligned instructions of four bytes, each given in little
// endian with its address.
func words(one func(v, at uint32) uint32) func(*filter, []byte) int {
	return func(f *filter, b []byte) int {
		n := len(b) &^ 3
		for i := 0; i < n; i += 4 {
			w := b[i : i+4]
			binary.LittleEndian.PutUint32(w, one(binary.LittleEndian.Uint32(w), f.pos+uint32(i)))
		}
		return n
	}
}

func arm(v, at uint32) uint32 {
	if v>>24 != 0xeb { // BL, always
		return v
	}
	return 0xeb000000 | (v<<2-(at+8))>>2&0xffffff
}

func powerPC(v, at uint32) uint32 {
	v = bits.ReverseBytes32(v)
	if v&0xfc000003 == 0x48000001 { // bl
		v = 0x48000001 | (v&0x03fffffc-at)&0x03fffffc
	}
	return bits.ReverseBytes32(v)
}

func sparc(v, at uint32) uint32 {
	v = bits.ReverseBytes32(v)
	if top := v >> 22; top == 0x100 || top == 0x1ff { // call, nearby
		to := (v<<2 - at) >> 2
		sign := (0 - to>>22&1) << 22 & 0x3fffffff
		v = 0x40000000 | sign | to&0x3fffff
	}
	return bits.ReverseBytes32(v)
}

func arm64(v, at uint32) uint32 {
	switch {
	case v>>26 == 0x25: // bl
		v = 0x94000000 | (v-at>>2)&0x03ffffff
	case v&0x9f000000 == 0x90000000: // adrp within 512 MiB
		page := v>>29&3 | v>>3&0x1ffffc
		if (page+0x20000)&0x1c0000 != 0 {
			break
		}
		page -= at >> 12
		v = v&0x9000001f | page&3<<29 | page&0x3fffc<<3 | (0-page&0x20000)&0xe00000
	}
	return v
}

func armThumb(f *filter, b []byte) int {
	i := 0
	for ; i+4 <= len(b); i += 2 {
		v := binary.LittleEndian.Uint32(b[i:])
		if v&0xf800f800 != 0xf800f000 { // the two halves of BL
			continue
		}
		to := (v&0x7ff<<11|v>>16&0x7ff)<<1 - (f.pos + uint32(i) + 4)
		binary.LittleEndian.PutUint32(b[i:], 0xf800f000|to>>12&0x7ff|to>>1&0x7ff<<16)
		i += 2
	}
	return i
}

// ia64Slots tells by the template of a bundle which of its three slots hold
// branches.
var ia64Slots = [32]byte{16: 4, 4, 6, 6, 0, 0, 7, 7, 4, 4, 0, 0, 4, 4}

func ia64(f *filter, b []byte) int {
	n := len(b) &^ 15
	for i := 0; i < n; i += 16 {
		slots := ia64Slots[b[i]&31]
		for slot := range 3 {
			if slots>>slot&1 == 0 {
				continue
			}
			bit := 5 + 41*slot
			// The eight bytes that end where the slot ends hold all of it.
			word := b[i+max(bit>>3-2, 0):][:8]
			shift := bit - 8*max(bit>>3-2, 0)
			raw := binary.LittleEndian.Uint64(word)
			v := raw >> shift
			if v>>37&15 != 5 || v>>9&7 != 0 { // br.call, IP relative
				continue
			}
			to := uint32(v>>13&0xfffff | v>>36&1<<20)
			to = (to<<4 - (f.pos + uint32(i))) >> 4
			v = v&^(0x8fffff<<13) | uint64(to&0xfffff)<<13 | uint64(to&0x100000)<<(36-20)
			binary.LittleEndian.PutUint64(word, raw&(1<<shift-1)|v<<shift)
		}
	}
	return n
}
