package modfile

import (
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/rebase"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/elfx/edit"
	"kpkg-btf/internal/where"
)

// RebaseOptions say how a module is rebased.
type RebaseOptions struct {
	// From is the base that the module was encoded on, which the Rebaser is from.
	From   *btf.Raw
	FromID stamp.Base
	// Onto identifies the base it is rewritten for; it is written into the
	// module, which is of that base from then on.
	Onto stamp.Base
}

// Rebase rewrites a module's split BTF for another kernel's base, and the ids
// in .BTF_ids with it: all of them, because nothing has to relocate them at
// load. A module that is distilled, or has no BTF, is left as it is. A type that
// the other kernel does not have makes it Unsupported, by its name.
func (m *Module) Rebase(r *rebase.Rebaser, o RebaseOptions) (*Result, error) {
	if m.Facts.BTF.Len() == 0 || m.Facts.BTFBase.Len() > 0 {
		return m.res, nil
	}
	split, err := btf.ParseSplit(m.Facts.BTF.Bytes(), o.From)
	if err != nil {
		return nil, where.In(secBTF, err)
	}
	ids, _ := m.Facts.TypeIDs()
	res, err := r.Rebase(split, ids)
	if err != nil {
		return nil, where.In(secBTF, err)
	}
	if err := m.mapIDs(res.ID, false); err != nil {
		return nil, err
	}
	by := stamp.Asserted
	if ProvenOn(m.Facts, o.FromID) {
		by = stamp.Encoder
	}
	return m.rewrite(func(e *edit.Object) error {
		if err := e.Replace(secBTF, res.Split); err != nil {
			return err
		}
		// An empty .BTF.base may be there, which kernels from 6.11 refuse.
		if _, err := e.Remove(secBase); err != nil {
			return err
		}
		return mark(e, stamp.Of(o.Onto, by, res.Split, nil))
	})
}
