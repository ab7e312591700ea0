package distill

import (
	"encoding/binary"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

const recordHead = 12

// put writes a 32-bit word in the blob's byte order.
func (d *Distiller) put(b []byte, v uint32) {
	if d.split.BigEndian() {
		binary.BigEndian.PutUint32(b, v)
	} else {
		binary.LittleEndian.PutUint32(b, v)
	}
}

// writeBase writes the outlines and their names.
func (d *Distiller) writeBase() error {
	d.types = d.types[:0]
	d.strs.reset()
	for _, id := range d.reach.outlines {
		t, _ := d.base.Record(id)
		if err := d.writeOutline(&t); err != nil {
			return where.In("base", err)
		}
	}
	d.baseTypes = len(d.types)
	return nil
}

func (d *Distiller) writeOutline(t *btf.Record) error {
	name, ok := d.strs.move(d.base, t.Name)
	switch {
	case !ok:
		return badName(t, t.Pos, t.Name)
	case name == 0:
		return where.New(where.Unsupported, "BTF type [%d] %s has no name: no kernel could find it again", t.ID, t.Kind).At(int64(t.Pos))
	}
	at, info := len(d.types), uint32(t.Kind)<<24
	switch t.Kind {
	case btf.Enum, btf.Enum64:
		if n := t.SizeType; n == 0 || n&(n-1) != 0 || n > 8 {
			return where.New(where.Malformed, "BTF type [%d] is an %s of %d bytes", t.ID, t.Kind, n).At(int64(t.Pos) + 8)
		}
		info = uint32(btf.Enum) << 24
	case btf.Struct, btf.Union:
	default: // as it is
		d.types = append(d.types, d.base.RecordBytes(t)...)
		d.put(d.types[at:], name)
		return nil
	}
	d.types = append(d.types, make([]byte, recordHead)...)
	d.put(d.types[at:], name)
	d.put(d.types[at+4:], info)
	d.put(d.types[at+8:], t.SizeType)
	return nil
}

// writeSplit writes the split's own types, then the appended ones.
func (d *Distiller) writeSplit() error {
	d.strs.toSplit = true
	for t := range d.split.Types {
		if err := d.writeRecord(d.split, &t); err != nil {
			return err
		}
	}
	for _, id := range d.reach.appended {
		t, _ := d.base.Record(id)
		if err := d.writeRecord(d.base, &t); err != nil {
			return where.In("base", err)
		}
	}
	return nil
}

// writeRecord copies a record with new names and ids.
func (d *Distiller) writeRecord(from *btf.Raw, t *btf.Record) error {
	at := len(d.types)
	d.types = append(d.types, from.RecordBytes(t)...)
	rec := d.types[at:]
	for pos, old := range t.Names {
		name, ok := d.strs.move(from, old)
		if !ok {
			return badName(t, pos, old)
		}
		d.put(rec[pos-t.Pos:], name)
	}
	first, shift := d.split.FirstID(), d.split.FirstID()-d.reach.newFirst
	for pos, id := range t.Refs {
		if id < first {
			id = d.reach.ids[id]
		} else {
			id -= shift
		}
		d.put(rec[pos-t.Pos:], uint32(id))
	}
	return nil
}

func badName(t *btf.Record, pos uint32, off btf.StrOff) error {
	return where.New(where.Malformed, "BTF type [%d] %s: name offset %#x is not the beginning of a string", t.ID, t.Kind, uint32(off)).
		At(int64(pos)).WithHint("the module was not built on this base, or its base was changed")
}

// result copies both blobs out of the scratch memory.
func (d *Distiller) result() (*Result, error) {
	ownTypes := d.types[d.baseTypes:]
	if n := max(len(ownTypes)+len(d.strs.split), d.baseTypes+len(d.strs.base)); n > limits.MaxBTF-btf.HeaderLen {
		return nil, where.New(where.Limit, "distilled BTF of %d bytes exceeds the limit of %d", n+btf.HeaderLen, int64(limits.MaxBTF))
	}
	r := &Result{
		Base:  d.blob(d.types[:d.baseTypes], d.strs.base),
		Split: d.blob(ownTypes, d.strs.split),
		first: d.split.FirstID(), end: btf.ID(d.split.NumTypes()), newFirst: d.reach.newFirst,
		old: slices.Clone(d.reach.all), new: make([]btf.ID, len(d.reach.all)),
	}
	for i, id := range r.old {
		r.new[i] = d.reach.ids[id]
	}
	return r, nil
}

// blob puts header, types and strings together as libbpf does.
func (d *Distiller) blob(types, strs []byte) []byte {
	out := make([]byte, btf.HeaderLen, btf.HeaderLen+len(types)+len(strs))
	magic := [2]byte{0x9f, 0xeb}
	if d.split.BigEndian() {
		magic = [2]byte{0xeb, 0x9f}
	}
	copy(out, magic[:])
	out[2] = 1 // version
	for i, v := range []int{btf.HeaderLen, 0, len(types), len(types), len(strs)} {
		d.put(out[4+4*i:], uint32(v))
	}
	return append(append(out, types...), strs...)
}

// Base makes the .BTF.base whose types are the outlines of some types of a
// base, in their order: what a module that was distilled on it carries.
func (d *Distiller) Base(base *btf.Raw, outlines []btf.ID) ([]byte, error) {
	for _, id := range outlines {
		if to, _ := place(base, id); uint32(id) >= base.NumTypes() || to != outline {
			return nil, where.New(where.Malformed, "type [%d] of the base has no outline", id)
		}
	}
	d.split, d.base = base, base
	d.reach.reset(base.NumTypes())
	d.reach.outlines = append(d.reach.outlines, outlines...)
	if err := d.writeBase(); err != nil {
		return nil, err
	}
	return d.blob(d.types, d.strs.base), nil
}
