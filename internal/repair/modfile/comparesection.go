package modfile

import (
	"bytes"

	"kpkg-btf/internal/elfx"
)

// section compares one section's header and content.
func (c *comparison) section(p pair) error {
	a, b := p.old, p.new
	at := c.new.HeaderOff(b)
	if optional(a.Name) && plain(b) {
		return nil // written anew
	}
	if emptied(b) {
		was := *a
		was.Type, was.Size = b.Type, 0
		a = &was
	}
	if a.Name != b.Name || a.Type != b.Type || a.Flags != b.Flags || a.Addr != b.Addr || a.Addralign != b.Addralign || a.Entsize != b.Entsize {
		return differ(at, "section %s is not what section %s was: type, flags, alignment or name", b.Name, a.Name)
	}
	if c.renumbered(a.Link) != b.Link {
		return differ(at, "section %s is linked to section %d, not %d", b.Name, b.Link, c.renumbered(a.Link))
	}
	if err := c.info(p); err != nil {
		return err
	}
	return c.content(p)
}

// plain says that a section's header is the one that is written for sections
// that are added: data that are not loaded and refer to nothing.
func plain(s *elfx.Section) bool {
	return s.Type == elfx.SHTProgbits && s.Flags == 0 && s.Addr == 0 && s.Link == 0 && s.Info == 0 && s.Entsize == 0 && s.Addralign <= 1
}

// renumbered returns a section's new number; numbers that are none stay.
func (c *comparison) renumbered(n uint32) uint32 {
	if uint64(n) < uint64(len(c.number)) {
		return c.number[n]
	}
	return n
}

func (c *comparison) info(p pair) error {
	a, b := p.old, p.new
	want := a.Info
	switch {
	case a.Type == elfx.SHTRel, a.Type == elfx.SHTRela, a.Flags&elfx.SHFInfoLink != 0:
		want = c.renumbered(want)
	case c.syms == nil:
	case a.Type == elfx.SHTSymtab:
		for _, n := range c.syms[min(1, len(c.syms)):min(int(a.Info), len(c.syms))] {
			if n == 0 {
				want--
			}
		}
	case a.Type == elfx.SHTGroup:
		if uint64(a.Info) < uint64(len(c.syms)) {
			want = c.syms[a.Info]
		}
	}
	if b.Info != want {
		return differ(c.new.HeaderOff(b), "section %s has sh_info %d, not %d", b.Name, b.Info, want)
	}
	return nil
}

func (c *comparison) content(p pair) error {
	a, b := p.old, p.new
	switch {
	case optional(a.Name), a.Type == elfx.SHTSymtabShndx:
		return nil // free, and the symbols are compared with them
	case a.Name == secIDs && a.Size == b.Size:
		return nil
	case a.Index == c.old.Shstrndx && b.Index == c.new.Shstrndx:
		return nil // the names were compared
	case a.Type == elfx.SHTSymtab:
		return nil // by symbols
	case a.Type == elfx.SHTGroup:
		return c.group(p)
	case c.syms != nil && (a.Type == elfx.SHTRel || a.Type == elfx.SHTRela):
		return c.relocs(p)
	case c.syms != nil && a.Index == c.strtab:
		return nil // symbols were compared by name
	case a.Size != b.Size || !bytes.Equal(c.old.RawData(a), c.new.RawData(b)):
		return differ(int64(b.Off), "the content of section %s differs", b.Name)
	}
	return nil
}

// group compares members by what they are; those that are gone do not count.
func (c *comparison) group(p pair) error {
	a, b := c.old.RawData(p.old), c.new.RawData(p.new)
	var want []byte
	for at := 0; at+4 <= len(a); at += 4 {
		n := c.old.U32(a[at:])
		if at > 0 {
			if uint64(n) >= uint64(len(c.number)) || c.number[n] == 0 {
				continue
			}
			n = c.number[n]
		}
		want = c.old.Order().(appender).AppendUint32(want, n)
	}
	if !bytes.Equal(want, b) {
		return differ(int64(p.new.Off), "group %s has other members", p.new.Name)
	}
	return nil
}

type appender interface {
	AppendUint32([]byte, uint32) []byte
}

// relocs compares relocations one by one, after symbols got other numbers.
func (c *comparison) relocs(p pair) error {
	a, err := c.old.RelocsOf(p.old)
	if err != nil {
		return err
	}
	b, err := c.new.RelocsOf(p.new)
	if err != nil {
		return err
	}
	if a.Len() != b.Len() {
		return differ(int64(p.new.Off), "%s: %d relocations, %d before", p.new.Name, b.Len(), a.Len())
	}
	for i, want := range a.All() {
		if uint64(want.Sym) < uint64(len(c.syms)) {
			want.Sym = c.syms[want.Sym]
		}
		if b.At(i) != want {
			return differ(int64(p.new.Off), "%s: relocation %d differs", p.new.Name, i)
		}
	}
	return nil
}

// symbols compares the symbol tables. Only symbols of sections that are gone
// may be missing.
func (c *comparison) symbols() error {
	a, err := c.old.Symtab()
	if err != nil {
		return err
	}
	b, err := c.new.Symtab()
	if err != nil {
		return err
	}
	if a.Len() > 0 && b.Len() > 0 && a.At(0) != b.At(0) {
		return differ(b.Off(), "the null symbol differs")
	}
	next := 1
	numbers := make([]uint32, a.Len())
	for i, sym := range a.All() {
		if !sym.Reserved && sym.Section != 0 {
			if uint64(sym.Section) >= uint64(len(c.number)) {
				return differ(a.Off(), "symbol %d in section %d of %d", i, sym.Section, len(c.number)-1)
			}
			if sym.Section = c.number[sym.Section]; sym.Section == 0 {
				continue
			}
		}
		if next >= b.Len() {
			return differ(b.Off(), "symbol %d is missing", i)
		}
		if err := c.symbol(&a, &b, sym, next); err != nil {
			return err
		}
		numbers[i] = uint32(next)
		next++
	}
	if b.Len() > 0 && next != b.Len() {
		return differ(b.Off(), "%d symbols more than before", b.Len()-next)
	}
	if a.Len() != b.Len() {
		c.syms = numbers
		c.strtab = c.symbolNames()
	}
	return nil
}

// symbolNames returns the old number of the symbols' string table.
func (c *comparison) symbolNames() uint32 {
	for i := range c.old.Sections {
		if c.old.Sections[i].Type == elfx.SHTSymtab {
			return c.old.Sections[i].Link
		}
	}
	return 0
}

// symbol compares one symbol, whose section has its new number.
func (c *comparison) symbol(a, b *elfx.Symtab, want elfx.Symbol, at int) error {
	got := b.At(at)
	x, err := a.Name(&want)
	if err != nil {
		return err
	}
	y, err := b.Name(&got)
	if err != nil {
		return err
	}
	got.NameOff = want.NameOff
	if !bytes.Equal(x, y) || got != want {
		return differ(b.Off(), "symbol %d %s differs", at, y)
	}
	return nil
}
