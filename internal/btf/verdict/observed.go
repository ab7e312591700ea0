package verdict

import (
	"fmt"

	"kpkg-btf/internal/btf"
)

// Seen is one observation of a kernel's own image or config. The zero Seen
// means that nothing was seen.
type Seen struct {
	Known bool
	// Value is 1 for yes and 0 for no, or the number where it is one.
	Value    int64
	Evidence string // "string … in the image", "no FUNC btf_relocate"
}

// Observed is what a kernel says of itself (KERNEL-BTF.md §2.5). It wins over
// the version, because distributions backport.
type Observed struct {
	ModuleBTF       Seen
	AllowMismatch   Seen
	Distilled       Seen
	TagOrder        Seen // checks that type tags precede modifiers
	ChainLength     Seen // limits modifier chains at all
	KfuncMissing    Seen // 1: missing module BTF fails kfunc registration
	DtorMissing     Seen // the same of destructor kfuncs
	KfuncProtoCheck Seen
	KfuncDuplicate  Seen
	MaxKind         Seen // BTF_KIND_MAX
	HeaderSize      Seen // sizeof(struct btf_header)
	KsymNameLen     Seen
}

// With gives the profile with what was observed in place of what the version
// says, and records for each field which it was. A number outside of what any
// known kernel has is taken over as far as this program can follow, and marks
// the profile as assumed.
func (p Profile) With(o Observed) Profile {
	flag := func(f Field, s Seen, to *bool) {
		if s.Known {
			*to = s.Value != 0
			p.evidence[f] = s.Evidence
		}
	}
	flag(FieldModuleBTF, o.ModuleBTF, &p.ModuleBTF)
	flag(FieldAllowMismatch, o.AllowMismatch, &p.AllowMismatch)
	flag(FieldDistilled, o.Distilled, &p.Distilled)
	flag(FieldKfuncProtoCheck, o.KfuncProtoCheck, &p.KfuncProtoCheck)
	flag(FieldKfuncDuplicate, o.KfuncDuplicate, &p.KfuncDuplicate)
	missing := func(f Field, s Seen, to *Errno) {
		if s.Known {
			*to = 0
			if s.Value != 0 {
				*to = ENOENT
			}
			p.evidence[f] = s.Evidence
		}
	}
	missing(FieldKfuncMissing, o.KfuncMissing, &p.KfuncMissing)
	missing(FieldDtorMissing, o.DtorMissing, &p.DtorMissing)
	p.withChain(o.TagOrder, o.ChainLength)
	p.withNumbers(o)
	return p
}

func (p *Profile) withChain(order, length Seen) {
	switch {
	case order.Known && order.Value != 0:
		p.Chain, p.evidence[FieldChain] = ChainOrder, order.Evidence
	case length.Known && length.Value == 0:
		p.Chain, p.evidence[FieldChain] = ChainNone, length.Evidence
	case order.Known && length.Known:
		p.Chain, p.evidence[FieldChain] = ChainLength, order.Evidence+"; "+length.Evidence
	}
}

func (p *Profile) withNumbers(o Observed) {
	if s := o.MaxKind; s.Known {
		p.evidence[FieldKindMax] = s.Evidence
		p.KindMax = btf.Kind(min(max(s.Value, 0), int64(btf.MaxKind)))
		if s.Value > int64(btf.MaxKind) {
			p.Assumed = true
			p.evidence[FieldKindMax] += fmt.Sprintf("; kinds above %d unknown", btf.MaxKind)
		}
	}
	if s := o.HeaderSize; s.Known {
		p.evidence[FieldHeaderSize] = s.Evidence
		p.HeaderSize = btf.HeaderLen
		if s.Value >= btf.HeaderLenLayout {
			p.HeaderSize = btf.HeaderLenLayout
		}
		p.Assumed = p.Assumed || s.Value > btf.HeaderLenLayout
	}
	if s := o.KsymNameLen; s.Known && s.Value > 0 && s.Value < 1<<16 {
		p.KsymNameLen, p.evidence[FieldKsymNameLen] = int(s.Value), s.Evidence
	}
}
