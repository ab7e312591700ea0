package abi

import (
	"cmp"
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/diff"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/symvers"
)

// TypeSide is where the exported symbols of one kernel are described.
type TypeSide struct {
	Base *btf.Raw
	// Module returns the split BTF of a module by the owner word of its symbols,
	// on Base; nil when the module is missing or has none.
	Module func(owner string) *btf.Raw
}

func (s *TypeSide) of(owner string) *btf.Raw {
	if owner == symvers.Vmlinux {
		return s.Base
	}
	return s.Module(owner)
}

// TypeChange is one exported symbol whose types changed.
type TypeChange struct {
	Change
	// Why says what changed, as C: the symbol itself, the types that it holds,
	// or the one of its module that it reaches. Of types of the base behind a
	// pointer it is "": Types.Changed has them.
	Why string
}

// Types is what BTF says of the symbols that both kernels export. Each list is
// sorted by name. A symbol is in one list at most.
type Types struct {
	// Described of the Common symbols have a type on both sides, Same of them
	// the same one, with all that it reaches.
	Common, Described, Same int

	// Layout are those that hold by value what is laid out otherwise: a
	// parameter, what is returned, a variable. Their CRC did not change, or
	// there is none.
	Layout []TypeChange
	// Deep are those that reach a changed definition only behind a pointer,
	// and did not change their CRC, or have none.
	Deep []TypeChange
	// CRCOnly are those whose CRC changed and whose types did not.
	CRCOnly []Change
	// Undescribed are those that no BTF describes on one side or both: nothing
	// is known of their types.
	Undescribed []Change
	// Unversioned are those without a CRC on one side or both whose types are
	// the same: BTF says what no checksum does.
	Unversioned []Change
	// Changed are the definitions that changed and that the Deep ones reach:
	// those of the base, then those of modules, each as in the base or by name.
	Changed []ChangedType
}

// ChangedType is a definition that changed.
type ChangedType struct {
	Text string // "struct gpio_device grew from 664 to 672: member …"
	// Symbols reach it behind a pointer, the nearest first.
	Symbols []string
}

// CompareTypes compares the types of the symbols in both tables. classes are
// of both bases. It says nothing of symbols lost or added.
func CompareTypes(old, new *symvers.Table, was, is TypeSide, classes *meaning.Classes) *Types {
	c := &typeComparer{was: was, is: is, t: &Types{}, sentences: map[pairOf]string{}}
	c.definitions()
	c.walker = walker{was: was.Base, is: is.Base, classes: classes, reaches: c.reaches, equal: map[pairOf]bool{}}
	common := bothExport(old, new)
	// Owner by owner, so that one module is open at a time.
	slices.SortStableFunc(common, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.New.Owner, b.New.Owner), strings.Compare(a.Old.Owner, b.Old.Owner))
	})
	c.t.Common = len(common)
	for i, x := range common {
		if i == 0 || x.New.Owner != common[i-1].New.Owner || x.Old.Owner != common[i-1].Old.Owner {
			c.open(x.Old.Owner, x.New.Owner)
		}
		c.symbol(x)
	}
	c.ofBase()
	c.t.sort()
	return c.t
}

// bothExport lists the symbols that both tables have, by name.
func bothExport(old, new *symvers.Table) (out []Change) {
	for _, s := range new.Symbols() {
		if o, ok := old.Lookup(s.Name); ok {
			out = append(out, Change{*o, s})
		}
	}
	return out
}

func (t *Types) sort() {
	byName := func(a, b Change) int { return strings.Compare(a.New.Name, b.New.Name) }
	for _, l := range [][]Change{t.CRCOnly, t.Undescribed, t.Unversioned} {
		slices.SortFunc(l, byName)
	}
	for _, l := range [][]TypeChange{t.Layout, t.Deep} {
		slices.SortFunc(l, func(a, b TypeChange) int { return byName(a.Change, b.Change) })
	}
}

type typeComparer struct {
	was, is TypeSide
	walker  walker
	t       *Types
	diff    *diff.Diff
	changed []diff.Change // definitions of the base that changed
	reaches []bool        // type of the new base -> it reaches one of changed
	// The owners whose symbols are compared; nil where there is no BTF.
	old, new  *btf.Raw
	layouts   *diff.Layouts     // of old and new
	deepIDs   []diff.Root       // what those in t.Deep use of the base
	own       []ChangedType     // definitions of modules that changed
	sentences map[pairOf]string // of definitions of the owners that are open
}

func (c *typeComparer) open(old, new string) {
	c.old, c.new, c.layouts = c.was.of(old), c.is.of(new), nil
	clear(c.sentences)
	if c.old != nil && c.new != nil {
		c.layouts = diff.NewLayouts(c.old, c.new)
		c.walker.open(c.old, c.new)
	}
}

// definitions finds the changed types of the base and what reaches them.
func (c *typeComparer) definitions() {
	c.diff = diff.Compare(c.was.Base, c.is.Base)
	var ids []btf.ID
	for _, x := range c.diff.Changed {
		switch x.New.Kind {
		case btf.Func, btf.Var, btf.Datasec:
			continue // exported ones are compared by themselves
		}
		if x.Real() {
			c.changed = append(c.changed, x)
			ids = append(ids, x.New.ID)
		}
	}
	c.reaches = diff.NewReach(c.is.Base, nil).Types(ids...)
}

// symbol puts one symbol into the list it belongs to.
func (c *typeComparer) symbol(x Change) {
	if c.layouts == nil {
		c.t.Undescribed = append(c.t.Undescribed, x)
		return
	}
	oids, nids := candidates(c.old, x.Old.Name), candidates(c.new, x.New.Name)
	d, known := c.compare(oids, nids)
	if !known {
		c.t.Undescribed = append(c.t.Undescribed, x)
		return
	}
	c.t.Described++
	versioned := x.Old.HasCRC && x.New.HasCRC
	crc := versioned && x.Old.CRC != x.New.CRC
	switch {
	case d == nil:
		c.t.Same++
		if crc {
			c.t.CRCOnly = append(c.t.CRCOnly, x)
		} else if !versioned {
			c.t.Unversioned = append(c.t.Unversioned, x)
		}
	case crc: // its checksum says so
	case !c.layouts.Same(oids[0], nids[0]):
		c.t.Layout = append(c.t.Layout, TypeChange{x, c.why(oids[0], nids[0])})
	default:
		c.t.Deep = append(c.t.Deep, TypeChange{x, c.reached(x, d, nids[0])})
	}
}

// compare compares what describes a symbol: nil when it is the same. Of several
// functions of one name nothing says which is exported; the symbol is the same
// when each has its like on the other side. Otherwise it is not known.
func (c *typeComparer) compare(oids, nids []btf.ID) (d *difference, known bool) {
	if len(oids) == 1 && len(nids) == 1 {
		return c.walker.compare(oids[0], nids[0])
	}
	if len(oids) == 0 || len(nids) == 0 || len(oids)*len(nids) > maxCandidates {
		return nil, false
	}
	like := func(o, n btf.ID) bool {
		d, known := c.walker.compare(o, n)
		return known && d == nil
	}
	for _, o := range oids {
		if !slices.ContainsFunc(nids, func(n btf.ID) bool { return like(o, n) }) {
			return nil, false
		}
	}
	for _, n := range nids {
		if !slices.ContainsFunc(oids, func(o btf.ID) bool { return like(o, n) }) {
			return nil, false
		}
	}
	return nil, true
}

// maxCandidates bounds the pairs of functions of one name.
const maxCandidates = 64

// reached says which definition a symbol reaches that changed, and remembers
// it.
func (c *typeComparer) reached(x Change, d *difference, nid btf.ID) string {
	ids := []btf.ID{nid}
	if c.new != c.is.Base {
		ids = diff.BaseRefs(c.new, nid)
	}
	c.deepIDs = append(c.deepIDs, diff.Root{Name: x.New.Name, Any: ids})
	if d.base {
		return "" // ofBase has it
	}
	p := c.walker.culprit(d)
	text, ok := c.sentences[p]
	if !ok {
		text = diff.Sentence(c.old, c.new, p.old, p.new)
		c.sentences[p] = text
		c.own = append(c.own, ChangedType{Text: text})
	}
	for i := range c.own {
		if t := &c.own[i]; t.Text == text {
			t.Symbols = append(t.Symbols, x.New.Name)
			break
		}
	}
	return text
}

// why says in C what of a symbol is laid out otherwise: itself, else the
// definitions that it holds, of the base or of its module.
func (c *typeComparer) why(oid, nid btf.ID) string {
	if s := diff.Contrast(c.old, c.new, oid, nid); s != "" {
		return s
	}
	held := diff.Held(c.new, nid)
	var parts []string
	for i := range c.changed {
		if x := &c.changed[i]; slices.Contains(held, x.New.ID) && len(parts) < shownWhys {
			parts = append(parts, c.diff.Sentence(x))
		}
	}
	if len(parts) == 0 {
		return c.ownHeld(held, nid)
	}
	return strings.Join(parts, "; ")
}

// shownWhys bounds the changes that are told of one symbol.
const shownWhys = 3

// ownHeld tells which of a module's own definitions that a symbol of it holds
// changed.
func (c *typeComparer) ownHeld(held []btf.ID, nid btf.ID) string {
	if c.new == c.is.Base {
		return ""
	}
	d := diff.Compare(c.old, c.new)
	var parts []string
	for i := range d.Changed {
		if x := &d.Changed[i]; x.Real() && x.New.ID != nid && slices.Contains(held, x.New.ID) && len(parts) < shownWhys {
			parts = append(parts, d.Sentence(x))
		}
	}
	return strings.Join(parts, "; ")
}

// ofBase lists the definitions that the symbols in Deep reach: of the base,
// then of modules.
func (c *typeComparer) ofBase() {
	if len(c.deepIDs) == 0 {
		return
	}
	r := diff.NewReach(c.is.Base, c.deepIDs)
	for i := range c.changed {
		h := r.Of(c.changed[i].New.ID)
		if len(h.Pointer) == 0 {
			continue
		}
		x := ChangedType{Text: c.diff.Sentence(&c.changed[i])}
		for _, k := range h.Pointer {
			x.Symbols = append(x.Symbols, c.deepIDs[k].Name)
		}
		c.t.Changed = append(c.t.Changed, x)
	}
	c.t.Changed = append(c.t.Changed, c.own...)
}
