package kimage

import (
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/where"
)

// crcs takes the checksums from __kcrctab, where there is one: four bytes a
// symbol, in the order of the symbols.
func (t *table) crcs(out []symvers.Symbol, suffix string) error {
	s := t.f.Section(kcrctab + suffix)
	if s == nil || !s.HasData() {
		return nil
	}
	data, err := t.f.Data(s)
	if err != nil {
		return err
	}
	if len(data) != 4*len(out) {
		return where.New(where.Malformed, "%s has %d bytes for %d symbols", s.Name, len(data), len(out)).At(int64(s.Off))
	}
	crc := func(i int) uint32 { return t.f.U32(data[4*i:]) }
	if to := t.distances(s, data); to != nil {
		target := t.f.RawData(to)
		crc = func(i int) uint32 {
			if d := t.f.U32(data[4*i:]); d != 0 {
				return t.f.U32(target[distance(s, i, d)-to.Addr:])
			}
			return 0
		}
	}
	for i := range out {
		out[i].CRC = crc(i)
		out[i].HasCRC = out[i].CRC != 0
	}
	return nil
}

// distance returns the address that the entry i of s, if it is a signed distance
// d from itself, leads to.
func distance(s *elfx.Section, i int, d uint32) uint64 {
	return s.Addr + 4*uint64(i) + uint64(int64(int32(d)))
}

// leastDistances is how many entries must lead into one section: a true
// checksum does so with a chance of less than 1 in 100.
const leastDistances = 8

// distances reports whether the entries are no checksums but distances to them,
// as CONFIG_MODULE_REL_CRCS had it up to 5.18 (arm64, ppc64): then it gives the
// section that all of them lead into, else nil.
func (t *table) distances(s *elfx.Section, data []byte) *elfx.Section {
	var to *elfx.Section
	n := 0
	for i := range len(data) / 4 {
		d := t.f.U32(data[4*i:])
		if d == 0 {
			continue
		}
		addr := distance(s, i, d)
		if n++; n == 1 {
			to = t.holding(addr)
		}
		if to == nil || addr < to.Addr || addr-to.Addr > to.Size-4 {
			return nil
		}
	}
	if n < leastDistances {
		return nil
	}
	return to
}

// holding returns the loaded section that has content for four bytes at addr.
func (t *table) holding(addr uint64) *elfx.Section {
	for i := range t.f.Sections {
		s := &t.f.Sections[i]
		if s.HasData() && !s.Compressed() && s.Flags&elfx.SHFAlloc != 0 && s.Size >= 4 && addr >= s.Addr && addr-s.Addr <= s.Size-4 {
			return s
		}
	}
	return nil
}
