package edit

import (
	"bytes"

	"kpkg-btf/internal/where"
)

// prove finds the style in which the object was written, such that writing it
// back without an edit gives the input. Nothing is written for that: places,
// headers and gaps are compared.
func (o *Object) prove() error {
	if err := o.shadowed(); err != nil {
		return err
	}
	o.rankAsFound()
	var best error // of the style that holds for most of the file
	var furthest uint64
	for _, o.style = range styles {
		upTo, err := o.identical()
		if err == nil {
			o.rebuilt = o.style.gnu && o.namesByRule()
			return nil
		}
		if best == nil || upTo > furthest {
			best, furthest = err, upTo
		}
	}
	return best
}

// shadowed refuses sections that hold more bytes than the file has: later
// proofs may then rely on their sum.
func (o *Object) shadowed() error {
	var total uint64
	for _, s := range o.secs {
		total += s.fileSize()
	}
	if n := uint64(len(o.file.Bytes())); total > n {
		return where.New(where.Malformed, "sections overlap: they hold %d bytes in a file of %d", total, n).At(int64(o.file.Shoff))
	}
	return nil
}

// identical reports whether the object as it is would be written as the input, or
// up to which offset it would.
func (o *Object) identical() (upTo uint64, err error) {
	f := o.file
	data := f.Bytes()
	if o.style.gnu && o.wantsShndx() != (o.shndx != nil) {
		return 0, o.foreign(0, "extended section indexes where binutils have none, or none where they have them")
	}
	o.number()
	shoff := o.place()
	end := uint64(52)
	if f.Is64 {
		end = 64
	}
	for _, s := range o.inFile() {
		if s.off != s.hdr.Off {
			return end, o.foreign(f.HeaderOff(&s.hdr), "section %s lies at 0x%x, where 0x%x was expected", s.hdr.Name, s.hdr.Off, s.off)
		}
		if end, err = o.gap(data, end, s.off); err != nil {
			return end, err
		}
		end += s.fileSize()
	}
	if shoff != f.Shoff {
		return end, o.foreign(0, "the section headers lie at 0x%x, where 0x%x was expected", f.Shoff, shoff)
	}
	if end, err = o.gap(data, end, shoff); err != nil {
		return end, err
	}
	head := o.header(shoff)
	if n := len(head); !bytes.Equal(head, data[:n]) {
		return shoff, o.foreign(differs(head, data[:n]), "the ELF header is not what its sections make it")
	}
	table := o.table()
	if have := data[shoff:]; !bytes.Equal(table, have) {
		return shoff, o.foreign(int64(shoff)+differs(table, have), "the section headers are not what the sections make them")
	}
	return shoff, nil
}

// gap demands zeros between two contents; it gives how far it looked.
func (o *Object) gap(data []byte, from, to uint64) (uint64, error) {
	for i := from; i < to; i++ {
		if data[i] != 0 {
			return i + 1, o.foreign(int64(i), "a byte of 0x%02x between sections", data[i])
		}
	}
	return max(from, to), nil
}

func (o *Object) foreign(off int64, format string, args ...any) error {
	return where.New(where.Unsupported, "this layout cannot be kept: "+format, args...).At(off).
		WithHint("neutralizing empties a section without moving anything; or let objcopy or strip write the module first")
}

func differs(a, b []byte) int64 {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return int64(i)
		}
	}
	return int64(n)
}

// namesByRule reports whether the name table is what bfd makes of the sections'
// names. Otherwise it is kept, and names are only added.
func (o *Object) namesByRule() bool {
	table, offs := o.buildNames()
	if !bytes.Equal(table, o.names.data) || o.sharedNames() {
		return false
	}
	for i, s := range o.secs {
		if s.hdr.NameOff != offs[i] {
			return false
		}
	}
	return true
}

// sharedNames says that the section names lie in another table's strings.
func (o *Object) sharedNames() bool { return o.symtab != nil && o.symtab.link == o.names }

// buildNames makes the name table in the order in which bfd collects names:
// those of the tables first, then each section's and its relocations'.
func (o *Object) buildNames() (table []byte, offs []uint32) {
	t := newStrtab(len(o.secs) + 3)
	for _, name := range []string{".symtab", ".strtab", ".shstrtab"} {
		if o.symtab != nil || name == ".shstrtab" {
			t.add(name)
		}
	}
	ids := make([]int, len(o.secs))
	for i, s := range o.secs {
		if s != o.shndx {
			ids[i] = t.add(s.hdr.Name)
		}
	}
	for i, s := range o.secs {
		if s == o.shndx {
			ids[i] = t.add(s.hdr.Name)
		}
	}
	table, at := t.finish()
	offs = make([]uint32, len(o.secs))
	for i, id := range ids {
		offs[i] = at[id]
	}
	return table, offs
}
