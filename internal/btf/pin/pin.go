package pin

import (
	"cmp"
	"fmt"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

const (
	maxTypes   = 0xfffff  // BTF_MAX_TYPE
	maxStrings = 0xffffff // BTF_MAX_NAME_OFFSET
	recordHead = 12
)

// Use is what one module is known to use of the older base.
type Use struct {
	Module string
	Refs   *meaning.Refs
}

// Result is a pinned base.
type Result struct {
	Data   []byte
	Report Report
	ids    []btf.ID

	inOld    []bool // by id of the new base: the older one has it on the same id
	nameHeld func(btf.StrOff) bool
}

// Holds reports whether a module of the new base that makes use of it as refs
// say finds the same types and strings on the older one: none that it names is
// new, or moved.
func (r *Result) Holds(refs *meaning.Refs) bool {
	for _, list := range [][]btf.ID{refs.Types, refs.IDs} {
		for _, id := range list {
			if int(id) >= len(r.inOld) || !r.inOld[id] {
				return false
			}
		}
	}
	for _, list := range refs.Names {
		for _, off := range list {
			if !r.nameHeld(off) {
				return false
			}
		}
	}
	return true
}

// ID is what a type of the new base became; false for the fillers of a base
// that was pinned before, which are not carried over, and beyond the last.
func (r *Result) ID(old btf.ID) (btf.ID, bool) {
	if int(old) >= len(r.ids) || old != 0 && r.ids[old] == 0 {
		return 0, false
	}
	return r.ids[old], true
}

// Report is what was done.
type Report struct {
	Sorted  bool
	Types   uint32 // of the result, void included
	Strings uint32 // bytes
	// Kept ids mean the same kind and name as before, Changed of them another
	// layout. New types came, Vanished ids of the old base have a filler or
	// another type.
	Kept, Changed, New, Vanished int
	// Moved types of a sorted base could not keep their id, nor their order.
	Moved int
	// Filled is how much of the older base's slack was taken, Slack what there
	// is now. NamedSlack of its types are among those with a name (sorted).
	Filled, Slack Slack
	NamedSlack    int
	NewStrings    int // bytes of strings that the old base did not have
	// Lost are the old ids that no longer mean what they did, ascending, and
	// Touched the modules whose uses that hits.
	Lost    []Lost
	Touched []Touched
}

// Lost is one id of the older base that was not held.
type Lost struct {
	ID      btf.ID // in the old base
	To      btf.ID // where the type is now; 0: it is gone
	Label   string // "[12] STRUCT net"
	Modules int    // that are known to use it
}

// Touched is one module that uses what was not held.
type Touched struct {
	Module string
	IDs    []btf.ID     // of the old base, ascending
	Names  []btf.StrOff // string offsets that were written over, ascending
}

// Held reports whether every id and string that modules are known to use means
// what it did, and in a sorted base every other type has its id too.
func (r *Report) Held() bool { return r.Moved == 0 && len(r.Touched) == 0 }

// RoomError says that the counts of the older base are out of reach.
type RoomError struct {
	What         string // "types", "types without a name", "types with a name", "string bytes", or notSorted
	Needed, Free int
}

const notSorted = "order"

func (e *RoomError) Error() string {
	if e.What == notSorted {
		return "no room: the new base is sorted by name, as kernels from 7.0 have it, and the older one is not"
	}
	return fmt.Sprintf("no room: %d new %s, the older base has %d to give", e.Needed, e.What, e.Free)
}

// slot is what one id of the result holds.
type slot struct {
	from uint32 // id in the new base
	is   content
}

type content uint8

const (
	aFiller content = iota
	aType           // of the new base
	aTarget         // the reserved STRUCT that fillers of a sorted base are on
)

// plan says what the result holds, and where its strings are.
type plan struct {
	new      *side
	sorted   bool
	slots    []slot // by id; 0 is void
	strs     []byte
	offset   func(btf.StrOff) btf.StrOff // of the new base's strings
	reserved btf.StrOff                  // 0: no filler has it
	proto    uint32                      // where the older base has the fillers' FUNC_PROTO, 0: nowhere
}

// Start returns a new base with slack of its own, the first of a series. In a
// sorted base a quarter of the slack goes behind the types without a name; the
// rest is spread, most of it where kernels grow (see spread). grown is an older
// base of another series, or nil: what came since shows more of that.
func Start(new *btf.Raw, slack Slack, grown *btf.Raw, uses []Use) (*Result, error) {
	all := newNames()
	s, err := newSide(new, all)
	if err != nil {
		return nil, err
	}
	if slack.Types < 0 || slack.Strings < 0 || slack.Types > maxTypes || slack.Strings > maxStrings {
		return nil, where.New(where.Usage, "slack of %d types and %d bytes of strings", slack.Types, slack.Strings)
	}
	p := &plan{new: s, sorted: new.Sorted(), offset: func(off btf.StrOff) btf.StrOff { return off }}
	p.strs = slices.Clone(trimmed(new.Strings()))
	if slack.Types > 0 {
		p.reserved = btf.StrOff(len(p.strs))
		if no, ok := all.no[Reserved]; ok {
			p.reserved = s.offsetOf(no)
		} else {
			p.strs = append(append(p.strs, Reserved...), 0)
		}
	}
	p.strs = append(p.strs, make([]byte, slack.Strings)...)
	for h := new.Header(); h.End() != uint64(h.Len)+uint64(h.StrOff)+uint64(h.StrLen) && len(p.strs)%4 != 0; {
		p.strs = append(p.strs, 0) // what follows them holds words, and no kernel takes a gap
	}
	if p.sorted {
		g, err := newGrowth(s, grown, uses, all)
		if err != nil {
			return nil, err
		}
		p.slots = g.spread(slack.Types)
	} else {
		p.slots = startFree(s, slack.Types)
	}
	r, err := p.finish()
	if err != nil {
		return nil, err
	}
	r.Report.New = int(s.n) - 1 - s.gone
	return r, nil
}

// trimmed is a string section without the NULs that an earlier run reserved.
func trimmed(strs []byte) []byte {
	end := len(strs)
	for end > 1 && strs[end-1] == 0 && strs[end-2] == 0 {
		end--
	}
	return strs[:end]
}

// offsetOf is an offset at which records find a string.
func (s *side) offsetOf(no uint32) btf.StrOff {
	return btf.StrOff(slices.Index(s.nameNo, no+1))
}

func startFree(s *side, fillers int) []slot {
	slots := []slot{{}}
	for id := uint32(1); id < s.n; id++ {
		if !s.filler[id] {
			slots = append(slots, slot{id, aType})
		}
	}
	if fillers > 0 && !hasPlainProto(s) {
		fillers++ // it becomes what the fillers are of
	}
	return append(slots, make([]slot, fillers)...)
}

// hasPlainProto reports whether a base has the FUNC_PROTO "void (void)".
func hasPlainProto(s *side) bool {
	for t := range s.raw.Types {
		if t.Kind == btf.FuncProto && t.Vlen == 0 && t.Ref() == 0 {
			return true
		}
	}
	return false
}

// On returns a new base with the ids and string offsets of an older one, with
// equal counts, or a RoomError. uses are what modules are known to use of the
// older one, which is held before anything else.
func On(new, old *btf.Raw, uses []Use) (*Result, error) {
	if new.BigEndian() != old.BigEndian() {
		return nil, where.New(where.Usage, "the bases are of different byte order")
	}
	all := newNames()
	was, err := newSide(old, all)
	if err != nil {
		return nil, where.In("the older base", err)
	}
	is, err := newSide(new, all)
	if err != nil {
		return nil, err
	}
	sorted := new.Sorted()
	if sorted && !old.Sorted() {
		return nil, &RoomError{What: notSorted}
	}
	m := match(was, is)
	need := newNeeds(was, uses)
	p := &plan{new: is, sorted: sorted, proto: was.proto}
	if sorted {
		p.slots, err = m.placeSorted(need)
	} else {
		p.slots, err = m.placeFree(need)
	}
	if err != nil {
		return nil, err
	}
	shelf, err := m.placeStrings(p, need, all)
	if err != nil {
		return nil, err
	}
	r, err := p.finish()
	if err != nil {
		return nil, err
	}
	m.report(r, need, shelf)
	r.inOld = make([]bool, is.n)
	for id := range r.inOld {
		r.inOld[id] = id == 0 || m.toOld[id] != 0 && uint32(r.ids[id]) == m.toOld[id]
	}
	// A string that no type of the base has is looked for again when the module
	// is encoded: it is found where it was, or becomes the module's own.
	r.nameHeld = func(off btf.StrOff) bool {
		if uint32(off) >= new.StrLen() {
			return false
		}
		if is.nameNo[off] != 0 {
			return !shelf.fresh[is.number(off)]
		}
		no, asked := all.no[new.Name(off)]
		return !asked || !shelf.fresh[no]
	}
	return r, nil
}

// finish writes the result and proves it.
func (p *plan) finish() (*Result, error) {
	if len(p.slots) > maxTypes || len(p.strs) > maxStrings {
		return nil, where.New(where.Limit, "a base of %d types and %d bytes of strings; kernels take %d and %d", len(p.slots), len(p.strs), maxTypes, maxStrings)
	}
	r := &Result{ids: make([]btf.ID, p.new.n)}
	for id, s := range p.slots {
		if s.is == aType {
			r.ids[s.from] = btf.ID(id)
		}
	}
	data, err := p.write(r.ids)
	if err != nil {
		return nil, err
	}
	if len(data) > limits.MaxBTF {
		return nil, where.New(where.Limit, "a base of %d bytes, the limit is %d", len(data), int64(limits.MaxBTF))
	}
	r.Data = data
	raw, err := prove(p.new.raw, data, r.ids, p.sorted)
	if err != nil {
		return nil, where.New(where.Internal, "the pinned base is not the new one: %w", err)
	}
	r.Report = Report{Sorted: p.sorted, Types: raw.NumTypes(), Strings: raw.StrLen(), Slack: SlackOf(raw)}
	if p.sorted {
		first := firstNamed(raw)
		for id := int(first); id < len(p.slots); id++ {
			if p.slots[id].is == aFiller {
				r.Report.NamedSlack++
			}
		}
	}
	return r, nil
}

// needs are the uses by id and string of the older base.
type needs struct {
	uses    []Use
	modules []uint32 // old id -> modules that name it
	strings map[btf.StrOff]bool
}

func newNeeds(old *side, uses []Use) *needs {
	n := &needs{uses: uses, modules: make([]uint32, old.n), strings: map[btf.StrOff]bool{}}
	for _, u := range uses {
		for id := range u.ids() {
			if uint32(id) < old.n {
				n.modules[id]++
			}
		}
		for _, list := range u.Refs.Names {
			for _, off := range list {
				n.strings[off] = true
			}
		}
	}
	return n
}

// ids yields every id that the module names once, ascending.
func (u *Use) ids() func(yield func(btf.ID) bool) {
	both := slices.Concat(u.Refs.Types, u.Refs.IDs)
	slices.Sort(both)
	return slices.Values(slices.Compact(both))
}

// report counts what became of the old base's ids.
func (m *matching) report(r *Result, need *needs, shelf *shelf) {
	rep := &r.Report
	rep.NewStrings = shelf.written
	had := SlackOf(m.old.raw)
	rep.Filled = Slack{Types: max(0, had.Types-rep.Slack.Types), Strings: max(0, had.Strings-rep.Slack.Strings)}
	lost := map[btf.ID]bool{}
	for id := uint32(1); id < m.old.n; id++ {
		if m.old.filler[id] {
			continue
		}
		to := btf.ID(0)
		if x := m.toNew[id]; x != 0 {
			to = r.ids[x]
			if to == btf.ID(id) {
				rep.Kept++
				was, _ := m.old.raw.Record(btf.ID(id))
				is, _ := m.new.raw.Record(btf.ID(x))
				if m.anchored[x] && !m.equal(&was, &is) {
					rep.Changed++
				}
				continue
			}
			rep.Moved++
		} else {
			rep.Vanished++
		}
		lost[btf.ID(id)] = true
		rep.Lost = append(rep.Lost, Lost{ID: btf.ID(id), To: to, Label: m.old.raw.Label(btf.ID(id)), Modules: int(need.modules[id])})
	}
	rep.New = int(m.new.n) - 1 - m.new.gone - rep.Kept - rep.Moved
	for _, u := range need.uses {
		t := Touched{Module: u.Module}
		for id := range u.ids() {
			if lost[id] {
				t.IDs = append(t.IDs, id)
			}
		}
		for _, list := range u.Refs.Names {
			for _, off := range list {
				if shelf.overwritten(off) {
					t.Names = append(t.Names, off)
				}
			}
		}
		slices.Sort(t.Names)
		t.Names = slices.Compact(t.Names)
		if len(t.IDs)+len(t.Names) > 0 {
			rep.Touched = append(rep.Touched, t)
		}
	}
	slices.SortStableFunc(rep.Touched, func(a, b Touched) int { return cmp.Compare(a.Module, b.Module) })
}
