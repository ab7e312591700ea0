package judge

import (
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/cdef"
	"kpkg-btf/internal/btf/diff"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
)

// changedTypes are the types that changed; of the first ones also what they
// were and are in C, and what of the new release reaches them.
func (w *window) changedTypes(ch *meaning.Change) []model.ChangedType {
	out := make([]model.ChangedType, len(ch.Types))
	if len(out) == 0 {
		return out
	}
	side := &TypeSide{base: w.newK.Base}
	if w.r.Symvers != nil {
		side.exports(w.r.Symvers)
	}
	// A module whose BTF cannot be read has a finding of its own; nothing is
	// said of who reaches a type then, since it would be too few.
	whole := side.modules(w.r) == nil
	asks := newAsker(side)
	old, new := w.classes.Raw(meaning.Old), w.classes.Raw(meaning.New)
	for i, p := range ch.Types {
		was, _ := old.Record(p.Old)
		is, _ := new.Record(p.New)
		t := &out[i]
		*t = model.ChangedType{Name: meaning.Describe(new, p.New), OldID: uint32(p.Old), NewID: uint32(p.New), OldSize: was.SizeType, NewSize: is.SizeType}
		if i >= limits.MaxFindings {
			continue
		}
		t.Text, t.Was, t.Is = diff.Sentence(old, new, p.Old, p.New), definition(old, p.Old), definition(new, p.New)
		if whole {
			used := asks.used(p.New)
			t.Used = &used
		}
	}
	return out
}

// definition is the document of a definition.
func definition(r *btf.Raw, id btf.ID) *model.Definition {
	d := cdef.Of(r, id)
	out := &model.Definition{Head: d.Head, Fields: make([]model.Field, 0, len(d.Fields)), Cut: d.Cut}
	for i := range d.Fields {
		f := &d.Fields[i]
		out.Fields = append(out.Fields, model.Field{Bit: f.Bit, Bits: f.Bits, Depth: f.Depth, C: f.Text})
	}
	return out
}

// placesOf is the document of where ids went.
func placesOf(p *meaning.Places) *model.IDPlaces {
	out := &model.IDPlaces{Ids: p.Ids, Cells: meaning.PlaceCells, Has: []model.IDCell{}}
	for new := range p.Count {
		for old, n := range p.Count[new] {
			if n > 0 {
				out.Has = append(out.Has, model.IDCell{New: new, Old: old, Count: n})
			}
		}
	}
	return out
}
