package xz

import "encoding/binary"

// riscv undoes the filter for JAL to x1 or x5 and for pairs that begin with
// AUIPC (xz 5.6, described in liblzma's riscv.c). A converted pair is an AUIPC
// to x2 that holds the low 20 bits of the second instruction, and the target in
// big endian; a pair that looked like that before was swapped out of the way.
func riscv(f *filter, b []byte) int {
	i := 0
	for i+8 <= len(b) {
		v := binary.LittleEndian.Uint32(b[i:])
		switch {
		case v&0xff == 0xef && v&0xd00 == 0:
			to := v>>12&15<<17 | v>>16&0xff<<9 | v>>24<<1
			binary.LittleEndian.PutUint32(b[i:], v&0xfff|jalTarget(to-(f.pos+uint32(i))))
			i += 4
		case v&0x7f == 0x17:
			i += auipc(b[i:i+8], v, f.pos+uint32(i))
		default:
			i += 2
		}
	}
	return i
}

// jalTarget scatters a displacement as JAL has it: bits 20, 10 to 1, 11, 19 to
// 12 from the top down.
func jalTarget(to uint32) uint32 {
	return to>>20&1<<31 | to>>1&0x3ff<<21 | to>>11&1<<20 | to>>12&0xff<<12
}

// auipc converts the eight bytes b, whose first word is v, and gives how many
// of them are done.
func auipc(b []byte, v, at uint32) int {
	next := binary.LittleEndian.Uint32(b[4:])
	if rd := v >> 7 & 31; rd&^2 != 0 {
		if next&3 != 3 || next>>15&31 != rd { // not an instruction that uses rd
			return 6
		}
		binary.LittleEndian.PutUint32(b, 0x17|2<<7|next<<12)
		binary.LittleEndian.PutUint32(b[4:], v&0xfffff000+next>>20)
		return 8
	}
	rs1 := v >> 27
	if v&0x3fff != 0x3117 || rs1&^2 == 0 {
		return 4
	}
	to := binary.BigEndian.Uint32(b[4:]) - at
	binary.LittleEndian.PutUint32(b, 0x17|rs1<<7|(to+0x800)&0xfffff000)
	binary.LittleEndian.PutUint32(b[4:], v>>12|to<<20)
	return 8
}
