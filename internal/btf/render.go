package btf

import (
	"fmt"
	"strconv"
	"strings"

	"kpkg-btf/internal/where"
)

const (
	renderSteps = 32 // links followed in one declarator
	renderNest  = 2  // parameter lists within parameter lists
	renderArgs  = 16
	renderName  = 128 // bytes of one name
)

// shortName is a name for messages, cut when it is no sane name.
func (r *Raw) shortName(off StrOff) string {
	s, _ := r.Str(off)
	if len(s) > renderName {
		return string(s[:renderName]) + "…"
	}
	return string(s)
}

// Label names a record for messages: `[113912] STRUCT nf_foo`.
func (r *Raw) Label(id ID) string {
	t, ok := r.Record(id)
	if !ok {
		return fmt.Sprintf("[%d] beyond the last id %d", id, r.NumTypes()-1)
	}
	if id == 0 {
		return "[0] void"
	}
	name := r.shortName(t.Name)
	if name == "" {
		name = "(anon)"
	}
	return where.Clean(fmt.Sprintf("[%d] %s %s", id, t.Kind, name))
}

// CType renders a type reference as C does: "const struct net *",
// "int (*)(struct sk_buff *, int)". Chains longer than 32 links end in "…".
func (r *Raw) CType(id ID) string { return where.Clean(r.ctype(id, renderNest)) }

func (r *Raw) ctype(id ID, nest int) string {
	decl := "" // what surrounds the name, from the inside out
	var quals []string
	for range renderSteps {
		t, ok := r.Record(id)
		if !ok {
			return join(quals, "?["+strconv.FormatUint(uint64(id), 10)+"]", decl)
		}
		switch t.Kind {
		case Const, Volatile, Restrict:
			quals = append(quals, strings.ToLower(t.Kind.String()))
		case TypeTag:
			quals = append(quals, "__"+r.shortName(t.Name))
		case Ptr:
			q := strings.Join(quals, " ")
			if q != "" && decl != "" {
				q += " "
			}
			decl, quals = "*"+q+decl, nil
		case Array:
			elem, _, n := t.Array()
			decl = wrap(decl) + "[" + strconv.FormatUint(uint64(n), 10) + "]"
			id = elem
			continue
		case FuncProto:
			decl = wrap(decl) + "(" + r.params(&t, nest) + ")"
		default:
			return join(quals, r.leaf(&t), decl)
		}
		id = t.Ref()
	}
	return join(quals, "…", decl)
}

// wrap puts parentheses round a pointer declarator.
func wrap(decl string) string {
	if strings.HasPrefix(decl, "*") {
		return "(" + decl + ")"
	}
	return decl
}

func join(quals []string, leaf, decl string) string {
	s := strings.Join(append(quals, leaf), " ")
	if decl != "" {
		s += " " + decl
	}
	return s
}

func (r *Raw) leaf(t *Record) string {
	name := r.shortName(t.Name)
	word := ""
	switch t.Kind {
	case Void:
		return "void"
	case Struct:
		word = "struct "
	case Union:
		word = "union "
	case Enum, Enum64:
		word = "enum "
	case Fwd:
		word = "struct "
		if t.KFlag {
			word = "union "
		}
	case Int, Float, Typedef:
	default: // FUNC, VAR, DATASEC, DECL_TAG: no C type
		return t.Kind.String() + " " + name
	}
	if name == "" {
		name = "(anon)"
	}
	return word + name
}

func (r *Raw) params(t *Record, nest int) string {
	if t.Vlen == 0 {
		return "void"
	}
	if nest == 0 {
		return "…"
	}
	var b strings.Builder
	for i := range int(t.Vlen) {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == renderArgs {
			b.WriteString("…")
			break
		}
		_, id := t.Param(i)
		if id == 0 && i == int(t.Vlen)-1 {
			b.WriteString("...")
			break
		}
		b.WriteString(r.ctype(id, nest-1))
	}
	return b.String()
}
