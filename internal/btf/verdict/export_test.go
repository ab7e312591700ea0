package verdict

import "kpkg-btf/internal/btf"

// Vmlinux is what a kernel says to its own base (btf_parse_base; up to 6.10
// btf_parse_vmlinux).
func Vmlinux(p *Profile, blob []byte) Result {
	b, err := NewBase(p, blob)
	if err != nil {
		return Result{Errno: EINVAL, Rule: "unreadable", Text: err.Error(), Blob: Own}
	}
	return b.own
}

// Fields are all fields in the order they are reported.
func Fields() []Field {
	out := make([]Field, numFields)
	for i := range out {
		out[i] = Field(i)
	}
	return out
}

// Sound is the first thing in a module's BTF that a strict consumer (libbpf,
// CO-RE, a BPF loader) would trip over although the kernel's module path takes
// it: the kernel's own second pass, which no kernel runs for modules, over the
// module on its base. The base itself is taken as sound. distilled, when
// there is one, takes the base's place. ptr is the pointer size.
func (b *Base) Sound(split, distilled []byte, ptr uint32) Result {
	if len(split) == 0 {
		return accepted
	}
	if !b.own.OK {
		return b.own
	}
	p := strictest
	under, on := &b.area, b.raw
	if len(distilled) != 0 {
		raw, err := btf.ParseWith(distilled, nil, p.Masks)
		if err != nil {
			return Result{Errno: EINVAL, Rule: "sound.base", Text: err.Error(), Blob: Distilled}
		}
		on, under = raw, areaOf(raw)
	}
	r := newRules(&p)
	s := newParser(&p, &r, b.big)
	defer s.free()
	if res := s.module(split, &area{strs: under.strs, first: under.first, kinds: under.kinds}); !res.OK {
		res.Lines = nil
		return res
	}
	v := newResolver(s, on, ptr)
	if v.all() {
		return accepted
	}
	v.res.Lines = nil
	return v.res
}

// strictest reads every kind there is with the rules that producers follow.
var strictest = ForVersion(7, 3, 0)

func areaOf(raw *btf.Raw) *area {
	a := &area{strs: raw.Strings(), first: raw.NumTypes(), kinds: make([]btf.Kind, 1, raw.NumTypes())}
	for t := range raw.Types {
		a.kinds = append(a.kinds, t.Kind)
	}
	return a
}
