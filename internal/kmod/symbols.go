package kmod

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"kpkg-btf/internal/btf/ids"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

const sttRegister = 13 // STT_SPARC_REGISTER: reserves a register, imports nothing

// symbols makes one pass over the symbol table: undefined symbols are imports,
// symbols in .BTF_ids say what its words are.
func (s *scratch) symbols(f *Facts, t *elfx.Symtab) error {
	found, err := ids.Open(&s.elf)
	if err != nil {
		return err
	}
	s.names = s.names[:0]
	for _, sym := range t.All() {
		switch {
		case sym.Undefined():
			err = s.importOf(f, t, &sym)
		case found.Holds(&sym):
			err = found.Symbol(t, &sym)
		}
		if err != nil {
			return err
		}
	}
	names := string(s.names)
	for i := range f.Imports {
		f.Imports[i].Name, names = cut(names)
	}
	s.sortImports(f)
	f.IDs = found.Finish(s.elf.Layout)
	return nil
}

func (s *scratch) importOf(f *Facts, t *elfx.Symtab, sym *elfx.Symbol) error {
	if sym.Type() == sttRegister {
		return nil
	}
	name, err := t.Name(sym)
	if err != nil || len(name) == 0 {
		return err
	}
	switch {
	case string(name) == "_GLOBAL_OFFSET_TABLE_", string(name) == ".TOC.":
		return nil // the loader's own (scripts/mod/modpost.c, ignore_undef_symbol)
	case len(name) >= maxSymbolName:
		return where.New(where.Limit, "undefined symbol with a name of %d bytes, the limit is %d", len(name), maxSymbolName-1).At(t.Off())
	case len(f.Imports) == maxSymbols:
		return where.New(where.Limit, "more than %d undefined symbols", maxSymbols).At(t.Off())
	}
	s.names = append(s.names, name...)
	s.names = append(s.names, 0)
	f.Imports = append(f.Imports, Import{Weak: sym.Bind() == elfx.STBWeak})
	return nil
}

// importKey sorts mostly without looking at the name itself.
type importKey struct {
	prefix uint64
	Import
}

func (s *scratch) sortImports(f *Facts) {
	if len(f.Imports) == 0 {
		return
	}
	s.keys = s.keys[:0]
	for _, im := range f.Imports {
		var p [8]byte
		copy(p[:], im.Name)
		s.keys = append(s.keys, importKey{binary.BigEndian.Uint64(p[:]), im})
	}
	slices.SortFunc(s.keys, func(a, b importKey) int {
		if c := cmp.Compare(a.prefix, b.prefix); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	f.Imports = make([]Import, len(s.keys)) // append left room that nobody needs
	for i := range s.keys {
		f.Imports[i] = s.keys[i].Import
	}
	clear(s.keys) // the names are the facts', not the pool's
}

// cut takes the next NUL-terminated name.
func cut(names string) (name, rest string) {
	name, rest, _ = strings.Cut(names, "\x00")
	return name, rest
}
