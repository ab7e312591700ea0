package kmod

import (
	"slices"
	"strings"

	"kpkg-btf/internal/elfx"
)

const sttRegister = 13 // STT_SPARC_REGISTER: reserves a register, imports nothing

// symbols makes one pass over the symbol table: undefined symbols are imports,
// symbols in .BTF_ids say what its words are.
func (s *scratch) symbols(f *Facts, t *elfx.Symtab) error {
	ids, err := s.openIDs(f)
	if err != nil {
		return err
	}
	s.names = s.names[:0]
	for _, sym := range t.All() {
		switch {
		case sym.Undefined():
			err = s.importOf(f, t, &sym)
		case ids.sec != nil && sym.Section == ids.sec.Index && !sym.Reserved:
			err = ids.symbol(t, &sym)
		}
		if err != nil {
			return err
		}
	}
	names := string(s.names)
	for i := range f.Imports {
		f.Imports[i].Name, names = cut(names)
	}
	slices.SortFunc(f.Imports, func(a, b Import) int { return strings.Compare(a.Name, b.Name) })
	ids.finish(s.elf.Layout)
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
	s.names = append(s.names, name...)
	s.names = append(s.names, 0)
	f.Imports = append(f.Imports, Import{Weak: sym.Bind() == elfx.STBWeak})
	return nil
}

// cut takes the next NUL-terminated name.
func cut(names string) (name, rest string) {
	name, rest, _ = strings.Cut(names, "\x00")
	return name, rest
}
