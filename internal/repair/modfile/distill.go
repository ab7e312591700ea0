package modfile

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/elfx/edit"
	"kpkg-btf/internal/where"
)

// DistillOptions say how a module is distilled.
type DistillOptions struct {
	// Base is the BTF of the kernel that the module was built for.
	Base *btf.Raw
	// Stamp, if not nil, is written into the module: what identifies Base. It is
	// the encoder's where the module carried the encoder's for this base, since
	// distilling adds nothing to what was proven; else it is asserted.
	Stamp *stamp.Base
	// ForbidZeroing refuses modules with plain lists of ids that the kernel
	// does not relocate, in place of zeroing them.
	ForbidZeroing bool
}

// Distiller distils modules with the scratch memory of one worker. The zero
// value is ready. It is not safe for concurrent use.
type Distiller struct{ d distill.Distiller }

// Distill rewrites a module's BTF as .BTF and .BTF.base, which kernels from
// 6.11 relocate onto their own base at load, and the ids in .BTF_ids with it.
// The kernel relocates ids of sets, destructors and trace events; other lists
// it uses as they are (docs/kernel-rules.md, "Ids of distilled modules"), and their words become 0. A module
// that is distilled, or has no BTF, is left as it is. What cannot be distilled
// is Unsupported, distill.ErrEmpty among it.
func (m *Module) Distill(d *Distiller, o DistillOptions) (*Result, error) {
	if m.Facts.BTF.Len() == 0 || m.Facts.BTFBase.Len() > 0 {
		return m.res, nil
	}
	split, err := btf.ParseSplit(m.Facts.BTF.Bytes(), o.Base)
	if err != nil {
		return nil, where.In(secBTF, err)
	}
	r, err := d.d.Distill(split)
	if err != nil {
		return nil, where.In(secBTF, err)
	}
	if err := m.mapIDs(r.ID, true); err != nil {
		return nil, err
	}
	if o.ForbidZeroing && m.unrelocated > 0 {
		return nil, forbidden(m.res.Words)
	}
	by := stamp.Asserted
	if o.Stamp != nil && ProvenOn(m.Facts, *o.Stamp) {
		by = stamp.Encoder
	}
	return m.rewrite(func(e *edit.Object) error {
		// An empty .BTF.base, which kernels refuse, may be there, and a stamp
		// that says "split".
		if _, err := e.Remove(secBase, stamp.Section); err != nil {
			return err
		}
		if err := e.Replace(secBTF, r.Split); err != nil {
			return err
		}
		if err := e.Add(secBase, r.Base); err != nil || o.Stamp == nil {
			return err
		}
		return e.Add(stamp.Section, stamp.Of(*o.Stamp, by, r.Split, r.Base).Bytes())
	})
}

func forbidden(words []Word) error {
	var names []string
	for _, w := range words {
		names = append(names, fmt.Sprintf("%s %s", w.Kind, w.Name))
	}
	return where.In(secIDs, where.New(where.Unsupported, "distilling would lose the ids of %s in list %s, which no kernel relocates", strings.Join(names, ", "), words[0].List).
		At(int64(words[0].Off)).WithHint("strip the module, or allow zeroing"))
}

// Distill is Open and Module.Distill.
func (d *Distiller) Distill(content []byte, o DistillOptions) (*Result, error) {
	m, err := Open(content)
	if err != nil {
		return nil, err
	}
	return m.Distill(d, o)
}
