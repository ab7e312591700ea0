package xz

import "encoding/binary"

// x86 undoes the filter for CALL and JMP (E8, E9) with a 32-bit displacement.
// The encoder converts only displacements whose top byte is 00 or FF, and it
// keeps off where one of the bytes just before looked like an opcode too:
// f.mask has a bit for each of the last three bytes.
func x86(f *filter, b []byte) int {
	i, last := 0, -1 // last is where the last opcode was; -1 joins on to the call before
	mask := f.mask
	for ; i+5 <= len(b); i++ {
		if b[i]&0xfe != 0xe8 {
			continue
		}
		mask = age(mask, i-last)
		last = i
		if mask != 0 && (!x86Allowed[mask] || signByte(b[i+4-x86Byte[mask]])) || !signByte(b[i+4]) {
			mask = mask<<1&7 | 1
			continue
		}
		at := f.pos + uint32(i) + 5
		v := binary.LittleEndian.Uint32(b[i+1:])
		to := v - at
		if mask != 0 {
			shift := 8 * x86Byte[mask]
			for signByte(byte(to >> (24 - shift))) {
				v = to ^ (1<<(32-shift) - 1)
				to = v - at
			}
		}
		// 25 bits, sign extended.
		to = to&0xffffff | (0 - to&0x1000000)
		binary.LittleEndian.PutUint32(b[i+1:], to)
		i += 4
	}
	f.mask = age(mask, i-last)
	return i
}

// age moves the marks of the last bytes on by n bytes.
func age(mask uint32, n int) uint32 {
	if n > 3 {
		return 0
	}
	return mask << (n - 1) & 7
}

func signByte(c byte) bool { return c == 0 || c == 0xff }

var (
	x86Allowed = [8]bool{true, true, true, false, true, false, false, false}
	x86Byte    = [8]int{0, 1, 2, 2, 3, 3, 3, 3}
)
