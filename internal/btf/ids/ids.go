// Package ids reads .BTF_ids, the type ids that the build wrote into a module or
// a vmlinux, and the symbols that say what they are (include/linux/btf_ids.h), and
// finds what is wrong with it by itself.
package ids

import (
	"bytes"
	"slices"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

// maxIDs bounds the size of .BTF_ids; the largest seen is 4 KB.
const maxIDs = 4 << 20

// maxSymbolName is KSYM_NAME_LEN of 6.1+, the NUL included.
const maxSymbolName = 512

// Section is a .BTF_ids section: 4-byte BTF ids that the build wrote.
type Section struct {
	Size    int
	Words   []Word  // by offset
	Sets    []Set   // by offset
	Labels  []Label // by offset
	Located bool    // symbols are present; without them (--strip-unneeded) words cannot be told apart
	Data    []byte
}

// Word is one __BTF_ID__KIND__NAME__N word. In a set ID need not belong to
// Name: the build sorts the ids of a set after it has written them
// (tools/bpf/resolve_btfids, sets_patch), and the symbols stay where they were.
type Word struct {
	Off  int    // byte offset in the section
	ID   uint32 // the value in the file
	Kind string // "func", "struct", "union", "typedef", …
	Name string // NAME, C identifier
	Set  int    // index into Section.Sets, or -1: a plain BTF_ID_LIST word
}

// Label is the name by which C code knows a list or set that begins at Off:
// "btf_nf_conn_ids". Lists are told apart by nothing else.
type Label struct {
	Off  int
	Name string
}

// Set is one __BTF_ID__set__NAME or __BTF_ID__set8__NAME.
type Set struct {
	Off   int
	Name  string
	Set8  bool
	Count uint32 // the cnt word in the file; more than len(IDs) in a broken set
	Flags uint32 // of a set8 (6.9+)
	IDs   []uint32
	// PairFlags are the flags beside each id of a set8 (KF_*), nil in a set.
	PairFlags []uint32
	// Room is how many members its symbol's size holds, -1 where that is not
	// known; Members how many words in it have a symbol. Members without one are
	// BTF_ID_UNUSED, id 0.
	Room, Members int
}

// Reader collects what the symbols of a section say. Its zero value is that of
// a file without the section.
type Reader struct {
	Section *Section // nil: there is none
	sec     *elfx.Section
	start   uint64 // what the values of symbols count from
	sets    []sizedSet
}

type sizedSet struct {
	Set
	size uint64 // st_size, 0 when the build did not set it
}

// Open copies .BTF_ids of a file. Values of symbols are offsets in an object
// (ET_REL), addresses in a linked kernel.
func Open(f *elfx.File) (Reader, error) {
	sec := f.Section(".BTF_ids")
	if sec == nil || !sec.HasData() {
		return Reader{}, nil
	}
	data, err := f.Data(sec)
	if err != nil {
		return Reader{}, err
	}
	if len(data) > maxIDs {
		return Reader{}, where.New(where.Limit, ".BTF_ids of %d bytes, the limit is %d", len(data), maxIDs).At(int64(sec.Off))
	}
	r := Reader{sec: sec, Section: &Section{Size: len(data), Data: append(make([]byte, 0, len(data)), data...)}}
	if f.Type != elfx.TypeRel {
		r.start = sec.Addr
	}
	return r, nil
}

// Holds reports whether a symbol is one of the section.
func (r *Reader) Holds(sym *elfx.Symbol) bool {
	return r.sec != nil && sym.Section == r.sec.Index && !sym.Reserved
}

// Symbol takes one symbol of .BTF_ids. Its name is __BTF_ID__KIND__NAME__N,
// where N is a counter that makes it unique (__BTF_ID and __ID in
// include/linux/btf_ids.h), or __BTF_ID__set__NAME and __BTF_ID__set8__NAME.
// Others are the names by which C code knows the lists.
func (r *Reader) Symbol(t *elfx.Symtab, sym *elfx.Symbol) error {
	full, err := t.Name(sym)
	if err != nil {
		return err
	}
	rest, ok := bytes.CutPrefix(full, []byte("__BTF_ID__"))
	if !ok {
		return r.label(full, sym)
	}
	data := r.Section.Data
	value := sym.Value - r.start // of one before the section, past its end
	kind, name, ok := bytes.Cut(rest, []byte("__"))
	if !ok || value%4 != 0 || value > uint64(len(data)) || uint64(len(data))-value < 4 {
		return where.New(where.Malformed, "symbol %q at 0x%x of the 0x%x bytes of .BTF_ids", full, value, len(data)).At(int64(r.sec.Off))
	}
	if len(name) >= maxSymbolName || len(r.Section.Words)+len(r.sets) > len(data)/4 {
		return where.New(where.Limit, "more symbols in .BTF_ids than its %d bytes can use, or names too long", len(data)).At(int64(r.sec.Off))
	}
	r.Section.Located = true
	off := int(value)
	switch k := string(kind); k {
	case "set", "set8":
		r.sets = append(r.sets, sizedSet{Set{Off: off, Name: string(name), Set8: k == "set8"}, sym.Size})
	default:
		if i := bytes.LastIndex(name, []byte("__")); i >= 0 && digits(name[i+2:]) {
			name = name[:i]
		}
		r.Section.Words = append(r.Section.Words, Word{Off: off, Kind: k, Name: string(name), Set: -1})
	}
	return nil
}

// ofAssembler tells the symbols that assemblers for ARM, AArch64 and RISC-V put
// at the places of others: "$d" where data begins, ".L" and "L0" for what they
// refer to (is_mapping_symbol in include/linux/module_symbol.h, 6.12). No list
// of C code is called so.
func ofAssembler(name []byte) bool {
	return name[0] == '$' || bytes.HasPrefix(name, []byte(".L")) || bytes.HasPrefix(name, []byte("L0"))
}

// label takes a symbol that names a list.
func (r *Reader) label(name []byte, sym *elfx.Symbol) error {
	if len(name) == 0 || ofAssembler(name) || sym.Type() == elfx.STTSection || sym.Value-r.start > uint64(len(r.Section.Data)) {
		return nil
	}
	if len(name) >= maxSymbolName || len(r.Section.Labels) > len(r.Section.Data)/4 {
		return where.New(where.Limit, "more names in .BTF_ids than its %d bytes can use, or too long", len(r.Section.Data)).At(int64(r.sec.Off))
	}
	r.Section.Labels = append(r.Section.Labels, Label{Off: int(sym.Value - r.start), Name: string(name)})
	return nil
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// Finish reads the ids where the symbols say they are, gives each word its set,
// and returns the section; nil where there is none.
func (r *Reader) Finish(l elfx.Layout) *Section {
	if r.sec == nil {
		return nil
	}
	ids := r.Section
	slices.SortStableFunc(r.sets, func(a, b sizedSet) int { return a.Off - b.Off })
	slices.SortStableFunc(ids.Labels, func(a, b Label) int { return a.Off - b.Off })
	slices.SortStableFunc(ids.Words, func(a, b Word) int { return a.Off - b.Off })
	ends := make([]int, len(r.sets))
	for i := range r.sets {
		end := len(ids.Data)
		if i+1 < len(r.sets) {
			end = r.sets[i+1].Off
		}
		s := &r.sets[i]
		if s.size > 0 && s.size < uint64(end-s.Off) {
			end = s.Off + int(s.size)
		}
		s.Room = -1
		if head, step := s.shape(); s.size >= uint64(head) {
			s.Room = int((s.size - uint64(head)) / uint64(step))
		}
		s.read(ids.Data[s.Off:end], l)
		ids.Sets = append(ids.Sets, s.Set)
		ends[i] = end
	}
	set := 0
	for i := range ids.Words {
		w := &ids.Words[i]
		w.ID = l.U32(ids.Data[w.Off:])
		for set < len(ends) && ends[set] <= w.Off {
			set++
		}
		if set < len(ends) && ids.Sets[set].Off <= w.Off {
			w.Set = set
			ids.Sets[set].Members++
		}
	}
	return ids
}

// shape is the size of a set's head and of a member, in bytes.
func (s *Set) shape() (head, step int) {
	if s.Set8 {
		return 8, 8
	}
	return 4, 4
}

// read takes the set from its bytes: struct btf_id_set, a count and ids, or
// struct btf_id_set8, a count, flags, and pairs of id and flags. The members
// are those of the count, as far as the set reaches.
func (s *Set) read(d []byte, l elfx.Layout) {
	head, step := s.shape()
	if len(d) < head {
		return
	}
	s.Count = l.U32(d)
	if s.Set8 {
		s.Flags = l.U32(d[4:])
	}
	n := (len(d) - head) / step
	if uint64(s.Count) < uint64(n) {
		n = int(s.Count)
	}
	s.IDs = make([]uint32, n)
	if s.Set8 {
		s.PairFlags = make([]uint32, n)
	}
	for i := range s.IDs {
		s.IDs[i] = l.U32(d[head+i*step:])
		if s.Set8 {
			s.PairFlags[i] = l.U32(d[head+i*step+4:])
		}
	}
}
