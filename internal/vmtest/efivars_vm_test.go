//go:build vm

package vmtest

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
	"unicode/utf16"
)

// Where Debian's package ovmf puts firmware that knows Secure Boot, and flash
// in which no variable has been set.
const (
	ovmfCode = "/usr/share/OVMF/OVMF_CODE_4M.fd"
	ovmfVars = "/usr/share/OVMF/OVMF_VARS_4M.fd"
)

// efiGUID is a GUID as it lies in memory: the first three groups of its text
// little-endian.
type efiGUID [16]byte

var (
	guidGlobal    = efiGUID{0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c} // 8be4df61-93ca-11d2-aa0d-00e098032b8c
	guidDatabase  = efiGUID{0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f} // d719b2cb-3d3a-4596-a3bc-dad00e67656f
	guidX509      = efiGUID{0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72} // a5c059a1-94e4-4aa7-87b5-ab155c2bf072
	guidAuthStore = efiGUID{0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43, 0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92} // aaf32c78-947b-439a-a180-2e144ec37792
)

// Attributes of the variables that Secure Boot rests on (UEFI 2.9, 8.2):
// non-volatile, for boot services and at runtime, authenticated by time.
const efiAuthenticated = 0x1 | 0x2 | 0x4 | 0x20

// efiVariable is one variable with the certificates (DER) that are its value.
type efiVariable struct {
	name  string
	guid  efiGUID
	certs [][]byte
}

// enrolled is flash in which certificates are what a machine's owner put there:
// PK and KEK turn Secure Boot on, db names those whose programs, and on Debian
// whose kernel modules, are trusted. It writes the store as edk2 reads it
// (MdeModulePkg, VariableFormat.h): a header at 0x48, then a variable after
// the other, each at a multiple of four.
func enrolled(t *testing.T, owner []byte, db ...[]byte) []byte {
	t.Helper()
	flash, err := os.ReadFile(ovmfVars)
	if err != nil {
		t.Fatalf("%v (Debian: ovmf)", err)
	}
	const store, header = 0x48, 28
	if !bytes.Equal(flash[store:store+16], guidAuthStore[:]) || flash[store+header] != 0xff {
		t.Fatalf("%s: not an empty store of authenticated variables", ovmfVars)
	}
	at := store + header
	for _, v := range []efiVariable{
		{"PK", guidGlobal, [][]byte{owner}}, {"KEK", guidGlobal, [][]byte{owner}}, {"db", guidDatabase, db},
	} {
		at += copy(flash[at:], v.bytes())
	}
	return flash
}

// bytes is the variable as it lies in flash, padded.
func (v *efiVariable) bytes() []byte {
	le := binary.LittleEndian
	var name, value []byte
	for _, u := range utf16.Encode([]rune(v.name + "\x00")) {
		name = le.AppendUint16(name, u)
	}
	for _, der := range v.certs { // EFI_SIGNATURE_LIST of one EFI_SIGNATURE_DATA each
		size := uint32(len(guidGlobal) + len(der))
		value = append(value, guidX509[:]...)
		for _, n := range []uint32{28 + size, 0, size} {
			value = le.AppendUint32(value, n)
		}
		value = append(append(value, guidGlobal[:]...), der...) // the owner is anyone
	}
	b := le.AppendUint16(nil, 0x55aa)
	b = append(b, 0x3f, 0) // added and valid
	b = le.AppendUint32(b, efiAuthenticated)
	b = append(b, make([]byte, 8)...)          // count
	b = append(b, 0xea, 0x07, 1, 1)            // 1 January 2026
	b = append(b, make([]byte, 12+4)...)       // the rest of that day's time; index of a key
	b = le.AppendUint32(b, uint32(len(name)))  //
	b = le.AppendUint32(b, uint32(len(value))) //
	b = append(append(append(b, v.guid[:]...), name...), value...)
	for len(b)%4 != 0 {
		b = append(b, 0xff)
	}
	return b
}
