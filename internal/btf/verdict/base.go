package verdict

import "kpkg-btf/internal/btf"

// area is what a blob continues: the strings and type ids before its own.
type area struct {
	strs  []byte
	first uint32 // ids below this one are the base's: its nr_types
	// kinds of the base's ids, void included.
	kinds []btf.Kind
	// The offsets at which a valid name begins, prepared for a base that is
	// used often; nil for one used once.
	ident, variable, section bits
}

// Base is a kernel's own BTF with what every module's verdict needs of it. It
// is made once for a kernel and is safe for concurrent use.
type Base struct {
	profile Profile
	rules   rules
	area    area
	own     Result
	blob    []byte
	big     bool
	raw     *btf.Raw
	// emptyNamed are base types with a name that is missing: only an INT or
	// a FLOAT can have one.
	emptyNamed []btf.Record
}

// NewBase prepares the base that a kernel carries. When that kernel refuses
// it, Own says why and every module gets its errno. An error says that this
// program cannot read what the kernel would accept.
func NewBase(p *Profile, blob []byte) (*Base, error) {
	b := &Base{profile: *p, rules: newRules(p), blob: blob}
	if len(blob) > 1 {
		b.big = blob[0] == 0xeb && blob[1] == 0x9f
	}
	s := newParser(&b.profile, &b.rules, b.big)
	defer s.free()
	b.own = s.vmlinux(blob)
	if !b.own.OK {
		return b, nil
	}
	b.area.strs = s.strs
	b.area.first = s.total()
	b.area.kinds = s.kinds()
	b.area.ident = b.rules.ident.judge(nil, s.strs, b.rules.max)
	b.area.variable = b.rules.variable.judge(nil, s.strs, b.rules.max)
	b.area.section = b.rules.section.judge(nil, s.strs, b.rules.max)
	raw, err := btf.ParseWith(blob, nil, p.Masks)
	if err != nil {
		return nil, err
	}
	b.raw = raw
	for t := range raw.Types {
		if t.Name == 0 || t.Kind != btf.Int && t.Kind != btf.Float {
			continue
		}
		if b.area.strs[t.Name] == 0 {
			b.emptyNamed = append(b.emptyNamed, t)
		}
	}
	return b, nil
}

// Own is the kernel's verdict on its own base.
func (b *Base) Own() Result { return b.own }

// Profile is what the base was made with.
func (b *Base) Profile() *Profile { return &b.profile }

// Raw is the base as records; nil when the kernel refuses it.
func (b *Base) Raw() *btf.Raw { return b.raw }

// Module is what the kernel of a base says to a module's .BTF and .BTF.base
// (btf_parse_module). distilled is nil when the module has no such section and
// empty when the section has no bytes, which is not the same: from 6.11 the
// latter is refused. A module without .BTF, or with an empty one, is accepted
// here because the kernel does not look.
func (b *Base) Module(split, distilled []byte) Result {
	if len(split) == 0 || !b.profile.ModuleBTF {
		return accepted
	}
	if !b.own.OK {
		r := b.own
		r.Lines = nil // printed once, at boot
		return r
	}
	s := newParser(&b.profile, &b.rules, b.big)
	defer s.free()
	if distilled != nil && b.profile.Distilled {
		return b.relocated(s, split, distilled)
	}
	return s.module(split, &b.area)
}
