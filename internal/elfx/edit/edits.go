package edit

import (
	"slices"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

// Remove removes every section of the given names with its relocations, as
// objcopy --remove-section does, and gives their number. Symbols that lie in
// them go too; that anything else needs them is found by Bytes.
func (o *Object) Remove(names ...string) (int, error) {
	n := 0
	for _, s := range o.secs {
		switch {
		case !slices.Contains(names, s.hdr.Name):
			continue
		case s == o.names, s == o.symtab, s == o.shndx, o.symtab != nil && s == o.symtab.link, s.hdr.Type == elfx.SHTGroup:
			return 0, where.New(where.Unsupported, "section %s is part of the object itself", s.hdr.Name).At(o.file.HeaderOff(&s.hdr))
		}
		s.gone = true
		n++
	}
	for _, s := range o.secs {
		if s.isReloc() && s.info != nil && s.info.gone {
			s.gone = true
		}
	}
	o.secs = slices.DeleteFunc(o.secs, func(s *section) bool { return s.gone })
	for i, s := range o.byOld {
		if s != nil && s.gone {
			o.byOld[i] = nil
		}
	}
	return n, nil
}

// Replace gives the first section of a name other content, as objcopy
// --update-section does. The object keeps data.
func (o *Object) Replace(name string, data []byte) error {
	s := o.find(name)
	if s == nil {
		return where.New(where.Internal, "no section %s to replace", name)
	}
	if !s.hdr.HasData() || s.hdr.Compressed() || s == o.names || s == o.symtab || s == o.shndx || s.hdr.Type == elfx.SHTGroup {
		return where.New(where.Unsupported, "the content of section %s of type %d cannot be replaced", name, s.hdr.Type).At(o.file.HeaderOff(&s.hdr))
	}
	s.data, s.content = data, true
	return nil
}

// Add adds a section that is not loaded behind the others, as objcopy
// --add-section does: SHT_PROGBITS without flags. The object keeps data.
func (o *Object) Add(name string, data []byte) error {
	if o.find(name) != nil {
		return where.New(where.Internal, "a section %s is there already", name)
	}
	s := &section{
		hdr:  elfx.Section{Name: name, Type: elfx.SHTProgbits, Addralign: 1},
		data: data, content: true,
	}
	before := o.names
	if o.symtab != nil {
		before = o.symtab
	}
	s.rank = before.rank - 1
	o.secs = slices.Insert(o.secs, slices.Index(o.secs, before), s)
	return nil
}

// references refuses what would refer to a section that is gone, and takes
// such sections out of groups.
func (o *Object) references() error {
	for _, s := range o.secs {
		for _, to := range []*section{s.link, s.info} {
			if to != nil && to.gone {
				return where.New(where.Unsupported, "section %s refers to section %s, which is to be removed", s.hdr.Name, to.hdr.Name).At(o.file.HeaderOff(&s.hdr))
			}
		}
		if s.hdr.Type == elfx.SHTGroup {
			if err := o.writeGroup(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeGroup writes the numbers of a group's members anew; the first word of
// its content is flags.
func (o *Object) writeGroup(s *section) error {
	f := o.file
	if len(s.data) < 4 || len(s.data)%4 != 0 {
		return where.New(where.Malformed, "group %s of %d bytes", s.hdr.Name, len(s.data)).At(int64(s.hdr.Off))
	}
	data := append(make([]byte, 0, len(s.data)), s.data[:4]...)
	for at := 4; at < len(s.data); at += 4 {
		n := f.U32(s.data[at:])
		if n == 0 || uint64(n) >= uint64(len(o.byOld)) {
			return where.New(where.Malformed, "group %s: section %d of %d", s.hdr.Name, n, len(o.byOld)-1).At(int64(s.hdr.Off) + int64(at))
		}
		if m := o.byOld[n]; m != nil {
			var w [4]byte
			f.Order().PutUint32(w[:], m.index)
			data = append(data, w[:]...)
		}
	}
	s.data, s.content = data, true
	return nil
}
