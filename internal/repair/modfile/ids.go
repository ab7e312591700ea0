package modfile

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/where"
)

func (m *Module) order() binary.ByteOrder {
	if m.Facts.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// locate checks that the symbols account for every id in .BTF_ids: a word that
// none tells of could be stale and nobody would know.
func (m *Module) locate() error {
	ids := m.Facts.IDs
	known := make([]bool, len(ids.Data)/4+1)
	for _, w := range ids.Words {
		known[w.Off/4] = true
	}
	for _, s := range ids.Sets {
		head, step := setLayout(s.Set8)
		for at := s.Off; at < s.Off+head+step*len(s.IDs) && at/4 < len(known); at += 4 {
			known[at/4] = true
		}
	}
	for at := 0; at+4 <= len(ids.Data); at += 4 {
		if !known[at/4] && m.order().Uint32(ids.Data[at:]) != 0 {
			return where.In(secIDs, where.New(where.Unsupported, "no symbol tells what the id %d is", m.order().Uint32(ids.Data[at:])).
				At(int64(at)).WithHint("strip --strip-unneeded removes the symbols of .BTF_ids: repair the module before it"))
		}
	}
	return nil
}

// setLayout returns the bytes before the first member, and of a member.
func setLayout(set8 bool) (head, step int) {
	if set8 {
		return 8, 8
	}
	return 4, 4
}

// zeroLists zeroes the words of all plain lists.
func (m *Module) zeroLists() error {
	if m.Facts.IDs == nil {
		return nil
	}
	if err := m.locate(); err != nil {
		return err
	}
	for _, w := range m.Facts.IDs.Words {
		if w.Set < 0 && w.ID != 0 {
			m.put(w.Off, 0)
			m.zeroed(w)
		}
	}
	m.lose()
	return nil
}

// put writes a word of .BTF_ids.
func (m *Module) put(off int, v uint32) {
	if m.ids == nil {
		m.ids = bytes.Clone(m.Facts.IDs.Data)
	}
	m.order().PutUint32(m.ids[off:], v)
}

func (m *Module) zeroed(w kmod.IDWord) {
	m.res.Words = append(m.res.Words, Word{List: listOf(m.Facts.IDs, w.Off), Kind: w.Kind, Name: w.Name, Off: w.Off, ID: w.ID})
}

// labelAt returns the number of the label that the word at off lies behind, or -1.
func labelAt(ids *kmod.IDs, off int) int {
	after, _ := slices.BinarySearchFunc(ids.Labels, off+1, func(l kmod.IDLabel, off int) int { return l.Off - off })
	return after - 1
}

// listOf returns the name of the list that a word lies in.
func listOf(ids *kmod.IDs, off int) string {
	if i := labelAt(ids, off); i >= 0 {
		return ids.Labels[i].Name
	}
	return ""
}

// mapIDs rewrites every id with the map of a distilled or rebased module: ids
// of sets and of lists; where zero says so, those of lists that no kernel
// relocates become 0.
func (m *Module) mapIDs(to func(btf.ID) (btf.ID, bool), zero bool) error {
	ids := m.Facts.IDs
	if ids == nil {
		return nil
	}
	if err := m.locate(); err != nil {
		return err
	}
	for _, s := range ids.Sets {
		if err := m.mapSet(&s, to); err != nil {
			return err
		}
	}
	for _, l := range m.lists() {
		for _, w := range l.words {
			id, ok := to(btf.ID(w.ID))
			switch {
			case w.ID == 0:
			case zero && !l.relocated:
				m.put(w.Off, 0)
				m.zeroed(w)
				m.unrelocated++
			case !ok: // no longer in the module's BTF
				m.put(w.Off, 0)
				m.zeroed(w)
			case uint32(id) != w.ID:
				m.put(w.Off, uint32(id))
				m.res.IDs++
			}
		}
	}
	m.lose()
	return nil
}

// mapSet rewrites a set and sorts it by the new ids, as the kernel's binary
// search needs it (btf_id_set_contains, btf_id_set8_contains); flags go with
// their ids.
func (m *Module) mapSet(s *kmod.IDSet, to func(btf.ID) (btf.ID, bool)) error {
	type member struct{ id, flags uint32 }
	members := make([]member, len(s.IDs))
	for i, old := range s.IDs {
		id, ok := to(btf.ID(old))
		if !ok {
			return where.In(secIDs, where.New(where.Unsupported, "set %s holds id %d, a type of the base that the module's BTF does not reach", s.Name, old).
				At(int64(s.Off)).WithHint("such a module can only keep or lose its BTF"))
		}
		members[i].id = uint32(id)
		if s.Set8 {
			members[i].flags = s.PairFlags[i]
		}
		if uint32(id) != old {
			m.res.IDs++
		}
	}
	slices.SortStableFunc(members, func(a, b member) int { return int(int64(a.id) - int64(b.id)) })
	head, step := setLayout(s.Set8)
	for i, e := range members {
		at := s.Off + head + i*step
		m.put(at, e.id)
		if s.Set8 {
			m.put(at+4, e.flags)
		}
	}
	return nil
}

// idList is one plain list.
type idList struct {
	words []kmod.IDWord
	// relocated says that the kernel passes the ids through btf_relocate_id
	// before it uses them: destructors (since 6.11), trace events (since 7.3).
	// Others it uses as they are, like nf_conntrack's btf_nf_conn_ids.
	relocated bool
}

// lists returns the plain lists of .BTF_ids, told apart by their labels.
func (m *Module) lists() []idList {
	ids := m.Facts.IDs
	var out []idList
	last := -2 // label of the list that out ends with
	for _, w := range ids.Words {
		if w.Set >= 0 {
			last = -2
			continue
		}
		if label := labelAt(ids, w.Off); label != last {
			out = append(out, idList{})
			last = label
		}
		l := &out[len(out)-1]
		l.words = append(l.words, w)
	}
	for i := range out {
		out[i].relocated = traceIDs(out[i].words) || m.destructors(out[i].words)
	}
	return out
}

// traceIDs tells the pair of function and record that every event class has
// since 7.3 (include/trace/trace_events.h, __bpf_trace_btf_ids_CLASS).
func traceIDs(words []kmod.IDWord) bool {
	for i, w := range words {
		if i%2 == 0 && (w.Kind != "func" || !strings.HasPrefix(w.Name, "__bpf_trace_")) ||
			i%2 == 1 && (w.Kind != "struct" || !strings.HasPrefix(w.Name, "trace_event_raw_")) {
			return false
		}
	}
	return len(words)%2 == 0
}

// destructors tells the pairs of type and function that
// register_btf_id_dtor_kfuncs is given.
func (m *Module) destructors(words []kmod.IDWord) bool {
	if !slices.ContainsFunc(m.Facts.Imports, func(im kmod.Import) bool { return im.Name == "register_btf_id_dtor_kfuncs" }) {
		return false
	}
	for i, w := range words {
		if (i%2 == 1) != (w.Kind == "func") {
			return false
		}
	}
	return len(words)%2 == 0
}
