package pin

import (
	"bytes"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

// prove reads a pinned base and compares it with the new base: every type has
// one place, ids leads to it, and there the record says the same with the ids
// and offsets that hold there; every other id is a filler. A sorted base is
// sorted still.
func prove(new *btf.Raw, data []byte, ids []btf.ID, sorted bool) (*btf.Raw, error) {
	out, err := btf.Parse(data)
	if err != nil {
		return nil, err
	}
	taken := make([]bool, out.NumTypes())
	for t := range new.Types {
		to := ids[t.ID]
		if to == 0 {
			continue // a filler of an earlier run
		}
		is, ok := out.Record(to)
		if !ok || taken[to] || !sameRecord(new, &t, out, &is, ids) {
			return nil, where.New(where.Internal, "type [%d] differs from [%d]", to, t.ID)
		}
		taken[to] = true
	}
	s := &side{raw: out, n: out.NumTypes(), filler: make([]bool, out.NumTypes())}
	s.findFillers()
	protos := 0
	for t := range out.Types {
		switch {
		case taken[t.ID] || s.filler[t.ID]:
		case t.Kind == btf.FuncProto && t.Vlen == 0 && t.Ref() == 0 && protos == 0:
			protos++ // of the fillers, in a base that has no void (void)
		default:
			return nil, where.New(where.Internal, "[%d] is neither a type nor a filler", t.ID)
		}
	}
	if sorted && !out.Sorted() {
		return nil, where.New(where.Internal, "the names are not in order")
	}
	return out, nil
}

// sameRecord compares two records word by word, names by what they say.
func sameRecord(from *btf.Raw, a *btf.Record, out *btf.Raw, b *btf.Record, ids []btf.ID) bool {
	if a.Info() != b.Info() || len(a.Extra) != len(b.Extra) || !sameName(from, a.Name, out, b.Name) {
		return false
	}
	if a.Kind.Shape().HeadRef {
		if ids[a.SizeType] != b.Ref() {
			return false
		}
	} else if a.SizeType != b.SizeType {
		return false
	}
	i, ok := 0, true
	words(a, func(v uint32, kind field) bool {
		w := b.Word(i)
		i++
		switch kind {
		case isName:
			ok = sameName(from, btf.StrOff(v), out, btf.StrOff(w))
		case isRef:
			ok = ids[v] == btf.ID(w)
		default:
			ok = v == w
		}
		return ok
	})
	return ok
}

func sameName(a *btf.Raw, x btf.StrOff, b *btf.Raw, y btf.StrOff) bool {
	s, okS := a.Str(x)
	t, okT := b.Str(y)
	return okS && okT && bytes.Equal(s, t)
}
