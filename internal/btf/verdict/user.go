package verdict

// maxUser is BTF_MAX_SIZE.
const maxUser = 16 << 20

// User is what a kernel says to BTF without a base that user space loads
// (btf_parse): the checks of a module's BTF, stricter ones on the type section,
// and the second pass, which resolves every type. Nothing is printed; the
// messages go to the loader's own buffer. ptr is the kernel's pointer size, big
// its byte order.
func User(p *Profile, blob []byte, ptr uint32, big bool) Result {
	if len(blob) > maxUser {
		return Result{Errno: E2BIG, Rule: "user.size"}
	}
	r := newRules(p)
	s := newParser(p, &r, big)
	defer s.free()
	s.which, s.first = Split, 1
	if s.header(blob) && s.stringSection() && s.layoutSection() && s.typeSection() && s.metas() {
		v := newResolver(s, nil, ptr)
		if !v.all() {
			v.res.Lines = nil
			return v.res
		}
		if s.chains(1) {
			return accepted
		}
	}
	s.res.Lines = nil
	return s.res
}

// layoutSection mirrors btf_parse_layout_sec (7.1+): four bytes for each kind.
func (s *parser) layoutSection() bool {
	switch n := s.hdr.layoutLen; {
	case !s.knowsLayout() || n == 0:
		return true
	case s.hdr.layoutOff%4 != 0:
		return s.refuse("user.layout.align", EINVAL, 24, "Unaligned layout_off")
	case n < 4:
		return s.refuse("user.layout.small", EINVAL, 28, "Layout section is too small")
	case n%4 != 0:
		return s.refuse("user.layout.multiple", EINVAL, 28, "layout_len is not multiple of 4")
	}
	return true
}

// typeSection mirrors the beginning of btf_parse_type_sec.
func (s *parser) typeSection() bool {
	if s.hdr.typeOff%4 != 0 {
		return s.refuse("user.align", EINVAL, 8, "Unaligned type_off")
	}
	if s.hdr.typeLen == 0 {
		return s.refuse("user.empty", EINVAL, 12, "No type found")
	}
	return true
}
