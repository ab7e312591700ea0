package verdict

import (
	"fmt"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/tri"
)

// With returns the profile with what the kernel shows of itself
// (docs/kernel-rules.md, "Abilities") in place of what the version says, because
// distributions backport, and records for each field which it was. A number
// outside of what any known kernel has is taken over as far as this program can follow, and marks
// the profile as assumed.
func (p Profile) With(o *ability.Set) Profile {
	flag := func(f Field, s ability.Fact, to *bool) {
		if yes, ok := s.Flag(); ok {
			*to = yes
			p.evidence[f] = s.Evidence
		}
	}
	flag(FieldModuleBTF, o.ModuleBTF, &p.ModuleBTF)
	flag(FieldAllowMismatch, o.AllowMismatch, &p.AllowMismatch)
	flag(FieldDistilled, o.Distilled, &p.Distilled)
	flag(FieldKfuncProtoCheck, o.KfuncProtoCheck, &p.KfuncProtoCheck)
	flag(FieldKfuncDuplicate, o.KfuncDuplicate, &p.KfuncDuplicate)
	missing := func(f Field, s ability.Fact, to *Errno) {
		if yes, ok := s.Flag(); ok {
			*to = 0
			if yes {
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

func (p *Profile) withChain(order, length ability.Fact) {
	switch {
	case order.Is == tri.Yes:
		p.Chain, p.evidence[FieldChain] = ChainOrder, order.Evidence
	case length.Is == tri.No:
		p.Chain, p.evidence[FieldChain] = ChainNone, length.Evidence
	case order.Is == tri.No && length.Is == tri.Yes:
		p.Chain, p.evidence[FieldChain] = ChainLength, order.Evidence+"; "+length.Evidence
	}
}

func (p *Profile) withNumbers(o *ability.Set) {
	if n, ok := o.MaxKind.Number(); ok {
		p.evidence[FieldKindMax] = o.MaxKind.Evidence
		p.KindMax = btf.Kind(min(n, int64(btf.MaxKind)))
		if n > int64(btf.MaxKind) {
			p.Assumed = true
			p.evidence[FieldKindMax] += fmt.Sprintf("; kinds above %d unknown", btf.MaxKind)
		}
	}
	if n, ok := o.HeaderSize.Number(); ok {
		p.evidence[FieldHeaderSize] = o.HeaderSize.Evidence
		p.HeaderSize = btf.HeaderLen
		if n >= btf.HeaderLenLayout {
			p.HeaderSize = btf.HeaderLenLayout
		}
		p.Assumed = p.Assumed || n > btf.HeaderLenLayout
	}
	if n, ok := o.KsymNameLen.Number(); ok && n < 1<<16 {
		p.KsymNameLen, p.evidence[FieldKsymNameLen] = int(n), o.KsymNameLen.Evidence
	}
}
