package kimage

import (
	"encoding/binary"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// hint is what a container tells of the kernel inside; the zero value tells
// nothing.
type hint struct {
	arch  model.Arch
	big   bool // byte order, where known
	known bool // whether big is
}

func (h hint) or(outer hint) hint {
	if h.arch == model.ArchUnknown {
		h.arch = outer.arch
	}
	if !h.known {
		h.big, h.known = outer.big, outer.known
	}
	return h
}

var le, be = binary.LittleEndian, binary.BigEndian

// container is a format that holds kernels.
type container struct {
	name string
	is   func(b []byte) bool // looks at no more than sniffSize bytes
	open func(b []byte) ([]node, error)
}

// sniffSize is how many bytes Is wants to see.
const sniffSize = 4096

// containers in the order they are asked: kernels with an EFI stub are PE
// files too, so PE comes last. Raw images that hold nothing are in rawImages.
var containers = [...]container{
	{"EFI-zboot", isZboot, openZboot},
	{"bzImage", isBzImage, openBzImage},
	{"zImage", isZImage, openZImage},
	{"s390-bzImage", isS390, openS390},
	{"ELF-zImage", isPPCBoot, openPPCBoot},
	{"PE-UKI", isUKI, openUKI},
	{"tar", isTar, openTar},
}

// classify returns the container b is, or nil. A raw Image may look like a PE
// file without being a container.
func classify(b []byte) *container {
	if rawImage(b) != nil {
		return nil
	}
	for i := range containers {
		if containers[i].is(b) {
			return &containers[i]
		}
	}
	return nil
}

// Is reports whether head, the first 4 KiB of a file, begins like a kernel image:
// one of the containers, a raw Image, an ELF executable, raw BTF, or any compressed
// stream, since images come as Image.gz too. A relocatable ELF object is none,
// nor is a raw image without a header of its own, which only Parse knows.
func Is(head []byte) bool {
	if elfx.Is(head) {
		return isKernelELF(head)
	}
	return IsBTF(head) || rawImage(head) != nil || classify(head) != nil || codec.Detect(head) != codec.None
}

// isKernelELF tells executables and shared objects from relocatable objects
// (e_type ET_EXEC 2, ET_DYN 3).
func isKernelELF(b []byte) bool {
	if len(b) < 18 {
		return false
	}
	t := le.Uint16(b[16:])
	if b[5] == 2 {
		t = be.Uint16(b[16:])
	}
	return t == 2 || t == 3
}

// span cuts size bytes at off out of b; field is where b states them.
func span(b []byte, off, size uint64, what string, field int64) ([]byte, error) {
	if off > uint64(len(b)) || size > uint64(len(b))-off {
		return nil, where.New(where.Malformed, "%s: 0x%x bytes at 0x%x are past the end of %d bytes", what, size, off, len(b)).At(field)
	}
	return b[off : off+size : off+size], nil
}

// payload makes the node of compressed or plain bytes at off.
func payload(data []byte, off int64) node {
	return node{data: data, off: off, packed: codec.Detect(data), claim: -1}
}
