package verdict

import (
	"slices"

	"kpkg-btf/internal/btf"
)

const minHeader = 8 // up to and with hdr_len

// header mirrors btf_parse_hdr and, at its end, btf_check_sec_info.
func (s *parser) header(blob []byte) bool {
	s.data = blob
	if len(blob) < minHeader {
		return s.refuse("H1", EINVAL, 0, "hdr_len not found")
	}
	hdrLen := s.word(blob[4:])
	if uint64(len(blob)) < uint64(hdrLen) {
		return s.refuse("H2", EINVAL, 4, "btf_header not found")
	}
	for i := s.p.HeaderSize; i < hdrLen; i++ {
		if blob[i] != 0 {
			return s.refuse("H3", E2BIG, i, "Unsupported btf_header")
		}
	}
	s.readHeader(blob[:min(hdrLen, s.p.HeaderSize)])
	switch {
	case s.hdr.magic != 0xeb9f:
		return s.refuse("H4", EINVAL, 0, "Invalid magic")
	case s.hdr.version != 1:
		return s.refuse("H5", ENOTSUPP, 2, "Unsupported version")
	case s.hdr.flags != 0:
		return s.refuse("H6", ENOTSUPP, 3, "Unsupported flags")
	case s.base == nil && len(blob) == int(s.hdr.len):
		return s.refuse("H7", EINVAL, uint32(len(blob)), "No data")
	}
	return s.sections()
}

// readHeader copies as much as there is over zeros: a hdr_len of 4 to 7 cuts
// hdr_len itself.
func (s *parser) readHeader(b []byte) {
	var full [btf.HeaderLenLayout]byte
	copy(full[:], b)
	s.hdr = header{magic: s.half(full[:]), version: full[2], flags: full[3]}
	for i, f := range []*uint32{
		&s.hdr.len, &s.hdr.typeOff, &s.hdr.typeLen, &s.hdr.strOff, &s.hdr.strLen, &s.hdr.layoutOff, &s.hdr.layoutLen,
	} {
		*f = s.word(full[4+4*i:])
	}
}

// knowsLayout reports whether the kernel and the header know the layout section
// (7.1+).
func (s *parser) knowsLayout() bool {
	return s.p.HeaderSize >= btf.HeaderLenLayout && s.hdr.len >= btf.HeaderLenLayout
}

type section struct{ off, len, field uint32 }

// bySection orders as btf_sec_info_cmp: by signed difference.
func bySection(a, b section) int {
	if d := int32(a.off - b.off); d != 0 {
		return int(d)
	}
	return int(int32(a.len - b.len))
}

// sections mirrors btf_check_sec_info: one after the other without a gap, up
// to the end of the data.
func (s *parser) sections() bool {
	var all [3]section
	secs := append(all[:0], section{s.hdr.typeOff, s.hdr.typeLen, 8}, section{s.hdr.strOff, s.hdr.strLen, 16})
	if s.knowsLayout() && s.hdr.layoutLen != 0 {
		secs = append(secs, section{s.hdr.layoutOff, s.hdr.layoutLen, 24})
	}
	slices.SortStableFunc(secs, bySection)
	total, expected := uint32(0), uint32(len(s.data))-s.hdr.len
	for _, sec := range secs {
		switch {
		case expected < sec.off:
			return s.refuse("S1", EINVAL, sec.field, "Invalid section offset")
		case total < sec.off:
			return s.refuse("S2", EINVAL, sec.field, "Unsupported section found")
		case total > sec.off:
			return s.refuse("S3", EINVAL, sec.field, "Section overlap found")
		case expected-total < sec.len:
			return s.refuse("S4", EINVAL, sec.field+4, "Total section length too long")
		}
		total += sec.len
	}
	if expected != total {
		return s.refuse("S5", EINVAL, s.hdr.len+total, "Unsupported section found")
	}
	return true
}

// stringSection mirrors btf_parse_str_sec.
func (s *parser) stringSection() bool {
	s.typesPos = s.hdr.len + s.hdr.typeOff
	s.types = s.data[s.typesPos:][:s.hdr.typeLen]
	start := s.hdr.len + s.hdr.strOff
	end := uint64(start) + uint64(s.hdr.strLen)
	if !s.knowsLayout() && end != uint64(len(s.data)) {
		return s.refuse("T1", EINVAL, 16, "String section is not at the end")
	}
	s.strs = s.data[start:end]
	if s.base != nil && len(s.strs) == 0 {
		return true
	}
	if len(s.strs) == 0 || s.hdr.strLen-1 > maxNameOffset || s.strs[len(s.strs)-1] != 0 {
		return s.refuse("T2", EINVAL, start, "Invalid string section")
	}
	if s.base == nil && s.strs[0] != 0 {
		return s.refuse("T3", EINVAL, start, "Invalid string section")
	}
	s.ident = s.rules.ident.judge(s.ident, s.strs, s.rules.max)
	return true
}
