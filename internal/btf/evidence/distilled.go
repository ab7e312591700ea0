package evidence

import (
	"kpkg-btf/internal/btf"
)

// distilled judges a module with a .BTF.base: the split on the distilled base,
// which is its build base in what matters, and that against this base: each
// of its types must exist here by name, as btf_relocate looks them up
// (kernel/bpf/btf_relocate.c, 6.11+). Whether relocation succeeds in full is
// package distill's question.
func (b *Base) distilled(split *btf.Raw, m Module) Result {
	dist := split.Base()
	res := indexTypes(dist).judge(split, m)
	res.Checks[Dedup] = Tally{} // there was nothing to be merged with
	j := judge{base: b, split: dist, res: &res}
	for t := range dist.Types {
		j.t = t
		j.looked(Kinds)
		name, ok := dist.Str(t.Name)
		switch {
		case !distillable(t.Kind):
			j.hit(ruleDistilled, t.Pos, "is no kind for a distilled base")
		case !ok || len(name) == 0:
			j.hit(ruleDistilled, t.Pos, "has no name in the distilled base")
		case !b.has(&t, string(name)):
			j.hit(ruleDistilled, t.Pos, "of the distilled base, size %d, is not in the base", t.SizeType)
		}
	}
	res.Conclusion = Silent
	res.conclude()
	return res
}

func distillable(k btf.Kind) bool {
	switch k {
	case btf.Int, btf.Float, btf.Enum, btf.Enum64, btf.Struct, btf.Union, btf.Fwd:
		return true
	}
	return false
}

// has looks a distilled type up by name. Sizes of scalars must agree; those of
// composites only where the module holds them by value, which is relocation's
// business.
func (b *Base) has(t *btf.Record, name string) bool {
	for c := range b.raw.Named(name) {
		switch t.Kind {
		case btf.Int:
			if c.Kind == btf.Int && c.SizeType == t.SizeType && intEncoding(&c) == intEncoding(t) {
				return true
			}
		case btf.Float:
			if c.Kind == btf.Float && c.SizeType == t.SizeType {
				return true
			}
		case btf.Enum, btf.Enum64: // ENUM64 becomes ENUM on distilling
			if (c.Kind == btf.Enum || c.Kind == btf.Enum64) && c.SizeType == t.SizeType {
				return true
			}
		case btf.Fwd:
			if c.Kind == btf.Fwd || c.Kind.Composite() {
				return true
			}
		default:
			if c.Kind == t.Kind {
				return true
			}
		}
	}
	return false
}

func intEncoding(t *btf.Record) uint8 {
	e, _, _ := t.Int()
	return e
}
