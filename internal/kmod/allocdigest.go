package kmod

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

// digestFlags are the section flags that mean the same to every tool: write,
// alloc, execute.
const digestFlags = elfx.SHFWrite | elfx.SHFAlloc | elfx.SHFExecinstr

const (
	flushAt    = 8 << 10
	nameRepeat = 8 // linkers let names share their ends, which repeats some bytes
)

// digestSeed makes digests of one process comparable. A second pass of SHA-256
// over every module would cost a twentieth of recording a release.
var digestSeed = maphash.MakeSeed()

// digester makes AllocDigest. Symbols are entered by content when a relocation
// first uses them and by number from then on, because stripping renumbers them.
type digester struct {
	h      maphash.Hash // of everything
	code   maphash.Hash // without what apart holds
	apart  bool         // the section at hand does not count for code
	buf    []byte
	order  []int
	relocs []relocOf
	seen   []uint32 // by symbol index: number in order of first use, 0 for not yet
	used   uint32
	names  int // bytes of symbol names that may still be entered
}

// allocDigest computes Facts.AllocDigest. The order of sections, addresses,
// offsets and symbol numbers, unused symbols, other sections and the signature
// do not count: they differ between copies of one module.
func (s *scratch) allocDigest(f *Facts, t *elfx.Symtab) error {
	d := &s.digest
	d.h.SetSeed(digestSeed) // resets it too
	d.code.SetSeed(digestSeed)
	d.buf, d.used = d.buf[:0], 0
	d.names = nameRepeat * len(s.elf.Bytes())
	if cap(d.seen) < t.Len() {
		d.seen = make([]uint32, t.Len()+t.Len()/2)
	}
	d.seen = d.seen[:t.Len()]
	clear(d.seen)
	s.allocOrder()
	for _, i := range d.order {
		sec := &s.elf.Sections[i]
		d.apart = buildOnly(sec.Name)
		d.string(sec.Name)
		d.uint(uint64(sec.Type))
		d.uint(sec.Flags & digestFlags)
		d.uint(sec.Size)
		d.flush()
		if sec.HasData() {
			data, err := s.elf.Data(sec)
			if err != nil {
				return err
			}
			d.h.Write(data)
			switch {
			case sec.Name == ".modinfo":
				d.modinfo(data)
			case !d.apart:
				d.code.Write(data)
			}
		}
		first, _ := slices.BinarySearchFunc(d.relocs, uint32(i), func(r relocOf, i uint32) int { return cmp.Compare(r.target, i) })
		for _, r := range d.relocs[first:] {
			if r.target != uint32(i) {
				break
			}
			if err := s.digestRelocs(t, &s.elf.Sections[r.index]); err != nil {
				return err
			}
		}
	}
	d.flush()
	f.AllocDigest, f.CodeDigest = d.h.Sum64(), d.code.Sum64()
	return nil
}

// buildOnly reports whether a section tells one build of a module from the
// next without being part of what it does: build id and salt, ids of BTF.
// .modinfo has a size and a release word of its own; modinfo enters the rest.
func buildOnly(name string) bool {
	return strings.HasPrefix(name, ".note.") || strings.HasPrefix(name, ".BTF") || name == ".modinfo"
}

// modinfo enters .modinfo without the release that vermagic names.
func (d *digester) modinfo(data []byte) {
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		if rest, ok := bytes.CutPrefix(entry, []byte("vermagic=")); ok {
			_, entry, _ = bytes.Cut(rest, []byte{' '})
		}
		d.code.Write(entry)
		d.code.WriteByte(0)
	}
}

type relocOf struct{ target, index uint32 }

// allocOrder puts the allocated sections that are not empty into name order,
// those of one name into file order, and the relocation sections into the
// order of their targets.
func (s *scratch) allocOrder() {
	d := &s.digest
	d.order, d.relocs = d.order[:0], d.relocs[:0]
	for i := range s.elf.Sections {
		sec := &s.elf.Sections[i]
		switch {
		case sec.Type == elfx.SHTRela || sec.Type == elfx.SHTRel:
			if uint64(sec.Info) < uint64(len(s.elf.Sections)) && s.elf.Sections[sec.Info].Flags&elfx.SHFAlloc != 0 {
				d.relocs = append(d.relocs, relocOf{sec.Info, uint32(i)})
			}
		case i > 0 && sec.Flags&elfx.SHFAlloc != 0 && sec.Size > 0:
			d.order = append(d.order, i)
		}
	}
	slices.SortStableFunc(d.order, func(a, b int) int {
		return strings.Compare(s.elf.Sections[a].Name, s.elf.Sections[b].Name)
	})
	slices.SortStableFunc(d.relocs, func(a, b relocOf) int { return cmp.Compare(a.target, b.target) })
}

// digestRelocs enters the relocations of one section.
func (s *scratch) digestRelocs(t *elfx.Symtab, sec *elfx.Section) error {
	d := &s.digest
	rel, err := s.elf.RelocsOf(sec)
	if err != nil {
		return err
	}
	d.uint(uint64(sec.Type))
	d.uint(uint64(rel.Len()))
	var place uint64
	for _, r := range rel.All() {
		n, err := s.symbolNumber(t, r.Sym)
		if err != nil {
			return err
		}
		// Nearly every relocation fits into eight bytes that begin with its
		// type; 0xff marks the others.
		step, add := r.Off-place, r.Addend
		place = r.Off
		if step < 1<<16 && r.Type < 0xff && n < 1<<16 && add == add<<40>>40 {
			d.buf = binary.LittleEndian.AppendUint64(d.buf, uint64(add)<<40|step<<24|uint64(n)<<8|uint64(r.Type))
		} else {
			d.buf = append(d.buf, 0xff)
			d.uint(uint64(n))
			d.uint(uint64(r.Type))
			d.uint(step)
			d.uint(uint64(add))
		}
		if len(d.buf) > flushAt {
			d.flush()
		}
	}
	d.flush()
	return nil
}

// symbolNumber returns a symbol's number in order of first use, from 1; 0 is no
// symbol. At its first use the symbol is entered too.
func (s *scratch) symbolNumber(t *elfx.Symtab, i uint32) (uint32, error) {
	d := &s.digest
	switch {
	case i == 0:
		return 0, nil
	case uint64(i) >= uint64(len(d.seen)):
		return 0, where.New(where.Malformed, "relocation by symbol %d of %d", i, len(d.seen)).At(t.Off())
	case d.seen[i] != 0:
		return d.seen[i], nil
	}
	d.used++
	d.seen[i] = d.used
	return d.used, s.digestSymbol(t, i)
}

// digestSymbol enters a symbol. A section symbol counts as nameless: only some
// tools give it the name of its section.
func (s *scratch) digestSymbol(t *elfx.Symtab, i uint32) error {
	d := &s.digest
	sym := t.At(int(i))
	name, err := t.Name(&sym)
	if err != nil {
		return err
	}
	if d.names -= len(name); d.names < 0 {
		return where.New(where.Limit, "symbol names overlap: they are %d times as long as the file", nameRepeat).At(t.Off())
	}
	if sym.Type() == elfx.STTSection {
		name = nil
	}
	d.uint(uint64(len(name)))
	d.buf = append(d.buf, name...)
	d.buf = append(d.buf, sym.Info)
	d.uint(sym.Value)
	switch {
	case sym.Reserved || sym.Undefined():
		d.uint(uint64(sym.Section))
	case uint64(sym.Section) < uint64(len(s.elf.Sections)):
		d.string(s.elf.Sections[sym.Section].Name)
	default:
		return where.New(where.Malformed, "symbol %d in section %d of %d", i, sym.Section, len(s.elf.Sections)).At(t.Off())
	}
	return nil
}

func (d *digester) uint(v uint64) { d.buf = binary.AppendUvarint(d.buf, v) }

func (d *digester) string(s string) {
	d.uint(uint64(len(s)))
	d.buf = append(d.buf, s...)
}

func (d *digester) flush() {
	d.h.Write(d.buf)
	if !d.apart {
		d.code.Write(d.buf)
	}
	d.buf = d.buf[:0]
}
