package modfile

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

// Compare proves that a rewritten module is the old one but for the permitted
// sections: every other section has the same header and the same bytes, every
// symbol, relocation and group the same meaning. Permitted are the contents of
// .BTF, .BTF.base, .BTF_ids (of the same length) and the stamp, of which all
// but .BTF_ids may also come and go with their relocations and symbols; the
// name table; the numbers of sections and, where symbols went with a section,
// of symbols; file offsets. It gives the sections that differ. A difference
// that is not permitted is Malformed, with the offset in after.
func Compare(before, after []byte) ([]SectionChange, error) {
	c := &comparison{}
	if err := c.old.Reset(before); err != nil {
		return nil, where.In("before", err)
	}
	if err := c.new.Reset(after); err != nil {
		return nil, where.In("after", err)
	}
	if err := c.headers(); err != nil {
		return nil, err
	}
	if err := c.match(); err != nil {
		return nil, err
	}
	if err := c.symbols(); err != nil {
		return nil, err
	}
	for _, p := range c.pairs {
		if err := c.section(p); err != nil {
			return nil, err
		}
	}
	return c.changes(), nil
}

// comparison is one old and one new module.
type comparison struct {
	old, new elfx.File
	pairs    []pair
	gone     []*elfx.Section // permitted ones, only in old
	come     []*elfx.Section // only in new
	number   []uint32        // old section index -> new, 0: gone
	syms     []uint32        // old symbol number -> new, 0: gone; nil: all stay
	strtab   uint32          // old index of their names, where some are gone
}

type pair struct{ old, new *elfx.Section }

// optional are the sections that may come and go.
func optional(name string) bool {
	return name == secBTF || name == secBase || name == stamp.Section
}

// emptied reports whether a section is what neutralize leaves of one.
func emptied(s *elfx.Section) bool { return optional(s.Name) && s.Type == stamp.Emptied && s.Size == 0 }

func permitted(name string) bool { return optional(name) || name == secIDs }

// headers compares the ELF headers without the place and size of the section
// table.
func (c *comparison) headers() error {
	mask := func(f *elfx.File) []byte {
		w := f.WordSize()
		h := bytes.Clone(f.Bytes()[:40+3*w])
		clear(h[24+2*w : 24+3*w])
		clear(h[36+3*w : 40+3*w])
		return h
	}
	if !bytes.Equal(mask(&c.old), mask(&c.new)) {
		return differ(0, "the ELF headers differ")
	}
	return nil
}

// match pairs the sections: those that may come and go by name, all others in
// their order.
func (c *comparison) match() error {
	c.number = make([]uint32, len(c.old.Sections))
	var oldFixed, newFixed, oldFree, newFree []*elfx.Section
	split := func(f *elfx.File, fixed, free *[]*elfx.Section) {
		for i := range f.Sections {
			if s := &f.Sections[i]; i == 0 {
			} else if c.free(f, s) {
				*free = append(*free, s)
			} else {
				*fixed = append(*fixed, s)
			}
		}
	}
	split(&c.old, &oldFixed, &oldFree)
	split(&c.new, &newFixed, &newFree)
	if len(oldFixed) != len(newFixed) {
		return differ(int64(c.new.Shoff), "%d sections that must stay, %d before", len(newFixed), len(oldFixed))
	}
	for i, s := range oldFixed {
		c.pair(s, newFixed[i])
	}
	for _, s := range oldFree {
		i := slices.IndexFunc(newFree, func(n *elfx.Section) bool { return n.Name == s.Name && (n.Type == s.Type || emptied(n)) })
		if i < 0 {
			c.gone = append(c.gone, s)
			continue
		}
		c.pair(s, newFree[i])
		newFree = slices.Delete(newFree, i, i+1)
	}
	for _, s := range newFree {
		if optional(s.Name) && !plain(s) {
			return differ(c.new.HeaderOff(s), "section %s was added and is not plain data", s.Name)
		}
	}
	c.come = newFree
	return nil
}

func (c *comparison) pair(a, b *elfx.Section) {
	c.pairs = append(c.pairs, pair{a, b})
	c.number[a.Index] = b.Index
}

// free reports whether a section may come and go: of the permitted names, their
// relocations, the table of extended section indexes.
func (c *comparison) free(f *elfx.File, s *elfx.Section) bool {
	switch s.Type {
	case elfx.SHTRel, elfx.SHTRela:
		return uint64(s.Info) < uint64(len(f.Sections)) && optional(f.Sections[s.Info].Name)
	case elfx.SHTSymtabShndx:
		return true
	}
	return optional(s.Name)
}

// changes lists the contents that differ.
func (c *comparison) changes() (out []SectionChange) {
	for _, p := range c.pairs {
		a, b := c.old.RawData(p.old), c.new.RawData(p.new)
		if permitted(p.old.Name) && !bytes.Equal(a, b) {
			out = append(out, SectionChange{p.old.Name, content(a), content(b)})
		}
	}
	for _, s := range c.gone {
		if optional(s.Name) {
			out = append(out, SectionChange{s.Name, content(c.old.RawData(s)), nil})
		}
	}
	for _, s := range c.come {
		if optional(s.Name) {
			out = append(out, SectionChange{s.Name, nil, content(c.new.RawData(s))})
		}
	}
	return out
}

func content(b []byte) *Content { return &Content{Size: int64(len(b)), SHA256: sha256.Sum256(b)} }

func differ(off int64, format string, args ...any) error {
	return where.New(where.Malformed, format, args...).At(off)
}
