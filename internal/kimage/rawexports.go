package kimage

import (
	"bytes"
	"encoding/binary"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
)

// A raw image is the kernel's memory without sections, but its export tables
// still lie in the order of include/asm-generic/vmlinux.lds.h:
//
//	__ksymtab [__ksymtab_gpl] [__kcrctab [__kcrctab_gpl]] [__kflagstab] __ksymtab_strings
//
// and can be told from other data: hundreds of entries in a row that lead to
// identifiers behind the tables, in the linker's order (SORT(___ksymtab+*)),
// and checksums and flags that fill the place up to the strings to the byte.
// What does not fit is left unknown.

const (
	// rawLeast is below what any kernel exports (a tinyconfig has over 2000)
	// and above what chance can line up.
	rawLeast = 256
	// maxSymbol is KSYM_NAME_LEN (include/linux/kallsyms.h).
	maxSymbol = 512
	// maxRawTables is how far apart an entry and its name may be: 25 000 symbols,
	// what distributions export, take 1 MB with their names.
	maxRawTables = 16 << 20
	// rawWords are the fields of an entry: value, name, namespace (5.4+).
	rawWords = 3
)

// linked is where the first byte of a raw image is linked at, of architectures
// whose entries are addresses of so many bytes; all others have distances.
type linked struct {
	word int
	at   []uint64
}

// mips64 is what arch/mips/*/Platform loads at (load-y): malta and generic,
// loongson64, octeon.
var mips64 = linked{8, []uint64{0xffffffff80100000, 0xffffffff80200000, 0xffffffff81100000, 0xffffffff80800000}}

// linkedAt: arch/riscv/include/asm/pgtable.h (KERNEL_LINK_ADDR);
// arch/loongarch/Makefile (load-y); arch/s390/kernel/vmlinux.lds.S (TEXT_OFFSET);
// arch/arm/Makefile: TEXT_OFFSET 0x8000, or 0x208000 with platforms that
// Debian's multi-platform build has, after PAGE_OFFSET by VMSPLIT.
var linkedAt = map[model.Arch]linked{
	model.RISCV64:     {8, []uint64{0xffffffff80000000}},
	model.LoongArch64: {8, []uint64{0x9000000000200000, 0x9000000001000000}},
	model.S390X:       {8, []uint64{0x100000, 0}},
	model.MIPS64:      mips64,
	model.MIPS64EL:    mips64,
	model.ARM:         {4, []uint64{0xc0208000, 0xc0008000, 0xb0208000, 0xb0008000, 0x80208000, 0x80008000}},
}

// rawTables reads export tables from memory.
type rawTables struct {
	data     []byte
	order    binary.ByteOrder
	relative bool   // fields are 32-bit distances from themselves
	word     int    // bytes of a field
	base     uint64 // else the address of data[0]
	budget   int    // bytes of strings that may still be looked at
}

// rawExports finds the tables of a raw image; nil when there are none that fit.
func (k *kernel) rawExports(arch model.Arch, big bool) []symvers.Symbol {
	r := rawTables{data: k.data, order: binary.LittleEndian, relative: true, word: 4}
	if big {
		r.order = binary.BigEndian
	}
	if out := r.find(); out != nil {
		return out
	}
	l := linkedAt[arch]
	r.relative, r.word = false, l.word
	for _, r.base = range l.at {
		if out := r.find(); out != nil {
			return out
		}
	}
	return nil
}

// find returns the symbols of the first run of entries that are export tables.
func (r *rawTables) find() []symvers.Symbol {
	// real images take a tenth of that; made ones must not take minutes
	r.budget = 8 * len(r.data)
	size := rawWords * r.word
	for at := 0; at+rawLeast*size <= len(r.data); at += r.word {
		if !r.entry(at) {
			continue
		}
		end := at + size
		for end+size <= len(r.data) && r.entry(end) {
			end += size
		}
		if (end-at)/size >= rawLeast {
			if out := r.read(at, end); out != nil {
				return out
			}
		}
		at = end - r.word
	}
	return nil
}

// target is where the field at an offset leads: behind it, as the strings of a
// table are, and not further than tables are long; else 0.
func (r *rawTables) target(at int) int {
	var d int64
	switch {
	case r.relative:
		d = int64(int32(r.order.Uint32(r.data[at:])))
	case r.word == 8:
		d = int64(r.order.Uint64(r.data[at:])-r.base) - int64(at)
	default:
		d = int64(r.order.Uint32(r.data[at:])) - int64(r.base) - int64(at)
	}
	if d <= 0 || d > maxRawTables || int64(at)+d >= int64(len(r.data)) {
		return 0
	}
	return at + int(d)
}

// entry reports whether an entry may begin at an offset: its name is an
// identifier, its namespace a word or empty, or (up to 5.9) not set. Either may
// be the tail of another string: the linker merges them.
func (r *rawTables) entry(at int) bool {
	name := r.target(at + r.word)
	if name == 0 || !r.ident(name) {
		return false
	}
	field := r.data[at+2*r.word : at+3*r.word]
	if ns := r.target(at + 2*r.word); ns != 0 {
		return r.namespace(ns)
	}
	return bytes.Count(field, []byte{0}) == len(field)
}

func identStart(c byte) bool {
	return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// ident reports whether a string at an offset is an identifier (with the dots of
// the compiler's clones).
func (r *rawTables) ident(at int) bool {
	return identStart(r.data[at]) && r.all(at, func(c byte) bool {
		return identStart(c) || c == '.' || '0' <= c && c <= '9'
	})
}

// namespace reports whether a string at an offset may be one; those of 6.16 name
// modules ("module:kvm,kvm-*").
func (r *rawTables) namespace(at int) bool {
	return r.all(at, func(c byte) bool { return ' ' < c && c < 0x7f })
}

// all reports whether the string at an offset ends, and all before does ok.
func (r *rawTables) all(at int, ok func(byte) bool) bool {
	for _, c := range r.data[at:min(at+maxSymbol, len(r.data))] {
		if r.budget--; r.budget < 0 {
			return false
		}
		if c == 0 {
			return true
		}
		if !ok(c) {
			return false
		}
	}
	return false
}

// text is the string at an offset, of which entry knows that it ends.
func (r *rawTables) text(at int) string {
	n := bytes.IndexByte(r.data[at:], 0)
	return string(r.data[at : at+n])
}

// read decodes the entries from at to end and what belongs to them. The second
// table, GPL only, begins where the order of names does again.
func (r *rawTables) read(at, end int) []symvers.Symbol {
	size := rawWords * r.word
	out := make([]symvers.Symbol, 0, (end-at)/size)
	strs, tables := len(r.data), 1
	export := symvers.ExportAny
	for ; at < end; at += size {
		name := r.target(at + r.word)
		s := symvers.Symbol{Name: r.text(name), Owner: symvers.Vmlinux}
		strs = min(strs, name)
		if ns := r.target(at + 2*r.word); ns != 0 {
			s.Namespace = r.text(ns)
			strs = min(strs, ns)
		}
		if n := len(out); n > 0 && out[n-1].Name >= s.Name {
			tables++
			export = symvers.ExportGPL
		}
		s.Export = export
		out = append(out, s)
	}
	if tables > 2 || strs < end || !r.beside(out, tables, end, strs) {
		return nil
	}
	return out
}

// beside takes checksums and flags from what lies between the tables and their
// strings. Two tables have no flags, one table has them.
func (r *rawTables) beside(out []symvers.Symbol, tables, end, strs int) bool {
	n := len(out)
	crcs, flags := 0, 0
	if tables == 1 {
		flags = n
	}
	// each section may begin at the next multiple of 8
	switch rest := strs - end - flags; {
	case rest >= 4*n && rest < 4*n+16:
		crcs = 4 * n
	case rest < 0 || rest >= 8:
		return false
	}
	// flags are bytes, so the strings follow at once
	for i, b := range r.data[strs-flags : strs] {
		if b > flagGPL {
			return false
		}
		if b == flagGPL {
			out[i].Export = symvers.ExportGPL
		}
	}
	if crcs > 0 {
		r.checksums(out, end)
	}
	return true
}

// checksums takes the checksums from the table at an offset: four bytes a
// symbol, or (CONFIG_MODULE_REL_CRCS, up to 5.18) a distance to them.
func (r *rawTables) checksums(out []symvers.Symbol, at int) {
	far := r.distances(at, len(out))
	for i := range out {
		crc := r.order.Uint32(r.data[at+4*i:])
		if far && crc != 0 {
			crc = r.order.Uint32(r.data[at+4*i+int(int32(crc)):])
		}
		out[i].CRC, out[i].HasCRC = crc, crc != 0
	}
}

// distances reports whether all n entries lead into the image: chance lets a true
// checksum do so once in 30.
func (r *rawTables) distances(at, n int) bool {
	seen := 0
	for i := range n {
		d := int(int32(r.order.Uint32(r.data[at+4*i:])))
		if d == 0 {
			continue
		}
		if to := at + 4*i + d; to < 0 || to > len(r.data)-4 {
			return false
		}
		seen++
	}
	return seen >= leastDistances
}
