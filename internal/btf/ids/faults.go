package ids

import (
	"fmt"
	"slices"
)

// Fault is what is wrong with a section by itself, whatever the base.
type Fault struct {
	Kind FaultKind
	Name string // of the set, or of the word
	Text string // with the numbers
}

// FaultKind is the kind of a Fault.
type FaultKind string

const (
	// Unresolved: no id was ever written. resolve_btfids did not run.
	Unresolved FaultKind = "unresolved"
	// Broken: a set is not what resolve_btfids leaves: another count than its size
	// and symbols have room for, ids out of order, twice, or 0, unknown flags.
	Broken FaultKind = "broken"
	// Zero: a word of a plain list is 0, though it has a name. resolve_btfids
	// leaves that, with a warning, where the base has no such type.
	Zero FaultKind = "zero"
)

// KfuncMark marks a set8 of kfuncs: BTF_SET8_KFUNCS (include/linux/btf_ids.h,
// 6.9+), the one flag of a set8 there is up to 7.3.
const KfuncMark = 1

// Faults finds what is wrong with the section, by offset. Without symbols only a
// section of zeros is told.
func (s *Section) Faults() []Fault {
	if s.unresolved() {
		return []Fault{{Unresolved, "", fmt.Sprintf("none of the ids in its %d bytes was written", s.Size)}}
	}
	var out []Fault
	for i := range s.Sets {
		if text := s.Sets[i].fault(); text != "" {
			out = append(out, Fault{Broken, s.Sets[i].Name, text})
		}
	}
	for i := range s.Words {
		if w := &s.Words[i]; w.Set < 0 && w.ID == 0 {
			out = append(out, Fault{Zero, w.Kind + " " + w.Name, fmt.Sprintf("the id of %s %s at 0x%x is 0", w.Kind, w.Name, w.Off)})
		}
	}
	return out
}

// unresolved: all ids and counts are 0, of names that want some.
func (s *Section) unresolved() bool {
	if !s.Located {
		return s.Size > 0 && !slices.ContainsFunc(s.Data, func(b byte) bool { return b != 0 })
	}
	for i := range s.Sets {
		if s.Sets[i].Count != 0 {
			return false
		}
	}
	for i := range s.Words {
		if s.Words[i].ID != 0 {
			return false
		}
	}
	return len(s.Words) > 0
}

// fault says what is wrong with a set, "" for nothing. Of its members as many may
// be 0 as have no symbol (BTF_ID_UNUSED).
func (s *Set) fault() string {
	room := s.Room
	if room < 0 {
		room = s.Members
	}
	zeros := 0
	for _, id := range s.IDs {
		if id == 0 {
			zeros++
		}
	}
	switch {
	case uint64(s.Count) != uint64(room):
		return fmt.Sprintf("its count is %d, and it has room for %d", s.Count, room)
	case s.Members > room:
		return fmt.Sprintf("it has room for %d, and %d symbols", room, s.Members)
	case zeros > room-s.Members:
		return fmt.Sprintf("%d of its %d ids are 0", zeros, room)
	case s.Flags&^KfuncMark != 0:
		return fmt.Sprintf("its flags are %#x: %#x is the only one there is", s.Flags, KfuncMark)
	}
	for i := zeros + 1; i < len(s.IDs); i++ {
		switch a, b := s.IDs[i-1], s.IDs[i]; {
		case a == b:
			return fmt.Sprintf("id %d is in it twice", a)
		case a > b:
			return fmt.Sprintf("its ids are not in order: %d before %d", a, b)
		}
	}
	return ""
}
