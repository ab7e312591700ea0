//go:build e2e

package evidence_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/realtest"
)

// A kernel of which rates are measured.
type rated struct {
	release string
	name    string // in the table
	// rebuilt is a release of the same version whose modules are tried on this
	// one's base; "" for none in the archive.
	rebuilt  string
	versions bool // else __versions is left out of sight
}

var ratedKernels = []rated{
	{"6.1.192-1", "6.1.192, with symbol versions", "6.1.192-2", true},
	{"6.12.115-1", "6.12.115, with symbol versions", "6.12.115-2", true},
	{"6.12.115-1", "6.12.115, without __versions", "6.12.115-2", false},
	{"7.3.4", "7.3.4, without symbol versions, sorted", "", false},
}

// count is what became of the modules of one change.
type count struct{ wrong, alone, together int }

func (c count) rate() evidence.Rate {
	return evidence.Rate{Alone: int8(100 * c.alone / c.wrong), Together: int8(100 * c.together / c.wrong)}
}

// TestE2ERates: of modules that are truly on another base, how many are
// noticed, change by change; of modules on their own base, none is accused.
// The figures that texts print are these, and docs/detection-rates.md is
// written from them (-update).
func TestE2ERates(t *testing.T) {
	var doc strings.Builder
	doc.WriteString(docHead)
	found := map[evidence.Kernels]map[evidence.Change]evidence.Rate{}
	for _, k := range ratedKernels {
		r := release(t, k.release)
		base, err := btf.Parse(r.base)
		if err != nil {
			t.Fatal(err)
		}
		mods := withVersions(r.mods, k.versions)
		own := judged(t, base, evidence.Index(base), mods, nil)
		if own.alone+own.together != 0 || own.wrong != len(mods) {
			t.Errorf("%s: %d of %d right modules accused alone, %d together", k.name, own.alone, own.wrong, own.together)
		}
		fmt.Fprintf(&doc, "\n## %s: %d modules, %d right ones accused\n\n", k.name, len(mods), own.alone+own.together)
		doc.WriteString("| change to the base, or to the module | truly wrong | noticed alone | noticed together |\n|---|---:|---:|---:|\n")
		kind := evidence.KernelsOf(base, k.versions)
		if found[kind] == nil {
			found[kind] = map[evidence.Change]evidence.Rate{}
		}
		for c := range evidence.Change(evidence.NumChanges) {
			var n count
			ok := false
			t.Run(k.name+"/"+c.String(), func(t *testing.T) {
				n, ok = k.try(t, c, base, mods)
				if ok && n.wrong == 0 {
					t.Errorf("%s: %v makes no module wrong", k.name, c)
				}
			})
			if !ok || n.wrong == 0 {
				continue // cannot be made, failed, or was not asked for (-run)
			}
			rate := n.rate()
			fmt.Fprintf(&doc, "| %s | %d | %d %% | %d %% |\n", c, n.wrong, rate.Alone, rate.Together)
			t.Logf("%s: %v: %d wrong, %d alone, %d together", k.name, c, n.wrong, n.alone, n.together)
			if old, ok := found[kind][c]; ok {
				rate = evidence.Rate{Alone: min(old.Alone, rate.Alone), Together: min(old.Together, rate.Together)}
			}
			found[kind][c] = rate
		}
	}
	doc.WriteString(docTail)
	for kind, changes := range found {
		for c, rate := range changes {
			if got := kind.Of(c); got != rate {
				t.Errorf("%v, %v: measured %+v, the table has %+v", kind, c, rate, got)
			}
		}
	}
	file := filepath.Join(realtest.Root(), "docs/detection-rates.md")
	if os.Getenv("KPKG_BTF_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || string(have) != doc.String() {
		t.Errorf("%s is not what was measured (%v): KPKG_BTF_UPDATE=1 writes it", file, err)
	}
}

func withVersions(mods []realModule, keep bool) []realModule {
	if keep {
		return mods
	}
	mods = slices.Clone(mods)
	for i := range mods {
		mods[i].more.Versions = 0
	}
	return mods
}

// try makes one change and counts; false where it cannot be made.
func (k *rated) try(t *testing.T, c evidence.Change, base *btf.Raw, mods []realModule) (count, bool) {
	move := func(kind btf.Kind, after btf.ID, by btf.ID, block int) (count, bool) {
		from := nth(base, kind, after)
		blob := movedBlock(base, from, from-by, block)
		return onOther(t, blob, mods, func(s *btf.Raw) bool { return refersTo(s, from-by, from+btf.ID(block)-1) }), true
	}
	switch c {
	case evidence.Rebuilt:
		if k.rebuilt == "" {
			return count{}, false
		}
		built, err := btf.Parse(release(t, k.rebuilt).base)
		if err != nil {
			t.Fatal(err)
		}
		return onOther(t, base.Bytes(), withVersions(release(t, k.rebuilt).mods, k.versions), wrongOn(base, built, k.versions)), true
	case evidence.MovedArray:
		return move(btf.Array, middle(base, btf.Array), 6000, 1)
	case evidence.MovedProto:
		return move(btf.FuncProto, middle(base, btf.FuncProto), 500, 1)
	case evidence.MovedPointer:
		return move(btf.Ptr, middle(base, btf.Ptr), 2000, 1)
	case evidence.MovedStruct:
		return move(btf.Struct, middle(base, btf.Struct), 6000, 1)
	case evidence.MovedBlock:
		return move(btf.Ptr, middle(base, btf.Ptr)/2, 3000, 50)
	case evidence.MovedString:
		blob, from, to := movedString(base)
		return onOther(t, blob, mods, func(s *btf.Raw) bool { return namesIn(s, from, to) }), true
	case evidence.Swapped:
		return onOther(t, base.Bytes(), swapped(mods), nil), true
	case evidence.StepUp, evidence.StepDown:
		by := uint32(1)
		if c == evidence.StepDown {
			by = ^uint32(0)
		}
		return onOther(t, base.Bytes(), stepped(t, base, mods, by), nil), true
	case evidence.OtherName:
		return onOther(t, base.Bytes(), renamed(t, base, mods), nil), true
	}
	t.Fatalf("no way to make %v", c)
	return count{}, false
}

// onOther counts over the modules that are wrong on a base; nil: all are.
func onOther(t *testing.T, blob []byte, mods []realModule, wrong func(*btf.Raw) bool) count {
	t.Helper()
	raw, err := btf.Parse(blob)
	if err != nil {
		t.Fatal(err)
	}
	return judged(t, raw, evidence.Index(raw), mods, wrong)
}

// judged judges modules alone and together.
func judged(t *testing.T, raw *btf.Raw, base *evidence.Base, mods []realModule, wrong func(*btf.Raw) bool) (n count) {
	t.Helper()
	type one struct {
		split   *btf.Raw
		noticed bool
	}
	var all []one
	var leans []*evidence.Lean
	for i := range mods {
		split, err := btf.ParseSplit(mods[i].btf, raw)
		if err != nil {
			t.Fatalf("%s: %v", mods[i].path, err)
		}
		res := base.Judge(split, mods[i].more)
		leans = append(leans, &res.Lean)
		if wrong == nil || wrong(split) {
			all = append(all, one{split, res.Conclusion >= evidence.Doubtful})
		}
	}
	shifts := evidence.Together(raw, leans)
	for _, m := range all {
		n.wrong++
		if m.noticed {
			n.alone++
		}
		if m.noticed || slices.ContainsFunc(shifts, func(s evidence.Shift) bool { return s.Touches(m.split) }) {
			n.together++
		}
	}
	return n
}

// wrongOn reports of a module that was encoded against built whether it means
// something else on base: an id or a name that it uses is another there. A
// module of a kernel without __versions has no array for them, so where those
// are out of sight the type of its elements does not count.
func wrongOn(base, built *btf.Raw, versions bool) func(*btf.Raw) bool {
	same := make(map[btf.ID]bool)
	var like func(id btf.ID, depth int) bool
	like = func(id btf.ID, depth int) bool {
		if id == 0 || depth > 8 {
			return true
		}
		if s, ok := same[id]; ok {
			return s
		}
		a, _ := base.Record(id)
		b, ok := built.Record(id)
		an, _ := base.Str(a.Name)
		bn, _ := built.Str(b.Name)
		s := ok && a.Info() == b.Info() && string(an) == string(bn)
		switch {
		case !s:
		case a.Kind == btf.Ptr || a.Kind.Modifier():
			s = a.Ref() == b.Ref() && like(a.Ref(), depth+1)
		case a.Kind == btf.Array || a.Kind == btf.FuncProto || a.Name == 0:
			s = string(a.Extra) == string(b.Extra) && a.SizeType == b.SizeType
			for _, x := range a.Refs {
				s = s && like(x, depth+1)
			}
		default:
			s = a.SizeType == b.SizeType
		}
		same[id] = s
		return s
	}
	versionInfo, _ := built.Find(btf.Struct, "modversion_info")
	return func(split *btf.Raw) bool {
		if base.NumTypes() != built.NumTypes() || base.StrLen() != built.StrLen() {
			return true
		}
		for t := range split.Types {
			for _, id := range t.Refs {
				if id < split.FirstID() && !like(id, 0) && (versions || id != versionInfo.ID) {
					return true
				}
			}
		}
		return false
	}
}

// middle is the id of the middle one of a kind, nth the first of a kind from an
// id on.
func middle(base *btf.Raw, kind btf.Kind) btf.ID {
	var ids []btf.ID
	for t := range base.Types {
		if t.Kind == kind {
			ids = append(ids, t.ID)
		}
	}
	return ids[len(ids)/2]
}

func nth(base *btf.Raw, kind btf.Kind, from btf.ID) btf.ID {
	for id := from; id < btf.ID(base.NumTypes()); id++ {
		if base.Kind(id) == kind {
			return id
		}
	}
	panic("none")
}

// movedBlock is the blob of a little-endian base in which n records from an id
// on have moved down to another, and every reference follows.
func movedBlock(raw *btf.Raw, from, to btf.ID, n int) []byte {
	h := raw.Header()
	out := append([]byte(nil), raw.Bytes()[:h.Len+h.TypeOff]...)
	end := from + btf.ID(n)
	add := func(t btf.Record) {
		start := len(out)
		out = append(out, raw.RecordBytes(&t)...)
		for pos, id := range t.Refs {
			switch {
			case id >= from && id < end:
				id = to + (id - from)
			case id >= to && id < from:
				id += btf.ID(n)
			}
			binary.LittleEndian.PutUint32(out[start+int(pos-t.Pos):], uint32(id))
		}
	}
	for t := range raw.Types {
		if t.ID == to {
			for id := from; id < end; id++ {
				x, _ := raw.Record(id)
				add(x)
			}
		}
		if t.ID < from || t.ID >= end {
			add(t)
		}
	}
	return append(out, raw.Bytes()[len(out):]...)
}

// movedString is the blob of a base in which the string at three quarters of
// the section has moved to one quarter; names at offsets from to to are others.
func movedString(raw *btf.Raw) (blob []byte, from, to btf.StrOff) {
	strs := raw.Strings()
	begin := func(at int) int { return at + strings.IndexByte(string(strs[at:]), 0) + 1 }
	a, b := begin(len(strs)/4), begin(len(strs)*3/4)
	size := begin(b) - b
	blob = slices.Clone(raw.Bytes())
	h := raw.Header()
	s := blob[h.Len+h.StrOff:]
	copy(s[a:], strs[b:b+size])
	copy(s[a+size:], strs[a:b])
	for t := range raw.Types {
		for pos, off := range t.Names {
			switch {
			case int(off) >= b && int(off) < b+size:
				off = btf.StrOff(a)
			case int(off) >= a && int(off) < b:
				off += btf.StrOff(size)
			}
			binary.LittleEndian.PutUint32(blob[pos:], uint32(off))
		}
	}
	return blob, btf.StrOff(a), btf.StrOff(b + size)
}

func namesIn(split *btf.Raw, from, to btf.StrOff) bool {
	for t := range split.Types {
		for _, off := range t.Names {
			if off >= from && off < to {
				return true
			}
		}
	}
	return false
}

// swapped gives every module the .BTF of the next one, as long as that is
// another.
func swapped(mods []realModule) []realModule {
	out := slices.Clone(mods)
	for i := range out {
		out[i].btf = mods[(i+1)%len(mods)].btf
	}
	return slices.DeleteFunc(out, func(m realModule) bool {
		i := slices.IndexFunc(mods, func(x realModule) bool { return x.path == m.path })
		return string(m.btf) == string(mods[i].btf)
	})
}

// stepped adds to every reference into the base.
func stepped(t *testing.T, base *btf.Raw, mods []realModule, by uint32) (out []realModule) {
	for _, m := range mods {
		split, err := btf.ParseSplit(m.btf, base)
		if err != nil {
			t.Fatal(err)
		}
		m.btf = slices.Clone(m.btf)
		changed := false
		for r := range split.Types {
			for pos, id := range r.Refs {
				if id != 0 && id < split.FirstID()-1 {
					binary.LittleEndian.PutUint32(m.btf[pos:], uint32(id)+by)
					changed = true
				}
			}
		}
		if changed {
			out = append(out, m)
		}
	}
	return out
}

// renamed leads the own name of the first FUNC, or else of the first type that
// has one, to the own string after it.
func renamed(t *testing.T, base *btf.Raw, mods []realModule) (out []realModule) {
	for _, m := range mods {
		split, err := btf.ParseSplit(m.btf, base)
		if err != nil {
			t.Fatal(err)
		}
		at := uint32(0)
		for r := range split.Types {
			if r.Name >= split.FirstStr() && r.Name != 0 && (r.Kind == btf.Struct || r.Kind == btf.Func) {
				if at == 0 || r.Kind == btf.Func {
					at = r.Pos
				}
				if r.Kind == btf.Func {
					break
				}
			}
		}
		if at == 0 {
			continue
		}
		old := btf.StrOff(binary.LittleEndian.Uint32(m.btf[at:]))
		s, _ := split.Str(old)
		next := old + btf.StrOff(len(s)) + 1
		if uint64(next) >= split.StrEnd() {
			next = split.FirstStr()
		}
		if x, ok := split.Str(next); next == old || !ok || len(x) == 0 {
			continue
		}
		m.btf = slices.Clone(m.btf)
		binary.LittleEndian.PutUint32(m.btf[at:], uint32(next))
		out = append(out, m)
	}
	return out
}

const docHead = `# How often a wrong base is noticed

Nothing in a module names the base its BTF was encoded against. Where no stamp
of the encoder proves it, kpkg-btf makes checks that can fail: a module that
passes them is *consistent* with the base, not proven to be of it. This page says
how often that is wrong. It is written by a test (` + "`TestE2ERates`" + `), which takes real
kernels of Debian, makes one change at a time to the base or to the modules, and
counts: of the modules that the change made truly wrong, how many are
contradicted or doubted. *Alone* is one such module among right ones, *together*
a whole release of them (vmlinux linked again after its modules).

What is contradicted is impossible; what is doubted is improbable: the ids of a
stretch of the base are used as if they were a step further on, by at least two
independent signs in one module or three in all modules of a release.
`

const docTail = `
## What cannot be noticed

- A reference to another type of the same size and kind, in a member or
  parameter whose name the base does not know: most pointers to a struct seen as
  a pointer to another struct, ` + "`TYPEDEF`" + ` for ` + "`TYPEDEF`" + ` of one integer. That is what is
  left of "one array moved" and "one pointer moved".
- A prototype of a function whose address is in no operation table, or that is
  the only one of its module in the stretch: alone a single sign is not
  believed. That is what is left of "one prototype moved".
- A name of a struct, member or enumerator replaced by another of the module's
  own strings. Names of functions are compared with the symbol table.

Only the step that encodes knows. It can say so: by=encoder in the stamp.
`
