package kmod

import (
	"bytes"
	"slices"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

// maxIDs bounds the size of .BTF_ids; the largest seen is 4 KB.
const maxIDs = 4 << 20

// idReader collects what the symbols of .BTF_ids say.
type idReader struct {
	sec  *elfx.Section // nil: the module has none
	ids  *IDs
	sets []sizedSet
}

type sizedSet struct {
	IDSet
	size uint64 // st_size, 0 when the build did not set it
}

// openIDs copies .BTF_ids into f.
func (s *scratch) openIDs(f *Facts) (idReader, error) {
	sec := s.elf.Section(".BTF_ids")
	if sec == nil || !sec.HasData() {
		return idReader{}, nil
	}
	data, err := s.elf.Data(sec)
	if err != nil {
		return idReader{}, err
	}
	if len(data) > maxIDs {
		return idReader{}, where.New(where.Limit, ".BTF_ids of %d bytes, the limit is %d", len(data), maxIDs).At(int64(sec.Off))
	}
	f.IDs = &IDs{Size: len(data), Data: append(make([]byte, 0, len(data)), data...)}
	return idReader{sec: sec, ids: f.IDs}, nil
}

// symbol takes one symbol of .BTF_ids. Its name is __BTF_ID__KIND__NAME__N,
// where N is a counter that makes it unique (__BTF_ID and __ID in
// include/linux/btf_ids.h), or __BTF_ID__set__NAME and __BTF_ID__set8__NAME.
// Others are the names by which C code knows the lists.
func (r *idReader) symbol(t *elfx.Symtab, sym *elfx.Symbol) error {
	full, err := t.Name(sym)
	if err != nil {
		return err
	}
	rest, ok := bytes.CutPrefix(full, []byte("__BTF_ID__"))
	if !ok {
		return r.label(full, sym)
	}
	data := r.ids.Data
	kind, name, ok := bytes.Cut(rest, []byte("__"))
	if !ok || sym.Value%4 != 0 || sym.Value > uint64(len(data)) || uint64(len(data))-sym.Value < 4 {
		return where.New(where.Malformed, "symbol %q at 0x%x of the 0x%x bytes of .BTF_ids", full, sym.Value, len(data)).At(int64(r.sec.Off))
	}
	if len(name) >= maxSymbolName || len(r.ids.Words)+len(r.sets) > len(data)/4 {
		return where.New(where.Limit, "more symbols in .BTF_ids than its %d bytes can use, or names too long", len(data)).At(int64(r.sec.Off))
	}
	r.ids.Located = true
	off := int(sym.Value)
	switch k := string(kind); k {
	case "set", "set8":
		r.sets = append(r.sets, sizedSet{IDSet{Off: off, Name: string(name), Set8: k == "set8"}, sym.Size})
	default:
		if i := bytes.LastIndex(name, []byte("__")); i >= 0 && digits(name[i+2:]) {
			name = name[:i]
		}
		r.ids.Words = append(r.ids.Words, IDWord{Off: off, Kind: k, Name: string(name), Set: -1})
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
func (r *idReader) label(name []byte, sym *elfx.Symbol) error {
	if len(name) == 0 || ofAssembler(name) || sym.Type() == elfx.STTSection || sym.Value > uint64(len(r.ids.Data)) {
		return nil
	}
	if len(name) >= maxSymbolName || len(r.ids.Labels) > len(r.ids.Data)/4 {
		return where.New(where.Limit, "more names in .BTF_ids than its %d bytes can use, or too long", len(r.ids.Data)).At(int64(r.sec.Off))
	}
	r.ids.Labels = append(r.ids.Labels, IDLabel{Off: int(sym.Value), Name: string(name)})
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

// finish reads the ids where the symbols say they are and gives each word its
// set.
func (r *idReader) finish(l elfx.Layout) {
	if r.sec == nil {
		return
	}
	ids := r.ids
	slices.SortStableFunc(r.sets, func(a, b sizedSet) int { return a.Off - b.Off })
	slices.SortStableFunc(ids.Labels, func(a, b IDLabel) int { return a.Off - b.Off })
	slices.SortStableFunc(ids.Words, func(a, b IDWord) int { return a.Off - b.Off })
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
		s.read(ids.Data[s.Off:end], l)
		ids.Sets = append(ids.Sets, s.IDSet)
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
		}
	}
}

// read takes the set from its bytes: struct btf_id_set, a count and ids, or
// struct btf_id_set8, a count, flags, and pairs of id and flags. The members
// are those of the count, as far as the set reaches.
func (s *IDSet) read(d []byte, l elfx.Layout) {
	head, step := 4, 4
	if s.Set8 {
		head, step = 8, 8
	}
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
