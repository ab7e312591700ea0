package kimage

import (
	"bytes"
	"fmt"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

// base finds the base BTF and puts it into f; nil without one.
func (k *kernel) base(f *Facts) (*btf.Raw, error) {
	if k.elf == nil || len(k.elf.Sections) == 0 {
		return k.scanBase(f)
	}
	s, n := btfSection(k.elf)
	if s == nil {
		return nil, nil
	}
	data, err := k.elf.Data(s)
	if err != nil {
		return nil, where.In("ELF", err)
	}
	r, err := btf.Parse(data)
	if err != nil {
		return nil, where.In("ELF", where.In("section .BTF", err))
	}
	f.BTF, f.BTFSize = bytes.Clone(r.Bytes()), int64(len(data))
	f.BTFWhere = "section .BTF"
	if n > 1 {
		f.BTFWhere = fmt.Sprintf("section .BTF (the first of %d)", n)
	}
	f.BTFOnly = btfOnly(k.elf)
	return r, nil
}

// btfSection returns the first .BTF with content and their number. SHT_NOBITS is
// what a split-off debug file has in its place: absent (libbpf issue 894).
func btfSection(f *elfx.File) (first *elfx.Section, n int) {
	for i := range f.Sections {
		s := &f.Sections[i]
		if s.Name == ".BTF" && s.HasData() && s.Size > 0 {
			if n++; first == nil {
				first = s
			}
		}
	}
	return first, n
}

// btfOnly reports whether no other section than .BTF and .BTF_ids would be loaded
// (objcopy -j .BTF -j .BTF_ids vmlinux, Debian's debian/rules.real).
func btfOnly(f *elfx.File) bool {
	for i := range f.Sections {
		s := &f.Sections[i]
		if s.HasData() && s.Size > 0 && s.Flags&elfx.SHFAlloc != 0 && s.Name != ".BTF" && s.Name != ".BTF_ids" {
			return false
		}
	}
	return true
}

// scanBase looks for BTF in raw memory: of the candidates, the one with the
// most types. A kernel carries small ones too (the light skeletons of HID-BPF
// and bpf_preload). Offsets divisible by four come first, but before 6.15 the
// linker script aligned .BTF to nothing, so every other offset counts as well.
func (k *kernel) scanBase(f *Facts) (*btf.Raw, error) {
	var best *btf.Raw
	var at int
	budget := 4 * int64(len(k.data)) // of bytes walked: hits may overlap
	for _, magic := range k.btfMagics() {
		for off := 0; ; off++ {
			i := bytes.Index(k.data[off:], []byte(magic))
			if i < 0 {
				break
			}
			off += i
			r := candidate(k.data[off:], &budget)
			if budget < 0 {
				return nil, where.New(where.Limit, "too many places look like BTF").At(int64(off))
			}
			if r == nil {
				continue
			}
			if best == nil || r.OwnTypes() > best.OwnTypes() ||
				r.OwnTypes() == best.OwnTypes() && at%4 != 0 && off%4 == 0 {
				best, at = r, off
			}
		}
	}
	if best == nil {
		return nil, nil
	}
	f.BTF = bytes.Clone(best.Bytes())
	f.BTFSize = int64(len(f.BTF))
	f.BTFWhere = fmt.Sprintf("scan at 0x%x", at)
	tail := k.data[min((at+len(f.BTF)+3)&^3, len(k.data)):]
	k.tail = tail[:min(len(tail), maxTail)]
	return best, nil
}

// btfMagics returns magic, version 1 and flags 0 in the byte orders to look for.
func (k *kernel) btfMagics() []string {
	const little, big = "\x9f\xeb\x01\x00", "\xeb\x9f\x01\x00"
	switch {
	case !k.hint.known:
		return []string{little, big}
	case k.hint.big:
		return []string{big}
	}
	return []string{little}
}

// maxScannedHeader is the longest header that a scan takes for one.
const maxScannedHeader = 64

// candidate checks what begins with BTF's magic as strictly as the kernel
// checks a header (btf_check_sec_info: sections follow each other without gap
// or overlap), and walks all types. What it reads is taken from the budget.
func candidate(b []byte, budget *int64) *btf.Raw {
	h, err := btf.ReadHeader(b)
	if err != nil || h.Len < btf.HeaderLen || h.Len > maxScannedHeader || h.TypeLen == 0 || h.TypeLen%4 != 0 ||
		h.TypeOff != 0 || h.StrOff != h.TypeLen || h.StrLen == 0 || h.End() > uint64(len(b)) ||
		h.LayoutLen != 0 && h.LayoutOff != h.StrOff+h.StrLen {
		return nil
	}
	if *budget -= int64(h.TypeLen); *budget < 0 {
		return nil
	}
	r, err := btf.Parse(b)
	if err != nil || r.OwnTypes() == 0 {
		return nil
	}
	return r
}
