package pin

import "slices"

// rank orders the free ids of the older base by what taking them costs: slack
// first, then types that are gone, then such that a module is known to name.
func (m *matching) rank(need *needs, old uint32) int {
	switch {
	case m.old.filler[old] && old != m.old.proto:
		return 0
	case need.modules[old] == 0:
		return 1
	}
	return 2
}

// newcomers are the new types without a pair, ascending.
func (m *matching) newcomers() (ids []uint32) {
	for id := uint32(1); id < m.new.n; id++ {
		if open(m.new, m.toOld, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// choose returns n of the ids, of the lowest ranks and in each the lowest ids,
// ascending.
func (m *matching) choose(need *needs, ids []uint32, n int) []uint32 {
	out := make([]uint32, 0, n)
	for r := 0; r <= 2 && len(out) < n; r++ {
		for _, id := range ids {
			if len(out) < n && m.rank(need, id) == r {
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return out
}

// placeFree keeps every pair's id and puts what is new on free ones.
func (m *matching) placeFree(need *needs) ([]slot, error) {
	slots := make([]slot, m.old.n)
	var free []uint32
	for id := uint32(1); id < m.old.n; id++ {
		if x := m.toNew[id]; x != 0 {
			slots[id] = slot{x, aType}
		} else {
			free = append(free, id)
		}
	}
	fresh := m.newcomers()
	if len(fresh) > len(free) {
		return nil, &RoomError{What: "types", Needed: len(fresh), Free: len(free)}
	}
	for i, id := range m.choose(need, free, len(fresh)) {
		slots[id] = slot{fresh[i], aType}
	}
	return slots, nil
}
