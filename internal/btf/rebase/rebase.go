// Package rebase rewrites a module's split BTF, encoded on one kernel's base,
// so that it says the same on another's. It is what relocation of a distilled
// module does at load (btf_relocate, from 6.11), written back into the module,
// and so serves every kernel since 5.11; the price is that the module is then
// of that one kernel.
//
// A type of the base that the module names becomes the type of the other base
// that is the same at every depth, or else by value, or else by kind, name and
// size where the module does not embed it. Types without a name of their own
// that the other base does not have (a pointer, a prototype, a typedef) are
// copied behind the module's own types; a struct, union, enum or integer that
// it does not have makes the module refused, by its name.
package rebase

import (
	"encoding/binary"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// Rebaser rewrites modules from one base onto another. It is safe for
// concurrent use.
type Rebaser struct {
	from, to *btf.Raw
	classes  *meaning.Classes      // the old side is to, the new one from
	strs     map[string]btf.StrOff // strings of to
}

// New compares two bases: from, which modules were encoded on, and to.
func New(from, to *btf.Raw) (*Rebaser, error) {
	if from.BigEndian() != to.BigEndian() {
		return nil, where.New(where.Unsupported, "the bases are of different byte order")
	}
	r := &Rebaser{from: from, to: to, classes: meaning.Classify(to, from), strs: map[string]btf.StrOff{}}
	strs := to.Strings()
	for at := 0; at < len(strs); {
		s, _ := to.Str(btf.StrOff(at))
		if _, ok := r.strs[string(s)]; !ok {
			r.strs[string(s)] = btf.StrOff(at)
		}
		at += len(s) + 1
	}
	return r, nil
}

// Classes compare the base that is rebased onto (old) with the one that
// modules were encoded on (new).
func (r *Rebaser) Classes() *meaning.Classes { return r.classes }

// Result is a rebased module.
type Result struct {
	Split []byte

	ids        map[btf.ID]btf.ID // of the base
	first, end btf.ID            // the module's own, before
	newFirst   btf.ID
}

// ID is what an id, of the base or the module's own, became: what a word of
// .BTF_ids must be rewritten to. It is false for a type that the other base
// does not have, and beyond the last.
func (x *Result) ID(old btf.ID) (btf.ID, bool) {
	if old >= x.first {
		return old - x.first + x.newFirst, old < x.end
	}
	if old == 0 {
		return 0, true
	}
	id, ok := x.ids[old]
	return id, ok
}

// job is one module being rewritten.
type job struct {
	r        *Rebaser
	split    *btf.Raw
	embedded map[btf.ID]bool
	ids      map[btf.ID]btf.ID
	copies   []btf.ID // base types that follow the module's own
	strs     []byte   // own strings
	strOff   map[string]btf.StrOff
}

// Rebase rewrites a split that lies on the base it was encoded on. extra are
// base ids that something beside the BTF names (.BTF_ids). Errors of kind
// Unsupported name the type that the other base does not have.
func (r *Rebaser) Rebase(split *btf.Raw, extra []btf.ID) (*Result, error) {
	if split.Base() == nil {
		return nil, where.New(where.Malformed, "BTF without a base cannot be rebased")
	}
	if split.FirstID() != btf.ID(r.from.NumTypes()) || split.FirstStr() != btf.StrOff(r.from.StrLen()) {
		return nil, where.New(where.Internal, "the module lies on another base")
	}
	j := &job{r: r, split: split, embedded: map[btf.ID]bool{}, ids: map[btf.ID]btf.ID{}, strs: slices.Clone(split.Strings()), strOff: map[string]btf.StrOff{}}
	for _, id := range meaning.Embedded(split) {
		j.embedded[id] = true
	}
	for t := range split.Types {
		for pos, id := range t.Refs {
			if err := j.find(id); err != nil {
				return nil, at(err, pos)
			}
		}
	}
	for _, id := range extra {
		if err := j.find(id); err != nil {
			return nil, where.In(".BTF_ids", err)
		}
	}
	for i := 0; i < len(j.copies); i++ { // grows as copies name further types
		t, _ := r.from.Record(j.copies[i])
		for _, id := range t.Refs {
			if t.Kind != btf.Ptr && j.embedded[t.ID] {
				j.embedded[id] = true
			}
			if err := j.find(id); err != nil {
				return nil, err
			}
		}
	}
	return j.write()
}

func at(err error, pos uint32) error {
	if e, ok := err.(*where.Error); ok {
		return e.At(int64(pos))
	}
	return err
}

// find settles what an id of the base becomes.
func (j *job) find(id btf.ID) error {
	if id == 0 || id >= j.split.FirstID() {
		if uint32(id) >= j.split.NumTypes() {
			return where.New(where.Malformed, "id %d is beyond the last, %d", id, j.split.NumTypes()-1)
		}
		return nil
	}
	if _, ok := j.ids[id]; ok {
		return nil
	}
	if to, ok := j.like(id); ok {
		j.ids[id] = to
		return nil
	}
	t, _ := j.r.from.Record(id)
	if !copied(j.r.from, &t) {
		return where.New(where.Unsupported, "%s: the other kernel has no such type, or another one of that name", j.r.from.Label(id)).
			WithHint("build the module for that kernel")
	}
	j.ids[id] = btf.ID(j.r.to.NumTypes()) + btf.ID(j.split.OwnTypes()) + btf.ID(len(j.copies))
	j.copies = append(j.copies, id)
	return nil
}

// like finds the type of the other base. Of several that nothing tells apart
// at a depth the lowest is taken only where they are the same at every depth.
func (j *job) like(id btf.ID) (btf.ID, bool) {
	c := j.r.classes
	if same := c.OldIDs(meaning.Deep, id); len(same) > 0 {
		return same[0], true
	}
	values := c.OldIDs(meaning.ByValue, id)
	alike := c.OldIDs(meaning.Identity, id)
	both := slices.DeleteFunc(slices.Clone(alike), func(x btf.ID) bool { return !slices.Contains(values, x) })
	switch {
	case len(both) == 1:
		return both[0], true
	case len(alike) == 1 && !j.embedded[id]:
		return alike[0], true
	}
	return 0, false
}

// copied reports whether a type may be written into the module: one that says
// nothing but how others are put together.
func copied(r *btf.Raw, t *btf.Record) bool {
	switch t.Kind {
	case btf.Ptr, btf.Array, btf.Typedef, btf.Volatile, btf.Const, btf.Restrict, btf.FuncProto, btf.TypeTag:
		return true
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64:
		name, _ := r.Str(t.Name)
		return len(name) == 0
	}
	return false
}

func (j *job) order() binary.ByteOrder {
	if j.split.BigEndian() {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (j *job) write() (*Result, error) {
	h := j.split.Header()
	first, newFirst := j.split.FirstID(), btf.ID(j.r.to.NumTypes())
	var types []byte
	put := func(from *btf.Raw, t *btf.Record) error {
		at := len(types)
		types = append(types, from.RecordBytes(t)...)
		rec := types[at:]
		for pos, off := range t.Names {
			name, ok := j.name(off)
			if !ok {
				return where.New(where.Malformed, "BTF type [%d] %s: name offset %#x is beyond the strings", t.ID, t.Kind, uint32(off)).At(int64(pos))
			}
			j.order().PutUint32(rec[pos-t.Pos:], uint32(name))
		}
		for pos, id := range t.Refs {
			switch {
			case id >= first:
				id = id - first + newFirst
			case id != 0:
				id = j.ids[id]
			}
			j.order().PutUint32(rec[pos-t.Pos:], uint32(id))
		}
		return nil
	}
	for t := range j.split.Types {
		if err := put(j.split, &t); err != nil {
			return nil, err
		}
	}
	for _, id := range j.copies {
		t, _ := j.r.from.Record(id)
		if err := put(j.r.from, &t); err != nil {
			return nil, where.In("base", err)
		}
	}
	if n := btf.HeaderLenLayout + len(types) + len(j.strs); n > limits.MaxBTF {
		return nil, where.New(where.Limit, "rebased BTF of %d bytes, the limit is %d", n, int64(limits.MaxBTF))
	}
	if len(j.strs) > 0 && h.StrLen == 0 {
		j.strs = append([]byte{}, j.strs...)
	}
	out := make([]byte, btf.HeaderLen, btf.HeaderLen+len(types)+len(j.strs))
	copy(out, j.split.Bytes()[:4]) // magic, version, flags
	for i, v := range []int{btf.HeaderLen, 0, len(types), len(types), len(j.strs)} {
		j.order().PutUint32(out[4+4*i:], uint32(v))
	}
	out = append(append(out, types...), j.strs...)
	return &Result{Split: out, ids: j.ids, first: first, end: btf.ID(j.split.NumTypes()), newFirst: newFirst}, nil
}

// name gives a string its offset on the other base: own strings follow that
// one's, those of the base are found in it or become own ones.
func (j *job) name(off btf.StrOff) (btf.StrOff, bool) {
	end := btf.StrOff(j.r.to.StrLen())
	if off >= j.split.FirstStr() {
		own := off - j.split.FirstStr()
		return end + own, uint64(own) < uint64(j.split.StrLen())
	}
	s, ok := j.r.from.Str(off)
	if !ok {
		return 0, false
	}
	if to, ok := j.r.strs[string(s)]; ok {
		return to, true
	}
	to, ok := j.strOff[string(s)]
	if !ok {
		to = end + btf.StrOff(len(j.strs))
		j.strs = append(append(j.strs, s...), 0)
		j.strOff[string(s)] = to
	}
	return to, true
}
