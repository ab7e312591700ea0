//go:build vm

package vmtest

import (
	"bytes"
	"encoding/binary"
	"testing"

	"kpkg-btf/internal/btf"
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
// BTF as the kernel relocated it, with the ids and name offsets of the
// kernel's own base, not the bytes that were in the module.
func relocated(t *testing.T, v *Verdict, split []byte, base *btf.Raw) {
	t.Helper()
	if !v.Attached || bytes.Equal(v.BTF, split) || len(v.BTF) != len(split) {
		t.Fatalf("want it attached, as long as it was and with other bytes: %v\n% x", v, v.BTF)
	}
	raw, err := btf.ParseSplit(v.BTF, base)
	if err != nil {
		t.Fatalf("sysfs shows no split BTF of the kernel's base: %v", err)
	}
	typedef, ok := raw.Find(btf.Typedef, "vmtest_p")
	if !ok || typedef.ID != raw.FirstID()+1 || raw.CType(typedef.Ref()) != "int *" {
		t.Errorf("want [%d] to be the typedef of int *: % x", raw.FirstID()+1, v.BTF)
	}
	t.Logf("relocated: TYPEDEF [%d] vmtest_p is %s", typedef.ID, raw.CType(typedef.Ref()))
}
