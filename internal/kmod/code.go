package kmod

import (
	"cmp"
	"slices"
	"strings"

	"kpkg-btf/internal/btf/symbols"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

const armMachine = 40 // EM_ARM

// place is a symbol by where it is.
type place struct {
	sec  uint32
	name uint32 // symbols.Hash
	off  uint64
	size uint64
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.sec, b.sec), cmp.Compare(a.off, b.off), cmp.Compare(a.name, b.name))
}

// code fills Facts.Code. A module without BTF has none to compare. allocDigest
// has noted before which symbols relocations use.
func (s *scratch) code(f *Facts, t *elfx.Symtab) error {
	if f.BTF.Len() == 0 {
		return nil
	}
	s.funcs, s.objects = s.funcs[:0], s.objects[:0]
	percpu := uint32(0)
	if sec := s.elf.Section(".data..percpu"); sec != nil {
		percpu = sec.Index
	}
	for i, sym := range t.All() {
		if sym.Reserved || sym.Section == 0 || uint64(sym.Section) >= uint64(len(s.elf.Sections)) || sym.Type() != elfx.STTFunc && sym.Type() != elfx.STTObject {
			continue
		}
		name, err := t.Name(&sym)
		if err != nil {
			return err
		}
		if len(name) >= maxSymbolName {
			return where.New(where.Limit, "symbol with a name of %d bytes, the limit is %d", len(name), maxSymbolName-1).At(t.Off())
		}
		if sym.Bind() == elfx.STBLocal && s.digest.seen[i] == 0 {
			f.Code.Whole = true
		}
		p := place{sec: sym.Section, name: symbols.Hash(name), off: sym.Value, size: sym.Size}
		if sym.Type() == elfx.STTFunc {
			s.funcs = append(s.funcs, p)
			if stem, _, clone := strings.Cut(string(name), "."); clone && stem != "" {
				p.name = symbols.Hash(stem)
				s.funcs = append(s.funcs, p)
			}
			continue
		}
		if sym.Section == percpu && fits32(sym.Value, sym.Size) {
			f.Code.PerCPU = append(f.Code.PerCPU, symbols.Variable{Name: p.name, Off: uint32(sym.Value), Size: uint32(sym.Size)})
		}
		if sym.Size >= uint64(s.elf.WordSize()) {
			s.objects = append(s.objects, p)
		}
	}
	slices.SortFunc(s.funcs, comparePlaces)
	slices.SortFunc(s.objects, comparePlaces)
	slices.SortFunc(f.Code.PerCPU, func(a, b symbols.Variable) int { return cmp.Or(cmp.Compare(a.Off, b.Off), cmp.Compare(a.Name, b.Name)) })
	if err := s.stored(f, t); err != nil {
		return err
	}
	f.Code.Funcs = make([]uint32, len(s.funcs))
	for i, p := range s.funcs {
		f.Code.Funcs[i] = p.name
	}
	slices.Sort(f.Code.Funcs)
	f.Code.Funcs = slices.Compact(f.Code.Funcs)
	return nil
}

func fits32(a, b uint64) bool { return a <= limits.MaxModule && b <= limits.MaxModule }

// stored reads the relocations of the sections that hold objects.
func (s *scratch) stored(f *Facts, t *elfx.Symtab) error {
	s.storedBuf = s.storedBuf[:0]
	for i := range s.elf.Sections {
		sec := &s.elf.Sections[i]
		if sec.Type != elfx.SHTRela && sec.Type != elfx.SHTRel || uint64(sec.Info) >= uint64(len(s.elf.Sections)) {
			continue
		}
		target := &s.elf.Sections[sec.Info]
		first, found := slices.BinarySearchFunc(s.objects, target.Index, func(p place, i uint32) int { return cmp.Compare(p.sec, i) })
		if !found || target.Flags&elfx.SHFAlloc == 0 || target.Flags&elfx.SHFExecinstr != 0 || !target.HasData() {
			continue
		}
		end := first
		for end < len(s.objects) && s.objects[end].sec == target.Index {
			end++
		}
		rel, err := s.elf.RelocsOf(sec)
		if err != nil {
			return err
		}
		for _, r := range rel.All() {
			if object, ok := s.covering(first, end, r.Off); ok {
				s.pointees(t, target, &rel, r, object)
			}
			if len(s.storedBuf) > maxSymbols {
				return where.New(where.Limit, "more than %d functions stored in data", maxSymbols).At(int64(sec.Off))
			}
		}
	}
	f.Code.Stored = append([]symbols.Stored(nil), s.storedBuf...)
	return nil
}

// covering finds the object that a place of its section lies in: of those that
// begin last before it, the largest.
func (s *scratch) covering(first, end int, off uint64) (object place, ok bool) {
	n, _ := slices.BinarySearchFunc(s.objects[first:end], off, func(p place, off uint64) int {
		if p.off <= off {
			return -1
		}
		return 1
	})
	if n == 0 {
		return place{}, false
	}
	best := first + n - 1
	for k := best - 1; k >= first && s.objects[k].off == s.objects[best].off; k-- {
		if s.objects[k].size > s.objects[best].size {
			best = k
		}
	}
	object = s.objects[best]
	return object, off-object.off < object.size && fits32(object.size, 0)
}

// pointees appends the functions that begin where a relocation leads to.
func (s *scratch) pointees(t *elfx.Symtab, target *elfx.Section, rel *elfx.Relocs, r elfx.Reloc, object place) {
	if int64(r.Sym) >= int64(t.Len()) {
		return
	}
	sym := t.At(int(r.Sym))
	if sym.Reserved || sym.Section == 0 || uint64(sym.Section) >= uint64(len(s.elf.Sections)) ||
		s.elf.Sections[sym.Section].Flags&elfx.SHFExecinstr == 0 {
		return
	}
	off := sym.Value + uint64(r.Addend)
	if !rel.HasAddends() {
		content := s.elf.Bytes()[target.Off : target.Off+target.Size]
		if r.Off > target.Size || target.Size-r.Off < uint64(s.elf.WordSize()) {
			return
		}
		off = sym.Value + s.elf.Word(content[r.Off:])
	}
	if s.elf.Machine == armMachine {
		off &^= 1 // Thumb: the lowest bit is the instruction set
	}
	n, _ := slices.BinarySearchFunc(s.funcs, place{sec: sym.Section, off: off}, comparePlaces)
	for ; n < len(s.funcs) && s.funcs[n].sec == sym.Section && s.funcs[n].off == off; n++ {
		s.storedBuf = append(s.storedBuf, symbols.Stored{Func: s.funcs[n].name, Size: uint32(object.size), Off: uint32(r.Off - object.off)})
	}
}
