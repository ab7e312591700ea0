package evidence

import (
	"fmt"
	"sync"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/symbols"
	"kpkg-btf/internal/where"
)

// judge is the work on one module.
type judge struct {
	base  *Base
	split *btf.Raw
	first btf.ID
	firstStr,
	strEnd uint64
	strs *strBits // of the split's own strings
	res  *Result

	t       btf.Record // the record at hand
	allBase bool       // it refers to nothing but the base

	entries   int  // of __versions
	verArrays int  // own arrays of struct modversion_info
	verMatch  bool // one of them has entries elements

	scratch *scratch
	code    *symbols.Code // nil: not known
	usual   bool          // the base is a whole one, where names mean something
	left    int           // members that may still be looked at for operations
}

// scratch is the memory that judging reuses from module to module.
type scratch struct {
	strs  strBits
	right idSet
	votes []Vote
	ids   []btf.ID
	funcs []fun
	open  []symbols.Stored
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// Module is what the rest of the module's file says about its types.
type Module struct {
	// Words are those of .BTF_ids whose symbols say what they are.
	Words []Word
	// Versions is the number of entries (64 bytes each) of the section
	// __versions, 0 without one. __version_ext_* does not count.
	Versions int
	// Code is what symbols and relocations tell; nil when that is not known.
	Code *symbols.Code
}

// Judge compares a module with this base. split was parsed on it, or on the
// module's own .BTF.base: then it is judged on that, and that against this
// base by name. It keeps no state: modules may be judged in parallel.
func (b *Base) Judge(split *btf.Raw, m Module) Result {
	under := split.Base()
	if under == nil {
		panic("evidence: a base is no module")
	}
	if under != b.raw {
		return b.distilled(split, m)
	}
	return b.judge(split, m)
}

func (b *Base) judge(split *btf.Raw, m Module) Result {
	var res Result
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.strs.fill(split.Strings())
	s.right, s.votes, s.funcs = s.right.reset(int(split.FirstID())), s.votes[:0], s.funcs[:0]
	j := judge{
		code: m.Code, usual: b.alike.raw != nil, left: opLooks,
		base: b, split: split, first: split.FirstID(), res: &res, strs: &s.strs, entries: m.Versions, scratch: s,
		firstStr: uint64(split.FirstStr()), strEnd: split.StrEnd(),
	}
	for t := range split.Types {
		j.t = t
		j.record()
	}
	j.versions()
	j.words(m.Words)
	if j.code != nil {
		j.functions()
	}
	if j.usual && res.First() == nil {
		j.lean()
	}
	res.conclude()
	return res
}

// record judges one own type: references first, what they lead to only when
// all of them lead somewhere.
func (j *judge) record() {
	j.allBase = true
	if !j.refs() {
		return
	}
	j.names()
	j.kinds()
	switch {
	case j.code != nil && j.t.Kind == btf.Func:
		j.function()
	case j.code != nil && j.t.Kind == btf.Datasec:
		j.variables()
	case j.usual:
		j.use()
	}
	if j.allBase && mergeable(j.t.Kind) {
		j.looked(Dedup)
		if id := j.base.dedup.lookup(j.base.raw, j.split.RecordBytes(&j.t)); id != 0 {
			j.hit(ruleDedup, j.t.Pos, "repeats %s of the base", j.label(id))
		}
	}
}

func (j *judge) refs() bool {
	ok := true
	end := btf.ID(j.split.NumTypes())
	for pos, id := range j.t.Refs {
		switch {
		case id >= end:
			j.hit(ruleID, pos, "type id %d is beyond the last, %d", id, end-1)
			ok = false
		case id >= j.first:
			j.allBase = false
		case id != 0:
			j.res.Checks[Range].Looked++
		}
	}
	return ok
}

// identifiers reports whether a kind's own name and its elements' names are C
// identifiers, and whether it may go without.
var nameRules = [btf.MaxKind + 1]struct{ ident, required, none bool }{
	btf.Int:       {required: true},
	btf.Float:     {required: true},
	btf.Ptr:       {none: true},
	btf.Array:     {none: true},
	btf.Struct:    {ident: true},
	btf.Union:     {ident: true},
	btf.Enum:      {ident: true},
	btf.Enum64:    {ident: true},
	btf.Fwd:       {ident: true, required: true},
	btf.Typedef:   {ident: true, required: true},
	btf.Volatile:  {none: true},
	btf.Const:     {none: true},
	btf.Restrict:  {none: true},
	btf.Func:      {ident: true, required: true},
	btf.FuncProto: {none: true},
	btf.Var:       {ident: true, required: true},
	btf.Datasec:   {required: true},
	btf.DeclTag:   {required: true},
	btf.TypeTag:   {required: true},
}

func (j *judge) names() {
	rule := nameRules[j.t.Kind]
	head := true
	for pos, off := range j.t.Names {
		switch {
		case off == 0:
			if head && rule.required || !head && j.t.Kind != btf.Struct && j.t.Kind != btf.Union && j.t.Kind != btf.FuncProto {
				j.hit(ruleNoName, pos, "has no name")
			}
		case head && rule.none:
			j.hit(ruleNoName, pos, "has a name, at string offset %d", off)
		default:
			j.name(pos, uint64(off), !head || rule.ident)
		}
		head = false
	}
}

func (j *judge) name(pos uint32, off uint64, ident bool) {
	bits, n := &j.base.strs, uint32(off)
	rule := ruleBaseString
	if off >= j.firstStr {
		j.allBase = false
		bits, n, rule = j.strs, uint32(off-j.firstStr), ruleOwnString
	} else {
		j.looked(Strings)
	}
	switch {
	case off >= j.strEnd:
		j.hit(ruleName, pos, "name offset %d is beyond the strings, which end at %d", off, j.strEnd)
	case !bits.isStart(n):
		j.hit(rule, pos, "name offset %d is inside a string: %q", off, j.str(btf.StrOff(off)))
	case ident && !bits.isIdent(n):
		j.hit(ruleIdentifier, pos, "name %q is not an identifier", j.str(btf.StrOff(off)))
	}
}

func (j *judge) looked(c Check) { j.res.Checks[c].Looked++ }

// hit counts a violation at a byte offset of the blob and words the first.
func (j *judge) hit(r Rule, pos uint32, format string, args ...any) {
	if v := j.hitAt(r, pos, format, args...); v != nil {
		v.ID = j.t.ID
		v.Text = j.label(j.t.ID) + ": " + v.Text
	}
}

// hitAt is hit for what belongs to no type; it gives the violation if it is
// the first of its check.
func (j *judge) hitAt(r Rule, pos uint32, format string, args ...any) *Violation {
	c := rules[r]
	tally := &j.res.Checks[c]
	tally.Hits++
	if tally.First != nil {
		return nil
	}
	tally.First = &Violation{Check: c, Off: pos, Text: where.Clean(fmt.Sprintf(format, args...))}
	return tally.First
}

// label and str render for messages only.
func (j *judge) label(id btf.ID) string { return j.split.Label(id) }

func (j *judge) str(off btf.StrOff) string {
	s, _ := j.split.Str(off)
	return short(string(s))
}

func short(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// facts of any id that refs has proved to exist.
func (j *judge) facts(id btf.ID) facts {
	if id < j.first {
		return j.base.types[id]
	}
	t, ok := j.split.Record(id)
	if !ok {
		return facts{size: noSize}
	}
	return j.base.factsOf(j.split, &t)
}
