package xz

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// riscvForward is the filter of an encoder, the other way round than riscv.
func riscvForward(b []byte, pos uint32) {
	for i := 0; i+8 <= len(b); {
		v := binary.LittleEndian.Uint32(b[i:])
		if v&0xff == 0xef && v&0xd00 == 0 {
			imm := v>>31<<20 | v>>21&0x3ff<<1 | v>>20&1<<11 | v>>12&0xff<<12
			to := imm + pos + uint32(i)
			b[i+1] = byte(v>>8)&15 | byte(to>>17&15)<<4
			b[i+2], b[i+3] = byte(to>>9), byte(to>>1)
			i += 4
			continue
		}
		if v&0x7f != 0x17 {
			i += 2
			continue
		}
		next := binary.LittleEndian.Uint32(b[i+4:])
		rd := v >> 7 & 31
		switch {
		case rd != 0 && rd != 2:
			if next&3 != 3 || next>>15&31 != rd {
				i += 6
				continue
			}
			to := v&0xfffff000 + uint32(int32(next)>>20) + pos + uint32(i)
			binary.LittleEndian.PutUint32(b[i:], 0x17|2<<7|next<<12)
			binary.BigEndian.PutUint32(b[i+4:], to)
			i += 8
		case v&0x3fff == 0x3117 && v>>27 != 0 && v>>27 != 2:
			// Looks converted already: make it what the decoder converts into this.
			low := v >> 12
			binary.LittleEndian.PutUint32(b[i:], 0x17|v>>27<<7|next&0xfffff000)
			binary.LittleEndian.PutUint32(b[i+4:], low|next<<20)
			i += 8
		default:
			i += 4
		}
	}
}

func TestRISCVUndoesItsForwardFilter(t *testing.T) {
	want := machineCode(1 << 20)
	b := bytes.Clone(want)
	riscvForward(b, 0)
	if bytes.Equal(b, want) {
		t.Fatal("the forward filter changes nothing")
	}
	f, ok := newFilter(11, nil)
	whole := bytes.Clone(b)
	if n := f.apply(whole); !ok || !bytes.Equal(whole, want) || n < len(b)-7 {
		t.Fatalf("differs, %d of %d bytes converted", n, len(b))
	}
	// In pieces, as a window gives them.
	f, _ = newFilter(11, nil)
	var out []byte
	for i := 0; i < len(b); i += 997 {
		end := min(i+997, len(b))
		out = append(out, f.piece(b[i:end], end == len(b))...)
	}
	if !bytes.Equal(out, want) {
		t.Fatal("differs in pieces")
	}
}

// A call and a pair by hand (xz 5.6, riscv.c): JAL x1 +0x1000 at 0x2000, and
// AUIPC x10, 1 with ADDI x10, x10, -4 at 0x2004.
func TestRISCVByHand(t *testing.T) {
	want := binary.LittleEndian.AppendUint32(nil, 0x000010ef)
	want = binary.LittleEndian.AppendUint32(want, 0x00001517)
	want = binary.LittleEndian.AppendUint32(want, 0xffc50513)
	b := []byte{0xef, 0x00, 0x18, 0x00, 0x17, 0x31, 0x51, 0x50, 0x00, 0x00, 0x30, 0x00}
	f, _ := newFilter(11, []byte{0, 0x20, 0, 0})
	if n := f.apply(b); n != 12 || !bytes.Equal(b, want) {
		t.Fatalf("%d bytes: % x, not % x", n, b, want)
	}
}
