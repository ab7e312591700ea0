package kimage

import (
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// PE/COFF: e_lfanew at 0x3c leads to "PE\0\0", machine, number of sections,
// size of the optional header; section headers of 40 bytes follow it.
const (
	peNew        = 0x3c
	peHead       = 24 // signature and COFF header
	peSection    = 40
	peMaxSection = 96 // the loader's own limit
)

// peMachines are the machines of EFI kernels.
var peMachines = map[uint16]model.Arch{
	0x8664: model.X8664, 0x014c: model.I386, 0xaa64: model.ARM64, 0x01c2: model.ARM,
	0x5064: model.RISCV64, 0x5032: model.RISCV32, 0x6264: model.LoongArch64,
}

// peHeader finds the COFF header behind an MZ stub.
func peHeader(b []byte) (off uint64, ok bool) {
	if len(b) < peNew+4 || b[0] != 'M' || b[1] != 'Z' {
		return 0, false
	}
	off = uint64(le.Uint32(b[peNew:]))
	if off > uint64(len(b)) || uint64(len(b))-off < peHead || string(b[off:off+4]) != "PE\x00\x00" {
		return 0, false
	}
	return off, true
}

// peHint tells the machine of a PE file; EFI is little-endian.
func peHint(b []byte) hint {
	off, ok := peHeader(b)
	if !ok {
		return hint{}
	}
	return hint{arch: peMachines[le.Uint16(b[off+4:])], known: true}
}

// peSections yields the section headers that lie within b.
func peSections(b []byte, yield func(name string, head []byte, at int64) bool) {
	off, ok := peHeader(b)
	if !ok {
		return
	}
	n := min(int(le.Uint16(b[off+6:])), peMaxSection)
	at := off + peHead + uint64(le.Uint16(b[off+20:]))
	for range n {
		if at > uint64(len(b)) || uint64(len(b))-at < peSection {
			return
		}
		h := b[at : at+peSection]
		if !yield(strings.TrimRight(string(h[:8]), "\x00"), h, int64(at)) {
			return
		}
		at += peSection
	}
}

// isUKI looks for the .linux section of a unified kernel image, so its section
// table must be within the head.
func isUKI(b []byte) bool {
	found := false
	for name := range func(yield func(string) bool) {
		peSections(b, func(name string, _ []byte, _ int64) bool { return yield(name) })
	} {
		found = found || name == ".linux"
	}
	return found
}

// openUKI returns the .linux sections; an image with profiles has several.
// VirtualSize is the true size, SizeOfRawData is padded to the alignment.
func openUKI(b []byte) ([]node, error) {
	var out []node
	var err error
	peSections(b, func(name string, h []byte, at int64) bool {
		if name != ".linux" {
			return true
		}
		size, off := uint64(le.Uint32(h[16:])), uint64(le.Uint32(h[20:]))
		if v := uint64(le.Uint32(h[8:])); v != 0 {
			size = min(size, v)
		}
		var data []byte
		if data, err = span(b, off, size, "section .linux", at+16); err != nil {
			return false
		}
		if len(data) < minKernel {
			err = where.New(where.Malformed, "section .linux of %d bytes", len(data)).At(at + 16)
			return false
		}
		out = append(out, payload(data, int64(off)))
		return true
	})
	return out, err
}
