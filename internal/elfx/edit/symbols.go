package edit

import (
	"bytes"
	"slices"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

const (
	shnLoReserve = 0xff00
	// shndxFrom is the count of sections beyond which bfd writes .symtab_shndx
	// (bfd/elf.c, assign_section_numbers).
	shndxFrom = 0xfefe
)

// symbols is the symbol table of the input.
type symbols struct {
	tab   elfx.Symtab
	raw   []byte
	words []byte // the input's extended section indexes, nil without
	count int
	entry int
	field int // offset of st_shndx in an entry
}

// openSymbols checks the symbol table and every section number in it.
func (o *Object) openSymbols() (err error) {
	if o.symtab == nil {
		if o.shndx != nil {
			return where.New(where.Malformed, "extended section indexes without symbols").At(o.file.HeaderOff(&o.shndx.hdr))
		}
		return nil
	}
	y := &o.symbols
	if y.tab, err = o.file.SymtabOf(&o.symtab.hdr); err != nil {
		return err
	}
	y.raw, y.entry, y.field = o.symtab.data, int(o.symtab.hdr.Entsize), 14
	if o.file.Is64 {
		y.field = 6
	}
	y.count = len(y.raw) / y.entry
	if o.shndx != nil {
		y.words = o.shndx.data
		if o.shndx.link != o.symtab || len(y.words) != 4*y.count {
			return where.New(where.Malformed, "%d bytes of extended section indexes for %d symbols", len(y.words), y.count).At(o.file.HeaderOff(&o.shndx.hdr))
		}
	}
	for i := range y.count {
		if n := o.symbolSection(i); n >= uint32(len(o.byOld)) {
			return where.New(where.Malformed, "symbol %d lies in section %d of %d", i, n, len(o.byOld)-1).At(int64(o.symtab.hdr.Off) + int64(i*y.entry))
		}
	}
	return nil
}

// symbolSection returns the section of symbol i of the input, 0 for the
// undefined and those of reserved numbers.
func (o *Object) symbolSection(i int) uint32 {
	y := &o.symbols
	n := uint32(o.file.U16(y.raw[i*y.entry+y.field:]))
	switch {
	case n == elfx.SHNXindex && y.words != nil:
		return o.file.U32(y.words[4*i:])
	case n >= shnLoReserve:
		return 0
	}
	return n
}

// wantsShndx is bfd's rule for .symtab_shndx: the number of the section after
// .symtab no longer fits.
func (o *Object) wantsShndx() bool {
	return o.symtab != nil && slices.Index(o.secs, o.symtab)+2 > shndxFrom
}

// settleShndx drops or makes .symtab_shndx after the sections became fewer or
// more. Objects of other tools keep what they have.
func (o *Object) settleShndx() {
	if !o.style.gnu || o.wantsShndx() == (o.shndx != nil) {
		return
	}
	if o.shndx != nil {
		o.secs = slices.DeleteFunc(o.secs, func(s *section) bool { return s == o.shndx })
		o.shndx = nil
		return
	}
	o.shndx = &section{
		hdr:  elfx.Section{Name: ".symtab_shndx", Type: elfx.SHTSymtabShndx, Addralign: 4, Entsize: 4},
		link: o.symtab,
	}
	o.secs = slices.Insert(o.secs, slices.Index(o.secs, o.symtab)+1, o.shndx)
}

// writeSymbols writes the section numbers of all symbols anew, and drops the
// symbols of sections that are gone.
func (o *Object) writeSymbols() error {
	if o.symtab == nil {
		return nil
	}
	y := &o.symbols
	if o.symbolsStay() {
		return nil
	}
	numbers, keep := make([]uint32, y.count), 0 // new numbers; 0 is gone
	for i := range y.count {
		if n := o.symbolSection(i); n == 0 || o.byOld[n] != nil {
			numbers[i] = uint32(keep)
			keep++
		}
	}
	if keep < y.count {
		if err := o.renumberSymbols(numbers); err != nil {
			return err
		}
	}
	return o.copySymbols(numbers, keep)
}

// symbolsStay says that no symbol's section got another number.
func (o *Object) symbolsStay() bool {
	if (o.shndx != nil) != (o.symbols.words != nil) {
		return false
	}
	for i := range o.symbols.count {
		if n := o.symbolSection(i); n != 0 && (o.byOld[n] == nil || o.byOld[n].index != n) {
			return false
		}
	}
	return true
}

func (o *Object) copySymbols(numbers []uint32, keep int) error {
	y, f := &o.symbols, o.file
	table := make([]byte, 0, keep*y.entry)
	var words []byte
	if o.shndx != nil {
		words = make([]byte, 4*keep)
	}
	for i := range y.count {
		if i != 0 && numbers[i] == 0 {
			continue
		}
		at := len(table)
		table = append(table, y.raw[i*y.entry:][:y.entry]...)
		n := o.symbolSection(i)
		if n == 0 {
			continue
		}
		n = o.byOld[n].index
		if n >= shnLoReserve {
			if words == nil {
				return where.New(where.Unsupported, "symbol %d would lie in section %d, and the object has no extended section indexes", i, n)
			}
			f.Order().PutUint32(words[4*int(numbers[i]):], n)
			n = elfx.SHNXindex
		}
		f.Order().PutUint16(table[at+y.field:], uint16(n))
	}
	o.symtab.data = table
	if words != nil {
		o.shndx.data = words
	}
	return nil
}

// renumberSymbols writes the numbers of symbols anew wherever they stand,
// after some went. Whatever needs one of those is refused.
func (o *Object) renumberSymbols(numbers []uint32) error {
	locals := o.symtab.hdr.Info
	if locals > uint32(len(numbers)) {
		return where.New(where.Malformed, "%d local symbols of %d", locals, len(numbers)).At(o.file.HeaderOff(&o.symtab.hdr))
	}
	for _, n := range numbers[min(1, locals):locals] {
		if n == 0 {
			o.symtab.hdr.Info--
		}
	}
	for _, s := range o.secs {
		if s.link != o.symtab || s == o.shndx {
			continue
		}
		var err error
		switch {
		case s.isReloc():
			err = o.renumberRelocs(s, numbers)
		case s.hdr.Type == elfx.SHTGroup:
			s.hdr.Info, err = o.renumber(s, numbers, s.hdr.Info)
		default:
			err = where.New(where.Unsupported, "section %s of type 0x%x may number symbols", s.hdr.Name, s.hdr.Type).At(o.file.HeaderOff(&s.hdr))
		}
		if err != nil {
			return err
		}
	}
	o.dropNames(numbers)
	return nil
}

func (o *Object) renumber(s *section, numbers []uint32, sym uint32) (uint32, error) {
	if sym == 0 {
		return 0, nil
	}
	if uint64(sym) >= uint64(len(numbers)) {
		return 0, where.New(where.Malformed, "section %s: symbol %d of %d", s.hdr.Name, sym, len(numbers)).At(int64(s.hdr.Off))
	}
	if numbers[sym] == 0 {
		return 0, where.New(where.Unsupported, "section %s needs symbol %d, which lies in a section to be removed", s.hdr.Name, sym).At(int64(s.hdr.Off))
	}
	return numbers[sym], nil
}

// renumberRelocs patches r_info: the symbol is its upper half (of 64 bits) or
// upper 24 bits (of 32), on little-endian MIPS64 its first word.
func (o *Object) renumberRelocs(s *section, numbers []uint32) error {
	f := o.file
	relocs, err := f.RelocsOf(&s.hdr)
	if err != nil {
		return err
	}
	data := bytes.Clone(s.data)
	entry, word := int(s.hdr.Entsize), f.WordSize()
	for i, r := range relocs.All() {
		n, err := o.renumber(s, numbers, r.Sym)
		if err != nil {
			return err
		}
		info := data[i*entry+word:]
		switch {
		case !f.Is64:
			f.Order().PutUint32(info, f.U32(info)&0xff|n<<8)
		case f.BigEndian, f.Machine == machineMIPS:
			f.Order().PutUint32(info, n)
		default:
			f.Order().PutUint32(info[4:], n)
		}
	}
	s.data, s.content = data, true
	return nil
}

const machineMIPS = 8 // EM_MIPS

// dropNames makes .strtab anew without the names of symbols that go, if it was
// what bfd makes of the names; otherwise it stays as it is.
func (o *Object) dropNames(numbers []uint32) {
	strs := o.symtab.link
	before, offs := o.symbolNames(nil)
	if strs == o.names || !bytes.Equal(before, strs.data) {
		return
	}
	for i := range numbers {
		if sym := o.symbols.tab.At(i); sym.NameOff != offs[i] {
			return
		}
	}
	table, offs := o.symbolNames(numbers)
	raw := bytes.Clone(o.symbols.raw)
	for i := range numbers {
		o.file.Order().PutUint32(raw[i*o.symbols.entry:], offs[i])
	}
	o.symbols.raw = raw
	strs.data, strs.content = table, true
}

// symbolNames makes .strtab as bfd does, of all symbols or of those that have
// a number.
func (o *Object) symbolNames(numbers []uint32) (table []byte, offs []uint32) {
	t := newStrtab(o.symbols.count)
	ids := make([]int, o.symbols.count)
	for i := 1; i < o.symbols.count; i++ {
		if numbers != nil && numbers[i] == 0 {
			continue
		}
		sym := o.symbols.tab.At(i)
		if name, err := o.symbols.tab.Name(&sym); err == nil {
			ids[i] = t.add(string(name))
		}
	}
	table, at := t.finish()
	offs = make([]uint32, o.symbols.count)
	for i, id := range ids {
		offs[i] = at[id]
	}
	return table, offs
}
