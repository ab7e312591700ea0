package encounter

import (
	"encoding/binary"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/ids"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
)

// standIn is a module that refers to its base as a recorded one with a .BTF.base
// does: the very .BTF.base, made again, and a .BTF that holds what that one
// holds and points to all else. To relocation, and to whoever compares meanings,
// it is that module; what is its own is missing, and its own kernel took it.
// nil where that cannot be done.
func standIn(m *Module, d *distill.Distiller) *kmod.Facts {
	x, on := m.Distilled, m.Build.On
	if x == nil || on == nil || on.Base == nil {
		return nil
	}
	base, err := d.Base(on.Base.Raw, x.Outlines)
	if err != nil || kmod.BlobOf(base).Sum() != m.Record.BTF.BaseSHA256 {
		return nil
	}
	h, err := btf.ReadHeader(base)
	if err != nil {
		return nil
	}
	w := standWriter{names: uint32(h.StrLen), order: binary.LittleEndian, next: btf.ID(1 + len(x.Outlines))}
	if h.BigEndian {
		w.order = binary.BigEndian
	}
	f := &kmod.Facts{BTFBase: kmod.BlobOf(base), BigEndian: h.BigEndian}
	f.IDs = &kmod.IDs{Located: !x.UnsureIDs}
	for _, id := range x.IDs {
		f.IDs.Words = append(f.IDs.Words, kmod.IDWord{ID: uint32(id)})
		f.IDs.Data = w.order.AppendUint32(f.IDs.Data, uint32(id))
	}
	if x.UnsureIDs {
		f.IDs.Data = w.order.AppendUint32(f.IDs.Data, ^uint32(0)) // those of its own types
	}
	for _, l := range x.Lists {
		f.IDs.Words = append(f.IDs.Words, kmod.IDWord{ID: l.ID, Name: l.Name, Set: -1})
	}
	for _, symbol := range m.Record.Registers {
		f.Imports = append(f.Imports, kmod.Import{Name: symbol})
	}
	f.BTF = kmod.BlobOf(w.write(x, &f.IDs.Sets))
	return f
}

// sameForm reports whether what a module's own kernel took for its form another
// one takes too.
func sameForm(k, on *kernel.Kernel) bool {
	return on.Rules() != nil && k.Rules().Profile().SameRules(on.Rules().Profile())
}

// standWriter writes the BTF of a stand-in.
type standWriter struct {
	order       binary.AppendByteOrder
	types, strs []byte
	names       uint32 // bytes of the strings below its own
	next        btf.ID
}

func (w *standWriter) words(list ...uint32) {
	for _, v := range list {
		w.types = w.order.AppendUint32(w.types, v)
	}
}

// record writes the head of a nameless record and returns its id.
func (w *standWriter) record(kind btf.Kind, elements int, sizeType uint32) btf.ID {
	w.words(0, uint32(kind)<<24|uint32(elements), sizeType)
	w.next++
	return w.next - 1
}

// write writes the types: for each of .BTF.base a union of it where it is held
// in a struct, a prototype with it where it is embedded otherwise, else a
// pointer; and the functions that are registered, as a set.
func (w *standWriter) write(x *manifest.DistilledRefs, sets *[]kmod.IDSet) []byte {
	inline, embedded := x.Inline, x.Embedded
	at := func(list *[]btf.ID, id btf.ID) bool {
		if len(*list) == 0 || (*list)[0] != id {
			return false
		}
		*list = (*list)[1:]
		return true
	}
	for i := range x.Outlines {
		id := btf.ID(i + 1)
		held, part := at(&inline, id), at(&embedded, id)
		switch {
		case held:
			w.record(btf.Union, 1, 0)
			w.words(0, uint32(id), 0)
		case part:
			w.record(btf.FuncProto, 1, 0)
			w.words(0, uint32(id))
		default:
			w.record(btf.Ptr, 0, uint32(id))
		}
	}
	if len(x.Kfuncs) > 0 {
		proto := w.record(btf.FuncProto, 0, 0)
		set := kmod.IDSet{Name: "kfuncs", Set8: true, Flags: ids.KfuncMark}
		for _, name := range x.Kfuncs {
			w.words(w.names+uint32(len(w.strs)), uint32(btf.Func)<<24, uint32(proto))
			w.strs = append(append(w.strs, name...), 0)
			set.IDs = append(set.IDs, uint32(w.next))
			w.next++
		}
		*sets = append(*sets, set)
	}
	out := make([]byte, 0, btf.HeaderLen+len(w.types)+len(w.strs))
	out = append(w.order.AppendUint16(out, 0xeb9f), 1, 0) // magic, version, flags
	for _, v := range []int{btf.HeaderLen, 0, len(w.types), len(w.types), len(w.strs)} {
		out = w.order.AppendUint32(out, uint32(v))
	}
	return append(append(out, w.types...), w.strs...)
}
