package btftest

import "kpkg-btf/internal/btf"

// Member of a STRUCT or UNION; Bits is the size of a bitfield.
type Member struct {
	Name string
	Type btf.ID
	Bit  uint32
	Bits uint32
}

// M is a member at a byte offset.
func M(name string, t btf.ID, byteOff uint32) Member {
	return Member{Name: name, Type: t, Bit: 8 * byteOff}
}

// BF is a bitfield at a bit offset.
func BF(name string, t btf.ID, bitOff, bits uint32) Member {
	return Member{Name: name, Type: t, Bit: bitOff, Bits: bits}
}

// Param is a parameter of a FUNC_PROTO.
type Param struct {
	Name string
	Type btf.ID
}

// P is a parameter.
func P(name string, t btf.ID) Param { return Param{name, t} }

// E is an enumerator.
type E struct {
	Name  string
	Value int64
}

// Entry is a variable in a DATASEC.
type Entry struct {
	Var       btf.ID
	Off, Size uint32
}

// Int adds an INT of size bytes.
func (b *Builder) Int(name string, size, encoding uint32) btf.ID {
	return b.add(btf.Int, false, 0, name, size, encoding<<24|8*size)
}

// Float adds a FLOAT.
func (b *Builder) Float(name string, size uint32) btf.ID {
	return b.add(btf.Float, false, 0, name, size)
}

// Ptr adds a PTR.
func (b *Builder) Ptr(to btf.ID) btf.ID { return b.add(btf.Ptr, false, 0, "", uint32(to)) }

// Const adds a CONST.
func (b *Builder) Const(of btf.ID) btf.ID { return b.add(btf.Const, false, 0, "", uint32(of)) }

// Volatile adds a VOLATILE.
func (b *Builder) Volatile(of btf.ID) btf.ID { return b.add(btf.Volatile, false, 0, "", uint32(of)) }

// Restrict adds a RESTRICT.
func (b *Builder) Restrict(of btf.ID) btf.ID { return b.add(btf.Restrict, false, 0, "", uint32(of)) }

// Typedef adds a TYPEDEF.
func (b *Builder) Typedef(name string, of btf.ID) btf.ID {
	return b.add(btf.Typedef, false, 0, name, uint32(of))
}

// TypeTag adds a TYPE_TAG.
func (b *Builder) TypeTag(name string, of btf.ID) btf.ID {
	return b.add(btf.TypeTag, false, 0, name, uint32(of))
}

// DeclTag adds a DECL_TAG on a type (index -1) or on its index-th component.
func (b *Builder) DeclTag(name string, on btf.ID, index int32) btf.ID {
	return b.add(btf.DeclTag, false, 0, name, uint32(on), uint32(index))
}

// Array adds an ARRAY.
func (b *Builder) Array(elem, index btf.ID, n uint32) btf.ID {
	return b.add(btf.Array, false, 0, "", 0, uint32(elem), uint32(index), n)
}

// Fwd adds a FWD of a struct or a union.
func (b *Builder) Fwd(name string, union bool) btf.ID { return b.add(btf.Fwd, union, 0, name, 0) }

// Struct adds a STRUCT; the name "" is anonymous.
func (b *Builder) Struct(name string, size uint32, members ...Member) btf.ID {
	return b.composite(btf.Struct, name, size, members)
}

// Union adds a UNION.
func (b *Builder) Union(name string, size uint32, members ...Member) btf.ID {
	return b.composite(btf.Union, name, size, members)
}

func (b *Builder) composite(kind btf.Kind, name string, size uint32, members []Member) btf.ID {
	b.Str(name)
	kflag := false
	for _, m := range members {
		kflag = kflag || m.Bits != 0
	}
	var words []uint32
	for _, m := range members {
		off := m.Bit
		if kflag {
			off |= m.Bits << 24
		}
		words = append(words, uint32(b.Str(m.Name)), uint32(m.Type), off)
	}
	return b.add(kind, kflag, len(members), name, size, words...)
}

// Enum adds an ENUM, signed when a value is negative.
func (b *Builder) Enum(name string, size uint32, values ...E) btf.ID {
	return b.enum(btf.Enum, name, size, values)
}

// Enum64 adds an ENUM64.
func (b *Builder) Enum64(name string, size uint32, values ...E) btf.ID {
	return b.enum(btf.Enum64, name, size, values)
}

func (b *Builder) enum(kind btf.Kind, name string, size uint32, values []E) btf.ID {
	b.Str(name)
	signed := false
	var words []uint32
	for _, v := range values {
		signed = signed || v.Value < 0
		words = append(words, uint32(b.Str(v.Name)), uint32(v.Value))
		if kind == btf.Enum64 {
			words = append(words, uint32(uint64(v.Value)>>32))
		}
	}
	return b.add(kind, signed, len(values), name, size, words...)
}

// Proto adds a FUNC_PROTO.
func (b *Builder) Proto(ret btf.ID, params ...Param) btf.ID {
	var words []uint32
	for _, p := range params {
		words = append(words, uint32(b.Str(p.Name)), uint32(p.Type))
	}
	return b.add(btf.FuncProto, false, len(params), "", uint32(ret), words...)
}

// Func adds a FUNC with static linkage, as pahole gives every kernel function.
func (b *Builder) Func(name string, proto btf.ID) btf.ID {
	return b.add(btf.Func, false, 0, name, uint32(proto))
}

// Var adds a global VAR.
func (b *Builder) Var(name string, t btf.ID) btf.ID {
	return b.add(btf.Var, false, 0, name, uint32(t), 1)
}

// Datasec adds a DATASEC.
func (b *Builder) Datasec(name string, size uint32, entries ...Entry) btf.ID {
	var words []uint32
	for _, e := range entries {
		words = append(words, uint32(e.Var), e.Off, e.Size)
	}
	return b.add(btf.Datasec, false, len(entries), name, size, words...)
}
