package xz

import "encoding/binary"

// The branch filters turn the absolute targets that the encoder wrote back into
// relative ones (7-Zip's Bra.c; xz file format 1.2, 5.3.2).

func arm(f *filter, b []byte) int {
	n := len(b) &^ 3
	for i := 0; i < n; i += 4 {
		if b[i+3] != 0xeb { // BL, always
			continue
		}
		v := binary.LittleEndian.Uint32(b[i:])
		to := (v<<2 - (f.pos + uint32(i) + 8)) >> 2
		binary.LittleEndian.PutUint32(b[i:], 0xeb000000|to&0xffffff)
	}
	return n
}

func armThumb(f *filter, b []byte) int {
	i := 0
	for ; i+4 <= len(b); i += 2 {
		hi, lo := uint32(binary.LittleEndian.Uint16(b[i:])), uint32(binary.LittleEndian.Uint16(b[i+2:]))
		if hi&0xf800 != 0xf000 || lo&0xf800 != 0xf800 { // the two halves of BL
			continue
		}
		to := ((hi&0x7ff)<<11|lo&0x7ff)<<1 - (f.pos + uint32(i) + 4)
		binary.LittleEndian.PutUint16(b[i:], uint16(0xf000|to>>12&0x7ff))
		binary.LittleEndian.PutUint16(b[i+2:], uint16(0xf800|to>>1&0x7ff))
		i += 2
	}
	return i
}

func powerPC(f *filter, b []byte) int {
	n := len(b) &^ 3
	for i := 0; i < n; i += 4 {
		v := binary.BigEndian.Uint32(b[i:])
		if v&0xfc000003 != 0x48000001 { // bl
			continue
		}
		to := v&0x03fffffc - (f.pos + uint32(i))
		binary.BigEndian.PutUint32(b[i:], 0x48000001|to&0x03fffffc)
	}
	return n
}

func sparc(f *filter, b []byte) int {
	n := len(b) &^ 3
	for i := 0; i < n; i += 4 {
		v := binary.BigEndian.Uint32(b[i:])
		if top := v >> 22; top != 0x100 && top != 0x1ff { // call, nearby
			continue
		}
		to := (v<<2 - (f.pos + uint32(i))) >> 2
		sign := (0 - to>>22&1) << 22 & 0x3fffffff
		binary.BigEndian.PutUint32(b[i:], 0x40000000|sign|to&0x3fffff)
	}
	return n
}

func arm64(f *filter, b []byte) int {
	n := len(b) &^ 3
	for i := 0; i < n; i += 4 {
		v, at := binary.LittleEndian.Uint32(b[i:]), f.pos+uint32(i)
		switch {
		case v>>26 == 0x25: // bl
			v = 0x94000000 | (v-at>>2)&0x03ffffff
		case v&0x9f000000 == 0x90000000: // adrp within 512 MiB
			page := v>>29&3 | v>>3&0x1ffffc
			if (page+0x20000)&0x1c0000 != 0 {
				continue
			}
			page -= at >> 12
			v = v&0x9000001f | page&3<<29 | page&0x3fffc<<3 | (0-page&0x20000)&0xe00000
		default:
			continue
		}
		binary.LittleEndian.PutUint32(b[i:], v)
	}
	return n
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
			at, shift := i+bit>>3, bit&7
			var raw uint64
			for k := range 6 {
				raw |= uint64(b[at+k]) << (8 * k)
			}
			v := raw >> shift
			if v>>37&15 != 5 || v>>9&7 != 0 { // br.call, IP relative
				continue
			}
			to := uint32(v>>13&0xfffff | v>>36&1<<20)
			to = (to<<4 - (f.pos + uint32(i))) >> 4
			v = v&^(0x8fffff<<13) | uint64(to&0xfffff)<<13 | uint64(to&0x100000)<<(36-20)
			raw = raw&(1<<shift-1) | v<<shift
			for k := range 6 {
				b[at+k] = byte(raw >> (8 * k))
			}
		}
	}
	return n
}
