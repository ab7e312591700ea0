package edit

import (
	"bytes"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

// Bytes writes the object into new memory, or that of Room. It can be called
// once. An edit that leaves something without what it needs is Unsupported.
func (o *Object) Bytes() ([]byte, error) {
	o.settleShndx()
	o.number()
	if err := o.references(); err != nil {
		return nil, err
	}
	if err := o.writeSymbols(); err != nil {
		return nil, err
	}
	o.writeNames()
	shoff := o.place()
	size := shoff + uint64(len(o.secs)+1)*o.shdrSize()
	if !o.file.Is64 && size > 1<<32-1 {
		return nil, where.New(where.Limit, "a 32-bit object of %d bytes", size)
	}
	out := o.room(int(size))
	end := uint64(copy(out, o.header(shoff)))
	for _, s := range o.inFile() {
		clear(out[end:s.off]) // the memory may have been used
		end = s.off + uint64(copy(out[s.off:], s.data))
	}
	clear(out[end:shoff])
	copy(out[shoff:], o.table())
	return out, nil
}

// room is memory of n bytes.
func (o *Object) room(n int) []byte {
	if o.Room == nil {
		return make([]byte, n)
	}
	return o.Room(n)[:n]
}

// writeNames makes the name table: anew, or with what was added at its end.
func (o *Object) writeNames() {
	if o.rebuilt {
		table, offs := o.buildNames()
		for i, s := range o.secs {
			s.hdr.NameOff = offs[i]
		}
		o.names.data, o.names.content = table, true
		return
	}
	table := o.names.data
	for _, s := range o.secs {
		if s.hdr.Index != 0 || s.hdr.Name == "" {
			continue // of the input
		}
		if at := bytes.Index(table, []byte("\x00"+s.hdr.Name+"\x00")); at >= 0 {
			s.hdr.NameOff = uint32(at + 1)
			continue
		}
		s.hdr.NameOff = uint32(len(table))
		table = append(table[:len(table):len(table)], s.hdr.Name+"\x00"...)
		o.names.data, o.names.content = table, true
	}
}

func (o *Object) shdrSize() uint64 {
	if o.file.Is64 {
		return 64
	}
	return 40
}

// header returns the ELF header: the input's, with the place of the section
// table, its length and the number of the name table.
func (o *Object) header(shoff uint64) []byte {
	f := o.file
	w := f.WordSize()
	size := 40 + 3*w
	h := bytes.Clone(f.Bytes()[:size])
	o.putWord(h[24+2*w:], shoff)
	tail := h[24+3*w:]
	num, names := len(o.secs)+1, o.names.index
	if num >= shnLoReserve {
		num = 0
	}
	if names >= shnLoReserve {
		names = elfx.SHNXindex
	}
	f.Order().PutUint16(tail[12:], uint16(num))
	f.Order().PutUint16(tail[14:], uint16(names))
	return h
}

// table gives all section headers. The null section holds the counts that do
// not fit into the ELF header.
func (o *Object) table() []byte {
	size := int(o.shdrSize())
	out := make([]byte, (len(o.secs)+1)*size)
	var null elfx.Section
	if n := len(o.secs) + 1; n >= shnLoReserve {
		null.Size = uint64(n)
	}
	if o.names.index >= shnLoReserve {
		null.Link = o.names.index
	}
	o.putHeader(out, &null)
	for i, s := range o.secs {
		h := s.hdr
		h.Size = s.size()
		if h.Type != elfx.SHTNull {
			h.Off = s.off
		}
		if s.link != nil {
			h.Link = s.link.index
		}
		if s.info != nil {
			h.Info = s.info.index
		}
		o.putHeader(out[(i+1)*size:], &h)
	}
	return out
}

func (o *Object) putHeader(b []byte, h *elfx.Section) {
	order, w := o.file.Order(), o.file.WordSize()
	order.PutUint32(b, h.NameOff)
	order.PutUint32(b[4:], h.Type)
	b = b[8:]
	for _, v := range []uint64{h.Flags, h.Addr, h.Off, h.Size} {
		o.putWord(b, v)
		b = b[w:]
	}
	order.PutUint32(b, h.Link)
	order.PutUint32(b[4:], h.Info)
	o.putWord(b[8:], h.Addralign)
	o.putWord(b[8+w:], h.Entsize)
}

// putWord writes an address-sized number.
func (o *Object) putWord(b []byte, v uint64) {
	if o.file.Is64 {
		o.file.Order().PutUint64(b, v)
		return
	}
	o.file.Order().PutUint32(b, uint32(v))
}
