package kimage

import (
	"kpkg-btf/internal/model"
)

// imageKind is a raw kernel image with a header: the memory of the kernel as
// objcopy -O binary makes it, without sections.
type imageKind struct {
	name string
	at   int
	text string // magic
	hint func(b []byte) hint
}

// rawImages and their magics: arm64 and riscv in Documentation/arch/*/booting.rst
// ("ARM\x64" at 56; "RISCV" at 48 and "RSC\x05" at 56), loongarch in
// arch/loongarch/kernel/head.S (LINUX_PE_MAGIC 0x818223cd at 56; x86 has that
// too since 6.6, so the machine of the EFI stub must agree).
var rawImages = [...]imageKind{
	{"Image", 56, "ARM\x64", arm64Hint},
	{"Image", 56, "RSC\x05", riscvHint},
	{"Image", 48, "RISCV\x00", riscvHint},
	{"Image", 56, "\xcd\x23\x82\x81", loongHint},
}

// rawImage returns the kind of raw image b begins like, or nil.
func rawImage(b []byte) *imageKind {
	if isZboot(b) {
		return nil
	}
	for i := range rawImages {
		k := &rawImages[i]
		end := k.at + len(k.text)
		if len(b) >= end && string(b[k.at:end]) == k.text && k.hint(b).arch != model.ArchUnknown {
			return k
		}
	}
	return nil
}

// arm64Hint: bit 0 of the flags at 24 is the kernel's byte order.
func arm64Hint(b []byte) hint {
	return hint{arch: model.ARM64, big: b[24]&1 != 0, known: true}
}

// riscvHint: the header is the same for 32 and 64 bit, the EFI stub's is not.
// Bit 0 of the flags at 24 is the byte order.
func riscvHint(b []byte) hint {
	h := hint{arch: model.RISCV64, big: b[24]&1 != 0, known: true}
	if peHint(b).arch == model.RISCV32 {
		h.arch = model.RISCV32
	}
	return h
}

func loongHint(b []byte) hint {
	if h := peHint(b); h.arch == model.LoongArch64 {
		return h
	}
	return hint{}
}
