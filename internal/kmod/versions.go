package kmod

import (
	"bytes"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

const versionSize = 64 // struct modversion_info: unsigned long crc, and a name that fills the rest

// versions reads the checksums of imports. Where both forms are there the
// extended one (6.14+, CONFIG_EXTENDED_MODVERSIONS) holds what the kernel
// uses (kernel/module/version.c, modversion_ext_start).
func (s *scratch) versions(f *Facts, _ *elfx.Symtab) error {
	crcs, names := s.elf.Section("__version_ext_crcs"), s.elf.Section("__version_ext_names")
	basic := s.elf.Section("__versions")
	f.BasicVersions, f.ExtVersions = basic != nil, crcs != nil && names != nil
	if crcs != nil && names != nil {
		return s.extVersions(f, crcs, names)
	}
	if crcs != nil || names != nil {
		return where.New(where.Malformed, "one of __version_ext_crcs and __version_ext_names is missing").At(int64(s.elf.Shoff))
	}
	if basic != nil {
		return s.plainVersions(f, basic)
	}
	return nil
}

func (s *scratch) plainVersions(f *Facts, sec *elfx.Section) error {
	data, err := s.elf.Data(sec)
	if err != nil {
		return err
	}
	if len(data)%versionSize != 0 {
		return where.New(where.Malformed, "%d bytes are no whole number of %d-byte entries", len(data), versionSize).At(int64(sec.Off))
	}
	f.Versions = make([]Version, 0, len(data)/versionSize)
	w := s.elf.WordSize()
	s.names = s.names[:0]
	for off := 0; off < len(data); off += versionSize {
		name, ok := cstring(data[off+w : off+versionSize])
		if !ok {
			return where.New(where.Malformed, "name without NUL").At(int64(sec.Off) + int64(off+w))
		}
		s.names = append(s.names, name...)
		s.names = append(s.names, 0)
		f.Versions = append(f.Versions, Version{CRC: uint32(s.elf.Word(data[off:]))})
	}
	nameVersions(f, string(s.names))
	return nil
}

func (s *scratch) extVersions(f *Facts, crcs, names *elfx.Section) error {
	c, err := s.elf.Data(crcs)
	if err != nil {
		return err
	}
	n, err := s.elf.Data(names)
	if err != nil {
		return err
	}
	if len(c)%4 != 0 {
		return where.New(where.Malformed, "__version_ext_crcs: %d bytes are no whole number of words", len(c)).At(int64(crcs.Off))
	}
	if len(c)/4 > maxSymbols {
		return where.New(where.Limit, "%d checksums, the limit is %d", len(c)/4, maxSymbols).At(int64(crcs.Off))
	}
	if have := bytes.Count(n, []byte{0}); have < len(c)/4 || len(n) > 0 && n[len(n)-1] != 0 {
		return where.New(where.Malformed, "__version_ext_names: %d names for %d checksums", have, len(c)/4).At(int64(names.Off))
	}
	f.Versions = make([]Version, 0, len(c)/4)
	for off := 0; off < len(c); off += 4 {
		f.Versions = append(f.Versions, Version{CRC: s.elf.U32(c[off:])})
	}
	nameVersions(f, string(n))
	return nil
}

// nameVersions hands out NUL-terminated names in order; there are enough.
func nameVersions(f *Facts, names string) {
	for i := range f.Versions {
		f.Versions[i].Name, names = cut(names)
	}
}
