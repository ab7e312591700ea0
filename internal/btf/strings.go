package btf

import (
	"bytes"
	"hash/maphash"
)

// Str returns the string at an offset, the base's included, without its NUL. It
// is a view of the blob. It is false for an offset beyond the strings; an
// offset inside a string gives its tail.
func (r *Raw) Str(off StrOff) ([]byte, bool) {
	if off < r.firstStr {
		return r.base.Str(off)
	}
	n := uint32(off - r.firstStr)
	if uint64(n) >= uint64(len(r.strs)) {
		return nil, false
	}
	s := r.strs[n:]
	return s[:bytes.IndexByte(s, 0)], true
}

// Name is Str as a copy; "" for an offset beyond the strings.
func (r *Raw) Name(off StrOff) string {
	s, _ := r.Str(off)
	return string(s)
}

// StrStart reports whether an offset is the first byte of a string.
func (r *Raw) StrStart(off StrOff) bool {
	if off < r.firstStr {
		return r.base.StrStart(off)
	}
	n := uint32(off - r.firstStr)
	return uint64(n) < uint64(len(r.strs)) && (n == 0 || r.strs[n-1] == 0)
}

// Sorted reports whether the blob's own types are in the order that kernels
// from 7.0 search by: those without a name first, the others by name.
func (r *Raw) Sorted() bool {
	r.sortedOnce.Do(func() {
		var last []byte
		r.sorted = true
		for t := range r.Types {
			s, _ := r.Str(t.Name)
			if bytes.Compare(s, last) < 0 {
				r.sorted = false
				return
			}
			last = s
		}
	})
	return r.sorted
}

// nameTable finds own records by name: open buckets of chained record
// numbers, in ascending order. The seed differs per process so that no input
// can choose its collisions; answers do not depend on it.
type nameTable struct {
	seed maphash.Seed
	mask uint64
	head []uint32 // bucket -> record number + 1
	next []uint32 // record number -> next in bucket + 1
}

// hashed is how much of a name goes into its hash. Names may overlap: records
// can name every tail of one long string, which would be hashed each time.
const hashed = 1 << 10

// bucket is where the records of a name are, by the hash of its beginning and
// its length.
func (t *nameTable) bucket(sum uint64, length int) uint64 {
	return (sum + uint64(max(0, length-hashed))) & t.mask
}

// Named yields the own records with a name, in id order. The first call
// builds a table of about 12 bytes a type.
func (r *Raw) Named(name string) func(yield func(Record) bool) {
	return func(yield func(Record) bool) {
		r.nameOnce.Do(r.buildNames)
		t := &r.names
		for n := t.head[t.bucket(maphash.String(t.seed, name[:min(len(name), hashed)]), len(name))]; n != 0; n = t.next[n-1] {
			rec := r.at(int(r.index[n-1]), r.first+ID(n-1))
			if s, _ := r.Str(rec.Name); string(s) == name && !yield(rec) {
				return
			}
		}
	}
}

// Find returns the first own record of a kind and name.
func (r *Raw) Find(kind Kind, name string) (Record, bool) {
	for t := range r.Named(name) {
		if t.Kind == kind {
			return t, true
		}
	}
	return Record{}, false
}

func (r *Raw) buildNames() {
	r.indexOnce.Do(r.buildIndex)
	size := uint64(1)
	for size < uint64(r.own) {
		size *= 2
	}
	t := &r.names
	t.seed, t.mask = maphash.MakeSeed(), size-1
	t.head, t.next = make([]uint32, size), make([]uint32, r.own)
	for n := r.own; n > 0; n-- { // backwards: chains come out in id order
		rec := r.at(int(r.index[n-1]), 0)
		s, ok := r.Str(rec.Name)
		if !ok || len(s) == 0 {
			continue
		}
		b := t.bucket(maphash.Bytes(t.seed, s[:min(len(s), hashed)]), len(s))
		t.next[n-1], t.head[b] = t.head[b], n
	}
}

// PointerSize is the size of C's long in bytes: every kernel is ILP32 or LP64.
func (r *Raw) PointerSize() uint32 {
	for _, name := range [...]string{"long unsigned int", "unsigned long", "long int", "long"} {
		if t, ok := r.Find(Int, name); ok {
			return t.SizeType
		}
	}
	return 8
}
