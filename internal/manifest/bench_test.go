package manifest

import (
	"bytes"
	"fmt"
	"testing"
)

// large is of the size of Debian 6.1: 4023 modules, 24 683 symbols.
func large() *Manifest {
	m := sample()
	m.Modules, m.Exports.Symbols = nil, nil
	signer := &Signer{KeyID: "3a7b00112233445566778899aabbccddeeff0011", Hash: "sha256", Algorithm: "rsa"}
	for i := range 4023 {
		name := fmt.Sprintf("module_number_%04d", i)
		m.Modules = append(m.Modules, Module{
			Path: "kernel/drivers/net/ethernet/" + name + ".ko", Name: name, SHA256: sum(name), Size: 100000,
			BTF:      BTF{Kind: BTFSplit, SHA256: sum(name + "b"), Size: 15000},
			Vermagic: "6.1.0-55-amd64 SMP preempt mod_unload modversions ", Intree: true,
			Srcversion: "1234567890ABCDEF1234567", Depends: []string{"mii", "ptp"}, Signer: signer,
		})
	}
	for i := range 24683 {
		m.Exports.Symbols = append(m.Exports.Symbols, Symbol{
			Name: fmt.Sprintf("exported_symbol_%05d", i), Owner: fmt.Sprintf("drivers/net/ethernet/module_%d", i/40),
			Export: ExportGPL, CRC: uint32(i) * 2654435761,
		})
	}
	return m
}

func BenchmarkMarshal(b *testing.B) {
	m := large()
	for b.Loop() {
		text, err := Marshal(m)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(text)))
	}
}

func BenchmarkRead(b *testing.B) {
	text, err := Marshal(large())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Read(text); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLargeRoundTrip(t *testing.T) {
	first := text(t, large())
	m, err := Read(first)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text(t, m), first) {
		t.Error("another text after reading")
	}
	if most := 4 << 20; len(first) > most {
		t.Errorf("%d bytes, over %d: too large to commit", len(first), most)
	}
}
