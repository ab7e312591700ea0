package modfile

import (
	"bytes"
	"crypto/sha256"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/edit"
	"kpkg-btf/internal/where"
)

// StripOptions say how BTF is removed. The zero value removes it, zeroes the
// ids that would be stale and marks the module as stripped.
type StripOptions struct {
	// Neutralize empties the sections in place of removing them: no byte
	// moves, no stamp is written; the empty .BTF is the mark.
	Neutralize bool
	// KeepIDs leaves .BTF_ids as it is. Only right where every kernel that may
	// load the module has the base it was built on.
	KeepIDs bool
	// NoMark writes no stamp: the module then counts as one whose BTF was
	// lost.
	NoMark bool
	// Base is what the module was built on, for the stamp; nil: what an older
	// stamp says, else not known.
	Base *stamp.Base
}

// Strip removes .BTF and .BTF.base, all sections of these names, as objcopy -R
// does. .BTF_ids stays, since relocations refer to it, and its sets keep count
// and flags, which register_btf_kfunc_id_set looks at before it looks for BTF
// (since 6.9); the words of plain lists become 0, the id that matches nothing
// (docs/kernel-rules.md, "Stale ids"). A module without BTF keeps what it has, stale words
// excepted.
func (m *Module) Strip(o StripOptions) (*Result, error) {
	if !o.KeepIDs {
		if err := m.zeroLists(); err != nil {
			return nil, err
		}
	}
	if o.Neutralize {
		return m.neutralize()
	}
	if m.Facts.BTF.Len() == 0 { // what is missing cannot be marked
		return m.rewrite(func(e *edit.Object) error {
			_, err := e.Remove(secBTF, secBase)
			return err
		})
	}
	if old, err := stamp.Parse(m.Facts.Stamp); err == nil && o.Base == nil {
		o.Base = old.Base
	}
	return m.rewrite(func(e *edit.Object) error {
		if _, err := e.Remove(secBTF, secBase, stamp.Section); err != nil || o.NoMark {
			return err
		}
		return e.Add(stamp.Section, stamp.Stamp{Base: o.Base, Left: stamp.Stripped}.Bytes())
	})
}

// neutralize sets the size of the BTF sections to 0 and their bytes to zero, and
// marks them by their type (stamp.Emptied), which no kernel looks at.
func (m *Module) neutralize() (*Result, error) {
	var f elfx.File
	if err := f.Reset(m.in); err != nil {
		return nil, err
	}
	if err := loaded(&f); err != nil {
		return nil, err
	}
	out := bytes.Clone(m.in)
	for i := range f.Sections {
		s := &f.Sections[i]
		switch {
		case s.Name == secBTF || s.Name == secBase:
			if s.HasData() {
				clear(out[s.Off : s.Off+s.Size])
			}
			header := out[f.HeaderOff(s):]
			f.Order().PutUint32(header[4:], stamp.Emptied)
			size := header[8+3*f.WordSize():]
			clear(size[:f.WordSize()])
		case !s.HasData():
		case s.Name == secIDs && m.ids != nil:
			copy(out[s.Off:s.Off+s.Size], m.ids)
			m.ids = nil // the first of the name
		}
	}
	return m.finish(out, sha256.Sum256(out))
}

// loaded refuses a module whose BTF is loaded with it: it was not made by a
// kernel's build, and relocations may lead to it.
func loaded(f *elfx.File) error {
	for i := range f.Sections {
		if s := &f.Sections[i]; optional(s.Name) && s.Flags&elfx.SHFAlloc != 0 {
			return where.New(where.Unsupported, "section %s is loaded with the module (SHF_ALLOC)", s.Name).At(f.HeaderOff(s))
		}
	}
	return nil
}
