// Package meaning answers whether a module's BTF, read on another base than it
// was encoded against, still says what its build meant. A kernel that accepts
// it proves nothing: ids and string offsets of the base move with every
// rebuild, and most wrong readings are well-formed (docs/kernel-rules.md, "Wrong
// types that are taken").
//
// Both bases together are one graph: a type is a node, each reference an edge.
// Classify finds the coarsest stable partition of it (bisimulation): two types
// are of one class when all that is local to them is equal (kind, flags, name,
// size, names and offsets of members, values, names of parameters, lengths) and
// their references, in order, lead to types of one class. Types that cycles
// tie together are equal unless something tells them apart.
//
// No hash decides that two things are equal. Hashes only find candidates, which
// are then compared word by word and name by name, so that no collision,
// chosen or not, can make a different type "same".
package meaning

import (
	"fmt"

	"kpkg-btf/internal/btf"
)

// Depth says how far two types are compared.
type Depth uint8

const (
	// Named compares structs, unions and enums that have a name by name and
	// kind alone, a declaration like what it declares; all other types by what
	// they refer to. It is how what is behind a pointer is compared where it
	// need not be more: relocation asks no more of it (btf_relocate).
	Named Depth = iota
	// Identity compares also their size, and tells a declaration apart.
	Identity
	// ByValue compares the layout of everything that is embedded. It stops at
	// pointers, where what is pointed at is compared by Named, and at enums with
	// a name, whose values are no layout. Of all that is the same at ByValue
	// only the size behind a pointer may tell Identity otherwise.
	ByValue
	// Deep compares everything that can be reached. What is the same here is
	// the same at every depth.
	Deep

	// NumDepths is the number of depths.
	NumDepths = 4
)

var depthNames = [NumDepths]string{"named", "identity", "by value", "deep"}

func (d Depth) String() string {
	if d < NumDepths {
		return depthNames[d]
	}
	return fmt.Sprintf("depth %d", uint8(d))
}

// Side says which of the two bases an id is of.
type Side uint8

// The kernel that may load a module, and the one the module was built with.
const (
	Old Side = iota
	New
)

// Class is the number of a class at one depth. Two types, of one side or of
// both, are the same at that depth when their classes are equal.
type Class uint32

// Classes knows the types of two bases apart. It is safe for concurrent use.
type Classes struct {
	old, new *btf.Raw
	g        graph
	deep     []uint32            // node -> deep class
	coarse   [NumDepths][]uint32 // deep class -> class of the depth; nil for Deep
	counts   [NumDepths]int      // classes
	places   []uint8             // id of the new base -> at which depths it is the same in place, and anywhere (<<4)
	sameStr  bitset              // string offsets that begin equal strings in both
	members  [NumDepths]byClass
	turned   Side // of g's sides, that which is old here
}

// Classify compares two bases. The time is that of the number of references
// times the logarithm of the number of types at most; the memory about 80
// bytes a type, 30 of which stay. Bases of different byte order have types in
// common, but no module means the same on both.
func Classify(old, new *btf.Raw) *Classes {
	c := &Classes{old: old, new: new, g: union(old, new)}
	c.classDeep()
	c.classCoarse(Named)
	c.classCoarse(Identity)
	c.classCoarse(ByValue)
	c.g = graph{old: old, new: new, n: c.g.n} // the edges have done their work
	c.place()
	return c
}

// Reversed is the same comparison with the sides exchanged: which types are of
// one class does not depend on that. It takes a small part of the time, and
// shares what is large.
func (c *Classes) Reversed() *Classes {
	r := &Classes{old: c.new, new: c.old, g: c.g, deep: c.deep, coarse: c.coarse, counts: c.counts, turned: New - c.turned}
	r.place()
	return r
}

// Raw returns the base of a side.
func (c *Classes) Raw(s Side) *btf.Raw {
	if s == Old {
		return c.old
	}
	return c.new
}

// Class returns the class of a type at a depth. An id beyond the last one is of
// a class of its own side, which no type of the other has.
func (c *Classes) Class(d Depth, s Side, id btf.ID) Class {
	k := c.deep[c.g.node(s^c.turned, id)]
	if d == Deep {
		return Class(k)
	}
	return Class(c.coarse[d][k])
}

// NumClasses is the number of classes at a depth; every Class is below it.
func (c *Classes) NumClasses(d Depth) int { return c.counts[d] }

// Same reports whether a type of the old base and one of the new base are the
// same at a depth.
func (c *Classes) Same(d Depth, old, new btf.ID) bool {
	return c.Class(d, Old, old) == c.Class(d, New, new)
}

// InPlace reports whether an id means the same in both bases.
func (c *Classes) InPlace(d Depth, id btf.ID) bool {
	return int(id) < len(c.places) && c.places[id]>>d&1 != 0
}

// Anywhere reports whether the old base has a type like one of the new base,
// whatever its id.
func (c *Classes) Anywhere(d Depth, id btf.ID) bool {
	return int(id) < len(c.places) && c.places[id]>>d&(1<<4) != 0
}

// StringInPlace reports whether a string offset gives the same string in both
// bases.
func (c *Classes) StringInPlace(off btf.StrOff) bool { return c.sameStr.has(uint32(off)) }

// Alike reports whether the bases have the same counts, without which no
// reference of a module to its own types, or own string, is read as it was
// meant.
func (c *Classes) Alike() bool {
	return c.sameOrder() && c.old.NumTypes() == c.new.NumTypes() && c.old.StrLen() == c.new.StrLen()
}

func (c *Classes) sameOrder() bool { return c.old.BigEndian() == c.new.BigEndian() }

func (c *Classes) place() {
	c.placeTypes()
	c.placeStrings()
}

func (c *Classes) placeTypes() {
	c.places = make([]uint8, c.new.NumTypes())
	for d := range Depth(NumDepths) {
		old := newBitset(c.counts[d])
		for id := range btf.ID(c.old.NumTypes()) {
			old.set(uint32(c.Class(d, Old, id)))
		}
		for id := range c.places {
			k := c.Class(d, New, btf.ID(id))
			if old.has(uint32(k)) {
				c.places[id] |= 1 << 4 << d
			}
			if c.sameOrder() && uint32(id) < c.old.NumTypes() && k == c.Class(d, Old, btf.ID(id)) {
				c.places[id] |= 1 << d
			}
		}
	}
}

// placeStrings goes backwards: a string is the same when its first byte is and
// the string that begins after it is.
func (c *Classes) placeStrings() {
	old, new := c.old.Strings(), c.new.Strings()
	c.sameStr = newBitset(len(new))
	same := false
	for i := min(len(old), len(new)) - 1; i >= 0; i-- {
		switch {
		case old[i] != new[i]:
			same = false
		case old[i] == 0:
			same = true
		}
		if same {
			c.sameStr.set(uint32(i))
		}
	}
}

type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i uint32) { b[i/64] |= 1 << (i % 64) }

func (b bitset) has(i uint32) bool { return int(i/64) < len(b) && b[i/64]>>(i%64)&1 != 0 }
