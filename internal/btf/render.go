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
func (r *Raw) CType(id ID) string { return where.Clean(r.ctype(id, "", decl{nest: renderNest})) }

// CDecl renders a declaration of name: "int (*open)(struct inode *)",
// "char name[16]". leaf, unless it is "", stands for the type that Leaf gives:
// "}" ends one that was written out.
func (r *Raw) CDecl(id ID, name, leaf string) string {
	return where.Clean(r.ctype(id, name, decl{nest: renderNest, leaf: leaf, names: true}))
}

// Leaf follows pointers, arrays and qualifiers from a declaration to the type
// that C writes first: a named type, an anonymous one, a FUNC_PROTO. Chains
// longer than 32 links, and ids beyond the last, end in void.
func (r *Raw) Leaf(id ID) Record {
	for range renderSteps {
		t, _ := r.Record(id)
		switch t.Kind {
		case Const, Volatile, Restrict, TypeTag, Ptr:
			id = t.Ref()
		case Array:
			id, _, _ = t.Array()
		default:
			return t
		}
	}
	return Record{}
}

// decl says how a declaration is rendered.
type decl struct {
	leaf  string // stands for the innermost type, "" for its name
	nest  int    // parameter lists within parameter lists that are still written
	names bool   // of parameters
}

// ctype renders around decl, what surrounds the name, from the inside out.
func (r *Raw) ctype(id ID, decl string, how decl) string {
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
			decl = wrap(decl) + "(" + r.params(&t, how) + ")"
		default:
			if how.leaf == "" {
				how.leaf = r.leaf(&t)
			}
			return join(quals, how.leaf, decl)
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

func (r *Raw) params(t *Record, how decl) string {
	if t.Vlen == 0 {
		return "void"
	}
	if how.nest == 0 {
		return "…"
	}
	inner := decl{nest: how.nest - 1}
	var b strings.Builder
	for i := range int(t.Vlen) {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == renderArgs {
			b.WriteString("…")
			break
		}
		off, id := t.Param(i)
		if id == 0 && i == int(t.Vlen)-1 {
			b.WriteString("...")
			break
		}
		name := ""
		if how.names {
			name = r.shortName(off)
		}
		b.WriteString(r.ctype(id, name, inner))
	}
	return b.String()
}
