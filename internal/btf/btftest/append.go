package btftest

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"kpkg-btf/internal/btf"
)

// AppendMember returns a base in which a struct has one member more, at its end,
// as if its source had it: what holds the struct by value grows with it, and
// what follows there moves. Ids and strings stay, so a split on the base is
// one on the result. The member's name is some string of the base; its type is
// a struct of it whose size is a multiple of 8, so that nothing moves off its
// alignment, and whose own alignment the grown struct must have. Anything that
// it cannot lay out panics: it is for tests.
func AppendMember(r *btf.Raw, target, typ, member string) []byte {
	a := &appender{r: r, by: map[btf.ID]uint32{}}
	t, ok := r.Find(btf.Struct, target)
	m, okType := r.Find(btf.Struct, typ)
	name := bytes.Index(r.Strings(), []byte("\x00"+member+"\x00"))
	if !ok || !okType || name < 0 || m.SizeType == 0 || m.SizeType%8 != 0 {
		panic(fmt.Sprintf("btftest: cannot append struct %s %s to struct %s", typ, member, target))
	}
	a.target, a.more = t.ID, m.SizeType
	a.words = []uint32{uint32(name) + 1, uint32(m.ID), 8 * t.SizeType}
	a.measure()
	return a.bytes()
}

type appender struct {
	r      *btf.Raw
	target btf.ID
	more   uint32 // bytes of the new member
	words  []uint32
	by     map[btf.ID]uint32 // type -> bytes by which it grows
}

func (a *appender) order() interface {
	binary.ByteOrder
	binary.AppendByteOrder
} {
	if a.r.BigEndian() {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// measure finds what grows, until nothing new does: references lead both ways.
func (a *appender) measure() {
	for again := true; again; {
		again = false
		for t := range a.r.Types {
			if n := a.growth(&t); n != a.by[t.ID] {
				a.by[t.ID], again = n, true
			}
		}
	}
}

func (a *appender) growth(t *btf.Record) (n uint32) {
	switch {
	case t.Kind.Modifier() || t.Kind == btf.Var:
		return a.by[t.Ref()]
	case t.Kind == btf.Array:
		elem, _, count := t.Array()
		return a.by[elem] * count
	case t.Kind.Composite():
		for i := range int(t.Vlen) {
			n += a.by[t.Member(i).Type]
		}
	}
	if n > 0 && t.Kind == btf.Union {
		panic(fmt.Sprintf("btftest: union [%d] holds what grows", t.ID))
	}
	if t.ID == a.target {
		n += a.more
	}
	return n
}

func (a *appender) bytes() []byte {
	h, o := a.r.Header(), a.order()
	grown := uint32(4 * len(a.words))
	out := bytes.Clone(a.r.Bytes()[:h.Len+h.TypeOff])
	for t := range a.r.Types {
		out = append(out, a.record(&t)...)
	}
	out = append(out, a.r.Bytes()[h.Len+h.TypeOff+h.TypeLen:]...)
	o.PutUint32(out[12:], h.TypeLen+grown)
	if h.StrOff > h.TypeOff {
		o.PutUint32(out[16:], h.StrOff+grown)
	}
	if h.LayoutLen > 0 && h.LayoutOff > h.TypeOff {
		o.PutUint32(out[24:], h.LayoutOff+grown)
	}
	return out
}

// record is one record as it is then.
func (a *appender) record(t *btf.Record) []byte {
	const head = 12
	b, o := bytes.Clone(a.r.RecordBytes(t)), a.order()
	add := func(at int, n uint32) { o.PutUint32(b[at:], o.Uint32(b[at:])+n) }
	moved := uint32(0)
	switch {
	case t.Kind == btf.Struct && a.by[t.ID] > 0:
		add(8, a.by[t.ID])
		for i := range int(t.Vlen) {
			add(head+12*i+8, 8*moved)
			moved += a.by[t.Member(i).Type]
		}
	case t.Kind == btf.Datasec:
		for i := range int(t.Vlen) {
			v, _, _ := t.Secinfo(i)
			add(head+12*i+4, moved)
			add(head+12*i+8, a.by[v])
			moved += a.by[v]
		}
		add(8, moved)
	}
	if t.ID == a.target {
		add(4, 1) // vlen
		for _, w := range a.words {
			b = o.AppendUint32(b, w)
		}
	}
	return b
}
