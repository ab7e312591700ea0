package kimage

import (
	"strings"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

// ppcKernel is how the section with the kernel of a powerpc zImage is called:
// ".kernel:vmlinux.strip" (arch/powerpc/boot/wrapper).
const ppcKernel = ".kernel:vmlinux"

// isPPCBoot needs the whole file; of a head it says false and the caller's
// ELF rule holds.
func isPPCBoot(b []byte) bool {
	return ppcSection(b) != nil
}

func ppcSection(b []byte) *elfx.Section {
	if !elfx.Is(b) {
		return nil
	}
	f, err := elfx.Parse(b)
	if err != nil {
		return nil
	}
	for i := range f.Sections {
		if s := &f.Sections[i]; strings.HasPrefix(s.Name, ppcKernel) && s.HasData() {
			return s
		}
	}
	return nil
}

func openPPCBoot(b []byte) ([]node, error) {
	s := ppcSection(b)
	if s.Size < minKernel {
		return nil, where.New(where.Malformed, "section %s of %d bytes", s.Name, s.Size).At(int64(s.Off))
	}
	return []node{payload(b[s.Off:s.Off+s.Size:s.Off+s.Size], int64(s.Off))}, nil
}
