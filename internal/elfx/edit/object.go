package edit

import (
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

// Object is an ELF object on its way to another form. It refers to the bytes
// it was opened from and to those it was given, and changes neither.
type Object struct {
	// Room returns memory of n bytes for Bytes, whatever is in it; nil: new memory.
	Room func(n int) []byte

	file   *elfx.File
	secs   []*section // without the null section, in the order of their indexes
	byOld  []*section // by index in the input; nil for 0 and what was removed
	symtab *section   // nil: no symbols
	shndx  *section   // SHT_SYMTAB_SHNDX of symtab, or nil
	names  *section   // .shstrtab

	style   style
	rebuilt bool // the section names follow bfd's rules and are made anew
	symbols symbols
}

// section is one section of the object. Sections refer to each other by
// pointer, so that numbers can be given at the end.
type section struct {
	hdr        elfx.Section // Link and Info as in the input
	data       []byte       // nil for SHT_NOBITS and SHT_NULL
	link, info *section     // what hdr.Link and hdr.Info number; nil: they stay as they are
	rank       int          // place in the file among the others, as found
	gone       bool
	content    bool // data is not the input's

	index uint32 // as written
	off   uint64
}

// isReloc tells relocation sections, which belong to the section of hdr.Info.
func (s *section) isReloc() bool { return s.hdr.Type == elfx.SHTRel || s.hdr.Type == elfx.SHTRela }

// fileSize is the number of bytes that the section takes in the file.
func (s *section) fileSize() uint64 {
	if !s.hdr.HasData() {
		return 0
	}
	return uint64(len(s.data))
}

// size is sh_size as written.
func (s *section) size() uint64 {
	if !s.hdr.HasData() {
		return s.hdr.Size
	}
	return uint64(len(s.data))
}

// Open parses an object and proves that writing it back gives the same bytes.
// Errors are Malformed for what contradicts the format and Unsupported for
// what this package does not rewrite; offsets are in data.
func Open(data []byte) (*Object, error) {
	f, err := elfx.Parse(data)
	if err != nil {
		return nil, err
	}
	switch {
	case f.Type != elfx.TypeRel:
		return nil, where.New(where.Unsupported, "ELF type %d cannot be rewritten, only relocatable objects", f.Type).At(16)
	case f.Phnum != 0:
		return nil, where.New(where.Unsupported, "a relocatable object with %d program headers", f.Phnum).At(0)
	case len(f.Sections) == 0 || f.Shstrndx == 0:
		return nil, where.New(where.Unsupported, "an object without section names cannot be rewritten").At(0)
	case f.ContentEnd() != int64(len(data)):
		return nil, where.New(where.Unsupported, "%d bytes behind the ELF content", int64(len(data))-f.ContentEnd()).
			At(f.ContentEnd()).WithHint("a module's signature has to be split off first")
	}
	o := &Object{file: f}
	if err := o.connect(); err != nil {
		return nil, err
	}
	if err := o.prove(); err != nil {
		return nil, err
	}
	return o, nil
}

// connect makes the sections and finds what they refer to.
func (o *Object) connect() error {
	f := o.file
	store := make([]section, len(f.Sections))
	o.byOld = make([]*section, len(f.Sections))
	o.secs = make([]*section, 0, len(f.Sections)+2)
	for i := 1; i < len(f.Sections); i++ {
		s := &store[i]
		s.hdr, s.data = f.Sections[i], f.RawData(&f.Sections[i])
		o.byOld[i] = s
		o.secs = append(o.secs, s)
	}
	for _, s := range o.secs {
		if err := o.refer(s); err != nil {
			return err
		}
		switch s.hdr.Type {
		case elfx.SHTSymtab:
			if o.symtab != nil {
				return where.New(where.Unsupported, "two symbol tables").At(f.HeaderOff(&s.hdr))
			}
			o.symtab = s
		case elfx.SHTSymtabShndx:
			if o.shndx != nil {
				return where.New(where.Unsupported, "two tables of extended section indexes").At(f.HeaderOff(&s.hdr))
			}
			o.shndx = s
		}
	}
	o.names = o.byOld[f.Shstrndx]
	return o.openSymbols()
}

// refer resolves the section numbers in a header. sh_link is one for every
// type that uses it; sh_info is one of relocations, and where a flag says so.
func (o *Object) refer(s *section) error {
	n := uint32(len(o.byOld))
	if s.hdr.Link < n {
		s.link = o.byOld[s.hdr.Link]
	}
	if s.isReloc() || s.hdr.Flags&elfx.SHFInfoLink != 0 {
		if s.hdr.Info >= n {
			return where.New(where.Malformed, "section %s is about section %d of %d", s.hdr.Name, s.hdr.Info, n).At(o.file.HeaderOff(&s.hdr))
		}
		s.info = o.byOld[s.hdr.Info]
	}
	return nil
}

// find returns the first section of a name that is still there, or nil.
func (o *Object) find(name string) *section {
	for _, s := range o.secs {
		if s.hdr.Name == name {
			return s
		}
	}
	return nil
}

// File is the parsed input.
func (o *Object) File() *elfx.File { return o.file }
