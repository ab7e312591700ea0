package btftest

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/btf"
)

// Dump writes the own types of r as `bpftool btf dump file … format raw` (7.1 to
// 7.5) does.
func Dump(r *btf.Raw) string {
	var b strings.Builder
	for t := range r.Types {
		name := r.Name(t.Name)
		if name == "" {
			name = "(anon)"
		}
		fmt.Fprintf(&b, "[%d] %s '%s'", t.ID, t.Kind, name)
		dumpHead(&b, &t)
		b.WriteByte('\n')
		dumpElems(&b, r, &t)
	}
	return b.String()
}

func dumpHead(b *strings.Builder, t *btf.Record) {
	switch t.Kind {
	case btf.Int:
		enc, off, bits := t.Int()
		word := map[uint8]string{0: "(none)", 1: "SIGNED", 2: "CHAR", 4: "BOOL"}[enc]
		fmt.Fprintf(b, " size=%d bits_offset=%d nr_bits=%d encoding=%s", t.SizeType, off, bits, word)
	case btf.Ptr, btf.Const, btf.Volatile, btf.Restrict, btf.Typedef, btf.TypeTag:
		fmt.Fprintf(b, " type_id=%d", t.Ref())
	case btf.Array:
		elem, index, n := t.Array()
		fmt.Fprintf(b, " type_id=%d index_type_id=%d nr_elems=%d", elem, index, n)
	case btf.Struct, btf.Union, btf.Datasec:
		fmt.Fprintf(b, " size=%d vlen=%d", t.SizeType, t.Vlen)
	case btf.Enum, btf.Enum64:
		sign := "UNSIGNED"
		if t.KFlag {
			sign = "SIGNED"
		}
		fmt.Fprintf(b, " encoding=%s size=%d vlen=%d", sign, t.SizeType, t.Vlen)
	case btf.Fwd:
		word := "struct"
		if t.KFlag {
			word = "union"
		}
		fmt.Fprintf(b, " fwd_kind=%s", word)
	case btf.Func:
		fmt.Fprintf(b, " type_id=%d linkage=%s", t.Ref(), []string{"static", "global", "extern"}[t.Vlen])
	case btf.FuncProto:
		fmt.Fprintf(b, " ret_type_id=%d vlen=%d", t.Ref(), t.Vlen)
	case btf.Var:
		fmt.Fprintf(b, " type_id=%d, linkage=%s", t.Ref(), []string{"static", "global", "extern"}[t.Word(0)])
	case btf.Float:
		fmt.Fprintf(b, " size=%d", t.SizeType)
	case btf.DeclTag:
		fmt.Fprintf(b, " type_id=%d component_idx=%d", t.Ref(), int32(t.Word(0)))
	}
}

func dumpElems(b *strings.Builder, r *btf.Raw, t *btf.Record) {
	named := func(off btf.StrOff) string {
		if off == 0 {
			return "(anon)"
		}
		return r.Name(off)
	}
	if t.Kind.Shape().Elem == 0 {
		return
	}
	for i := range int(t.Vlen) {
		switch t.Kind {
		case btf.Struct, btf.Union:
			m := t.Member(i)
			fmt.Fprintf(b, "\t'%s' type_id=%d bits_offset=%d", named(m.Name), m.Type, m.BitOff)
			if m.BitSize != 0 {
				fmt.Fprintf(b, " bitfield_size=%d", m.BitSize)
			}
		case btf.Enum, btf.Enum64:
			name, v := t.Enumerator(i)
			if t.KFlag {
				fmt.Fprintf(b, "\t'%s' val=%d", named(name), int64(v))
			} else {
				fmt.Fprintf(b, "\t'%s' val=%d", named(name), v)
			}
			switch {
			case t.Kind == btf.Enum64 && t.KFlag:
				b.WriteString("LL")
			case t.Kind == btf.Enum64:
				b.WriteString("ULL")
			}
		case btf.FuncProto:
			name, id := t.Param(i)
			fmt.Fprintf(b, "\t'%s' type_id=%d", named(name), id)
		case btf.Datasec:
			v, off, size := t.Secinfo(i)
			fmt.Fprintf(b, "\ttype_id=%d offset=%d size=%d", v, off, size)
			if x, ok := r.Record(v); ok {
				fmt.Fprintf(b, " (%s '%s')", x.Kind, named(x.Name))
			}
		}
		b.WriteByte('\n')
	}
}
