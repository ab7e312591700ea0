package kmod

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/btf/symbols"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/where"
)

// Options say what of a module is kept.
type Options struct {
	// OmitSections leaves Facts.Sections empty, which saves 3 KB a module.
	OmitSections bool
	// BTFOnly leaves out what repairing a module does not ask for: Exports,
	// Versions, AllocDigest, Sections, Code, most Anomalies, and Imports where no
	// .BTF_ids is.
	BTFOnly bool
	// Digest, if not nil, becomes Facts.Digest, and the content is not summed
	// up: for a caller that knows it, or proves otherwise what it read.
	Digest *[32]byte
	// Pack, if not nil, is asked with its size whether a .BTF or .BTF.base is to be
	// held packed. Nothing that is asked of the facts depends on that.
	Pack func(size int) bool
}

func digestOf(content []byte, known *[32]byte) [32]byte {
	if known != nil {
		return *known
	}
	return sha256.Sum256(content)
}

// scratch is the memory that parsing reuses from module to module.
type scratch struct {
	elf            elfx.File
	names          []byte // of symbols, on their way into one string
	spans          []span
	keys           []importKey
	funcs, objects []place
	storedBuf      []symbols.Stored
	digest         digester
	file           []byte // decompressed
	packed         []byte // of a Blob
	pack           func(int) bool
}

// Bounds of what one module may hold; each is far beyond what was seen.
const (
	maxSymbolName = 512     // KSYM_NAME_LEN of 6.1+, the NUL included
	maxSymbols    = 1 << 20 // imports, exports or checksums
	keepBuffer    = 64 << 20
	keepSymbols   = 1 << 18
)

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// Is reports whether a file that begins with head is an uncompressed module: a
// relocatable ELF object.
func Is(head []byte) bool {
	if !elfx.Is(head) || len(head) < 18 {
		return false
	}
	l := elfx.Layout{BigEndian: head[5] == 2}
	return l.U16(head[16:]) == elfx.TypeRel
}

// ParseFile reads a module as it lies in a package: .ko, .ko.gz, .ko.xz,
// .ko.zst, told apart by content. dec is the caller's, one per goroutine.
func ParseFile(data []byte, dec *codec.Decoder, o Options) (*Facts, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	f := codec.None
	if !elfx.Is(data) {
		f = codec.Detect(data)
	}
	if f == codec.None {
		return s.parse(data, o)
	}
	plain, err := decode(s.file[:0], dec, f, data)
	if err != nil {
		return nil, where.In(f.String(), err)
	}
	if cap(plain) <= keepBuffer {
		s.file = plain
	}
	facts, err := s.parse(plain, o)
	if err != nil {
		return nil, err
	}
	facts.Compression = f.String()
	return facts, nil
}

// decode decompresses a module. Large ones take turns, so that what all workers
// hold together does not grow with their number.
func decode(dst []byte, dec *codec.Decoder, f codec.Format, data []byte) ([]byte, error) {
	most := limits.Cap(int64(len(data)), limits.MaxPacked)
	plain, err := dec.Decode(dst, f, data, min(most, largeModule))
	if err == nil || most <= largeModule || where.KindOf(err) != where.Limit {
		return plain, err
	}
	largeModules.Lock()
	defer largeModules.Unlock()
	return dec.Decode(dst, f, data, most)
}

// largeModule is the size from which a module waits for its turn, in bytes. The
// largest of Debian's has 20 MB.
const largeModule = 24 << 20

var largeModules sync.Mutex

// Parse reads a decompressed module. Offsets of errors are offsets in data.
// Beyond what contradicts the ELF format it refuses what no kernel would take
// for a module: other ELF types, no .gnu.linkonce.this_module.
func Parse(data []byte, o Options) (*Facts, error) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	return s.parse(data, o)
}

func (s *scratch) parse(data []byte, o Options) (*Facts, error) {
	if len(data) > limits.MaxModule {
		return nil, where.New(where.Limit, "module of %d bytes, the limit is %d", len(data), limits.MaxModule)
	}
	if !elfx.Is(data) {
		return nil, where.New(where.Malformed, "not a kernel module: it begins with % x", data[:min(8, len(data))]).At(0)
	}
	content, cms, err := modsig.Split(data)
	if err != nil {
		return nil, where.In("modsig", err)
	}
	elf := &s.elf
	if err := elf.Reset(content); err != nil {
		return nil, err
	}
	defer s.release()
	s.pack = o.Pack
	if err := s.overlap(); err != nil {
		return nil, err
	}
	if elf.Type != elfx.TypeRel {
		return nil, where.New(where.Malformed, "not a kernel module: ELF type %d, not relocatable", elf.Type).At(16)
	}
	this := elf.Section(".gnu.linkonce.this_module")
	if this == nil {
		return nil, where.New(where.Malformed, "not a kernel module: no section .gnu.linkonce.this_module").At(int64(elf.Shoff))
	}
	f := &Facts{
		Arch: elf.Arch(), BigEndian: elf.BigEndian, Is64: elf.Is64,
		Digest: digestOf(content, o.Digest), Size: int64(len(content)),
		DebugOnly: !this.HasData(), ThisModule: int64(this.Size),
	}
	if cms != nil {
		if f.Sig, err = modsig.ParseCMS(cms, int64(len(content))); err != nil {
			return nil, where.In("modsig", err)
		}
		f.Sig.Measure(content, &f.Digest)
	}
	if o.BTFOnly {
		return f, s.aboutBTF(f)
	}
	if err := s.sections(f); err != nil {
		return nil, err
	}
	if !o.OmitSections {
		f.Sections = listSections(elf)
	}
	s.anomalies(f)
	return f, nil
}

// release lets go of the input and of memory that only a huge module needs.
func (s *scratch) release() {
	s.elf = elfx.File{Sections: s.elf.Sections[:0]}
	if cap(s.digest.seen) > keepSymbols {
		s.digest.seen = nil
	}
	if cap(s.names) > keepBuffer {
		s.names = nil
	}
	if cap(s.packed) > keepBuffer {
		s.packed = nil
	}
	s.pack = nil
}

// overlap refuses a module whose sections hold more bytes than the file has:
// each byte would be read many times over. Less is an oddity.
func (s *scratch) overlap() error {
	var total uint64
	for i := range s.elf.Sections {
		if e := &s.elf.Sections[i]; e.HasData() {
			total += e.Size // of at most 1<<20 sections of at most MaxModule
		}
	}
	if n := uint64(len(s.elf.Bytes())); total > n {
		return where.New(where.Malformed, "sections overlap: they hold %d bytes in a file of %d", total, n).At(int64(s.elf.Shoff))
	}
	return nil
}

// sections reads what the module's sections hold.
func (s *scratch) sections(f *Facts) error {
	if err := s.blobs(f); err != nil {
		return err
	}
	symtab, err := s.elf.Symtab()
	if err != nil {
		return err
	}
	for _, step := range []struct {
		section string
		read    func(*Facts, *elfx.Symtab) error
	}{
		{".modinfo", s.modinfo},
		{"__versions", s.versions},
		{".symtab", s.symbols},
		{"__ksymtab", s.exports},
		{"relocations", s.allocDigest},
		{".symtab", s.code},
	} {
		if err := step.read(f, &symtab); err != nil {
			return where.In(step.section, err)
		}
	}
	return nil
}

// aboutBTF reads what Options.BTFOnly leaves.
func (s *scratch) aboutBTF(f *Facts) error {
	if err := s.blobs(f); err != nil {
		return err
	}
	symtab, err := s.elf.Symtab()
	if err != nil {
		return err
	}
	if err := s.modinfo(f, &symtab); err != nil {
		return where.In(".modinfo", err)
	}
	if s.elf.Section(".BTF_ids") == nil {
		return nil
	}
	return where.In(".symtab", s.symbols(f, &symtab))
}

// blobs copies the sections that are kept as they are.
func (s *scratch) blobs(f *Facts) error {
	mark, err := s.blob(f, stamp.Section)
	if err != nil {
		return err
	}
	f.Stamp = cloned(mark)
	for _, b := range []struct {
		name string
		dst  *Blob
	}{{".BTF", &f.BTF}, {".BTF.base", &f.BTFBase}} {
		data, err := s.blob(f, b.name)
		if err != nil {
			return err
		}
		if s.pack != nil && s.pack(len(data)) {
			*b.dst, s.packed = PackedBlob(data, s.packed)
		} else {
			*b.dst = BlobOf(cloned(data))
		}
	}
	btf := s.elf.Section(".BTF")
	f.Neutralized = btf != nil && btf.Size == 0 && btf.Type == stamp.Emptied
	for i := range s.elf.Sections {
		if s.elf.Sections[i].Name == ".BTF" {
			f.BTFSections++
		}
	}
	return nil
}

// blob is what the kernel reads as the section of a name, nil without one.
func (s *scratch) blob(f *Facts, name string) ([]byte, error) {
	sec := s.elf.Section(name)
	if sec == nil {
		return nil, nil
	}
	return s.loadedBlob(f, sec)
}

// cloned is a copy without room to grow; nil of nil.
func cloned(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}

// loadedBlob returns what the kernel reads as a section that it finds by its name:
// sh_size bytes at sh_offset of the file, whatever sh_type says
// (find_module_sections and rewrite_section_headers, kernel/module/main.c, 5.11
// to 7.3; a booted 6.1 attaches a .BTF of type NOBITS), but zeros where a NOBITS
// section is allocated with the module (move_module). nil when there is nothing:
// no section, or the empty place of one in a file for debuggers.
func (s *scratch) loadedBlob(f *Facts, sec *elfx.Section) ([]byte, error) {
	if sec.Size > limits.MaxBTF {
		return nil, where.New(where.Limit, "section %s of %d bytes, the limit is %d", sec.Name, sec.Size, limits.MaxBTF).At(int64(sec.Off))
	}
	if sec.HasData() {
		data, err := s.elf.Data(sec)
		if data == nil && err == nil {
			data = []byte{}
		}
		return data, err
	}
	if f.DebugOnly {
		return nil, nil
	}
	kind := "NOBITS"
	if sec.Type == elfx.SHTNull {
		kind = "NULL"
	}
	file := s.elf.Bytes()
	switch {
	case sec.Flags&elfx.SHFAlloc != 0:
		f.odd("section %s is of type %s and loaded: the kernel reads %d zeros as BTF", sec.Name, kind, sec.Size)
		return make([]byte, min(sec.Size, maxZeros)), nil
	case sec.Off > uint64(len(file)) || sec.Size > uint64(len(file))-sec.Off:
		return nil, where.New(where.Malformed, "section %s of type %s: the kernel reads its %d bytes at 0x%x, past the end of the file", sec.Name, kind, sec.Size, sec.Off).At(s.elf.HeaderOff(sec))
	}
	f.odd("section %s is of type %s, and yet the kernel reads its %d bytes at 0x%x as BTF", sec.Name, kind, sec.Size, sec.Off)
	return file[sec.Off : sec.Off+sec.Size : sec.Off+sec.Size], nil
}

// maxZeros is how many of a section's zeros are kept: the first are no header
// of BTF, whatever follows.
const maxZeros = 64

func listSections(elf *elfx.File) []Section {
	out := make([]Section, 0, len(elf.Sections))
	for i := 1; i < len(elf.Sections); i++ {
		e := &elf.Sections[i]
		out = append(out, Section{e.Name, e.Type, e.Flags, e.Size})
	}
	return out
}

type span struct{ off, end, index uint64 }

// anomalies notes what is wrong with a module but does not keep it from being
// read or loaded.
func (s *scratch) anomalies(f *Facts) {
	if f.BTFSections > 1 {
		f.odd("%d sections .BTF: the kernel takes the first", f.BTFSections)
	}
	if !f.BTFBase.Missing() && f.BTF.Missing() {
		f.odd(".BTF.base without .BTF: the kernel ignores it")
	}
	if f.Stamp != nil {
		if _, err := stamp.Parse(f.Stamp); err != nil {
			f.odd("%s is not readable: %v", stamp.Section, err)
		}
	}
	s.spans = s.spans[:0]
	for i := range s.elf.Sections {
		if e := &s.elf.Sections[i]; e.HasData() && e.Size > 0 {
			s.spans = append(s.spans, span{e.Off, e.Off + e.Size, uint64(i)})
		}
	}
	slices.SortFunc(s.spans, func(a, b span) int {
		switch {
		case a.off < b.off:
			return -1
		case a.off > b.off:
			return 1
		}
		return int(a.index) - int(b.index)
	})
	for i := 1; i < len(s.spans); i++ {
		if a, b := s.spans[i-1], s.spans[i]; a.end > b.off {
			f.odd("sections %q and %q overlap at 0x%x", s.elf.Sections[a.index].Name, s.elf.Sections[b.index].Name, b.off)
			break
		}
	}
}

func (f *Facts) odd(format string, args ...any) {
	f.Anomalies = append(f.Anomalies, fmt.Sprintf(format, args...))
}

// symbolName cuts the name of an import or export out of b.
func symbolName(b []byte, off int64) ([]byte, error) {
	if name, ok := cstring(b[:min(len(b), maxSymbolName)]); ok {
		return name, nil
	}
	if len(b) < maxSymbolName {
		return nil, where.New(where.Malformed, "name without NUL").At(off)
	}
	return nil, where.New(where.Limit, "symbol name of %d bytes or more", maxSymbolName).At(off)
}

// cstring cuts b at its first NUL; ok is false when there is none.
func cstring(b []byte) (name []byte, ok bool) {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return b, false
	}
	return b[:i], true
}
