//go:build vm

package vmtest

import (
	"bytes"
	"encoding/binary"
	"testing"
)

const (
	btfHeader   = 24
	kindInt     = 1
	kindPtr     = 2
	kindTypedef = 8
)

// tinyDistilled is the smallest module BTF that has something to relocate:
//
//	base   [1] INT "int" size 4, signed
//	split  [2] PTR -> [1]
//	       [3] TYPEDEF "vmtest_p" -> [2]
func tinyDistilled() (split, base []byte) {
	baseStr := "\x00int\x00"
	base = blob(baseStr, 1, kindInt<<24, 4, 1<<24|32)
	split = blob("\x00vmtest_p\x00",
		0, kindPtr<<24, 1,
		uint32(len(baseStr)+1), kindTypedef<<24, 2)
	return split, base
}

// anySplit is split BTF that fits every base: PTR -> [1].
func anySplit() []byte { return blob("\x00", 0, kindPtr<<24, 1) }

// blob is raw BTF of the given words and strings.
func blob(strs string, words ...uint32) []byte {
	le := binary.LittleEndian
	out := le.AppendUint16(nil, 0xeb9f)
	out = append(out, 1, 0)
	types := uint32(4 * len(words))
	for _, w := range []uint32{btfHeader, 0, types, types, uint32(len(strs))} {
		out = le.AppendUint32(out, w)
	}
	for _, w := range words {
		out = le.AppendUint32(out, w)
	}
	return append(out, strs...)
}

// relocated answers what issue 5 asks to confirm first: sysfs shows the split
// BTF as the kernel relocated it, with ids and name offsets of its own base,
// not the bytes that were in the module.
func relocated(t *testing.T, v *Verdict, split, base []byte) {
	t.Helper()
	if !v.Attached || len(v.BTF) != len(split) {
		t.Fatalf("want the distilled BTF attached, in its old size: %v", v)
	}
	if bytes.Equal(v.BTF, split) {
		t.Fatal("sysfs shows the module's own bytes, not the relocated ones")
	}
	le := binary.LittleEndian
	word := func(i int) uint32 { return le.Uint32(v.BTF[btfHeader+4*i:]) }
	strs := bytes.Index(v.BTF, []byte("\x00vmtest_p\x00"))
	target, self, name := word(2), word(5), word(3)
	t.Logf("relocated: PTR -> [%d], TYPEDEF -> [%d], its name at %d", target, self, name)
	// The pointer's id is the kernel's number of types; nothing else is known here.
	if strs < 0 || target == 0 || target >= self || name < 1<<20 || word(0) != 0 || word(1) != kindPtr<<24 {
		t.Errorf("not what relocation makes of it: % x", v.BTF)
	}
}
