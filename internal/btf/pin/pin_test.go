package pin_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/btf/pin"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/where"
)

func order(r *btf.Raw) interface {
	binary.ByteOrder
	binary.AppendByteOrder
} {
	if r.BigEndian() {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func parse(t *testing.T, b []byte) *btf.Raw {
	t.Helper()
	r, err := btf.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// series is a first release with slack and a later one pinned on it.
type series struct {
	first, later *btf.Raw // as pinned
	built        *btf.Raw // the later one as it was built
	res          *pin.Result
}

// begin builds a first release, and pins a later one, of another order and
// with the changes of edit, on it.
func begin(t *testing.T, s source, seed uint64, edit func(s *source)) series {
	t.Helper()
	s.structs, s.funcs = upTo(40), upTo(60)
	start, err := pin.Start(s.build(seed).Parse(), pin.Slack{Types: 900, Strings: 4096}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	edit(&s)
	x := series{first: parse(t, start.Data), built: s.build(seed + 1000).Parse()}
	if x.res, err = pin.On(x.built, x.first, nil); err != nil {
		t.Fatal(err)
	}
	x.later = parse(t, x.res.Data)
	return x
}

// fix is what a fix of a stable release does: a struct grows, a struct and two
// functions come, two functions and a struct go.
func fix(s *source) {
	s.structs = slices.Delete(append(s.structs, 90), 7, 8)
	s.funcs = append(slices.Delete(s.funcs, 30, 32), 70, 71)
	s.grown = map[int]bool{3: true}
}

// TestCounts: what must hold, 1. A split starts at the count of types and the
// length of strings of its base.
func TestCounts(t *testing.T) {
	variants(t, func(t *testing.T, s source) {
		for seed := range uint64(6) {
			x := begin(t, s, seed, fix)
			if x.first.NumTypes() != x.later.NumTypes() || x.first.StrLen() != x.later.StrLen() {
				t.Errorf("seed %d: %d types, %d strings; then %d, %d", seed, x.first.NumTypes(), x.first.StrLen(), x.later.NumTypes(), x.later.StrLen())
			}
			rep := x.res.Report
			if rep.Moved != 0 || !rep.Held() || rep.Sorted != s.sorted {
				t.Errorf("seed %d: %+v", seed, rep)
			}
			if rep.Slack.Types+rep.New-rep.Vanished != pin.SlackOf(x.first).Types {
				t.Errorf("seed %d: slack %d of %d with %d new and %d gone", seed, rep.Slack.Types, pin.SlackOf(x.first).Types, rep.New, rep.Vanished)
			}
			if h := x.later.Header(); h.LayoutLen != x.built.Header().LayoutLen || h.Len != x.built.Header().Len {
				t.Errorf("header %+v", h)
			}
		}
	})
}

// TestNamesKeepTheirIDs: what must hold, 2. What has a name and changed has
// its id; what vanished is found by no name; each name is found once.
func TestNamesKeepTheirIDs(t *testing.T) {
	variants(t, func(t *testing.T, s source) {
		for seed := range uint64(6) {
			x := begin(t, s, seed, fix)
			for _, name := range []string{"s000", "s003", "s039", "f000", "f059", "int"} {
				for was := range x.first.Named(name) {
					n := 0
					for is := range x.later.Named(name) {
						if is.Kind == was.Kind {
							n++
							if is.ID != was.ID && was.Kind != btf.DeclTag {
								t.Errorf("seed %d: %s %s was %d, is %d", seed, was.Kind, name, was.ID, is.ID)
							}
						}
					}
					if n != 1 && was.Kind != btf.DeclTag {
						t.Errorf("seed %d: %s %s is there %d times", seed, was.Kind, name, n)
					}
				}
			}
			if is, _ := x.later.Find(btf.Struct, "s003"); is.SizeType != 32 {
				t.Errorf("seed %d: s003 of %d bytes", seed, is.SizeType)
			}
			for _, gone := range []struct {
				kind btf.Kind
				name string
			}{{btf.Struct, "s007"}, {btf.Func, "f030"}, {btf.Func, "f031"}} {
				if r, ok := x.later.Find(gone.kind, gone.name); ok {
					t.Errorf("seed %d: %s is there still, [%d]", seed, gone.name, r.ID)
				}
			}
			lost := 0
			for _, l := range x.res.Report.Lost {
				if l.To != 0 {
					t.Errorf("seed %d: %+v moved", seed, l)
				}
				lost++
			}
			if lost != x.res.Report.Vanished || lost == 0 {
				t.Errorf("seed %d: %d lost, %d vanished", seed, lost, x.res.Report.Vanished)
			}
		}
	})
}

// TestFillersAreAccepted: what must hold, 3. Kernels take a base with fillers,
// by what they check of their own and, what they do not do, by resolving it
// all. (Merging, bpftool and the two libraries: the tests with tag e2e.)
func TestFillersAreAccepted(t *testing.T) {
	variants(t, func(t *testing.T, s source) {
		x := begin(t, s, 1, fix)
		versions := [][2]int{{5, 11}, {5, 15}, {5, 19}, {6, 1}, {6, 6}, {6, 12}, {6, 18}, {6, 19}, {7, 1}, {7, 2}, {7, 3}}
		asked := 0
		for _, v := range versions {
			if s.sorted && v[0] < 7 || s.layout && (v[0] < 7 || v == [2]int{7, 0}) {
				continue
			}
			p := verdict.ForVersion(v[0], v[1], 0)
			for _, r := range []*btf.Raw{x.first, x.later} {
				if b, err := verdict.NewBase(&p, r.Bytes()); err != nil || !b.Own().OK {
					// DECL_TAG, which the made-up kernel has, came with 5.16.
					if p.KindMax >= btf.DeclTag {
						t.Errorf("%v: %v %+v", v, err, b.Own())
					}
					continue
				}
				if res := verdict.User(&p, r.Bytes(), 8, r.BigEndian()); !res.OK {
					t.Errorf("%v, resolved: %+v", v, res)
				}
				asked++
			}
		}
		if asked < 4 {
			t.Errorf("%d kernels asked", asked)
		}
	})
}

// TestIsTheNewBase: what must hold, 4. Type by type the result is the new base.
func TestIsTheNewBase(t *testing.T) {
	variants(t, func(t *testing.T, s source) {
		for seed := range uint64(4) {
			x := begin(t, s, seed, fix)
			c := meaning.Classify(x.built, x.later)
			seen := map[btf.ID]bool{}
			for r := range x.built.Types {
				to, ok := x.res.ID(r.ID)
				if !ok || seen[to] || !c.Same(meaning.Deep, r.ID, to) {
					t.Fatalf("seed %d: %s became %s", seed, x.built.Label(r.ID), x.later.Label(to))
				}
				seen[to] = true
			}
			if _, ok := x.res.ID(btf.ID(x.built.NumTypes())); ok {
				t.Error("an id beyond the last one")
			}
		}
	})
}

// TestSortedStaysSorted: what must hold, 5. Each name is found by halves.
func TestSortedStaysSorted(t *testing.T) {
	variants(t, func(t *testing.T, s source) {
		if !s.sorted {
			t.Skip("a base in free order")
		}
		for seed := range uint64(6) {
			x := begin(t, s, seed, fix)
			for _, r := range []*btf.Raw{x.first, x.later} {
				if !r.Sorted() {
					t.Fatalf("seed %d: out of order", seed)
				}
				for rec := range x.built.Types {
					if name := x.built.Name(rec.Name); r == x.later && name != "" && !byHalves(r, rec.Kind, name) {
						t.Errorf("seed %d: %s %s is not found", seed, rec.Kind, name)
					}
				}
			}
		}
	})
}

// byHalves looks a name up as kernels from 7.0 do: the first type of the name
// by halves, then on while the name is the same.
func byHalves(r *btf.Raw, kind btf.Kind, name string) bool {
	lo, hi := uint32(1), r.NumTypes()
	at := func(id uint32) (string, btf.Kind) {
		t, _ := r.Record(btf.ID(id))
		return r.Name(t.Name), t.Kind
	}
	for lo < hi {
		mid := (lo + hi) / 2
		if s, _ := at(mid); s < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < r.NumTypes(); lo++ {
		s, k := at(lo)
		if s != name {
			return false
		}
		if k == kind {
			return true
		}
	}
	return false
}

// TestModules: a module of either release is accepted by the other's kernel
// and means the same there; one that names what vanished is told of.
func TestModules(t *testing.T) {
	variants(t, func(t *testing.T, s source) {
		for seed := range uint64(4) {
			x := begin(t, s, seed, fix)
			forth, back := meaning.Classify(x.later, x.first), meaning.Classify(x.first, x.later)
			minor := 12
			major := 6
			if s.sorted || s.layout {
				major, minor = 7, 3
			}
			p := verdict.ForVersion(major, minor, 0)
			first, err := verdict.NewBase(&p, x.first.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			later, err := verdict.NewBase(&p, x.later.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			check := func(on *verdict.Base, c *meaning.Classes, built *btf.Raw, blob []byte, same bool) {
				t.Helper()
				split, err := btf.ParseSplit(blob, built)
				if err != nil {
					t.Fatal(err)
				}
				if v := on.Module(blob, nil); !v.OK {
					t.Errorf("seed %d: refused, %+v", seed, v)
				}
				if res := c.Judge(meaning.Module{Split: split}); res.Same(meaning.Identity) != same {
					t.Errorf("seed %d: %+v", seed, res.First)
				}
			}
			// s003 grew: to a module that points at it that is a change behind a pointer.
			check(later, forth, x.first, module(x.first, "s000", "s020"), true)
			check(first, back, x.later, module(x.later, "s000", "s020"), true)
			check(later, forth, x.first, module(x.first, "s007"), false)
			check(first, back, x.later, module(x.later, "s090"), false)
		}
	})
}

// TestUses: ids and strings that modules are known to use are held before
// others, and what could not be held is reported with the modules.
func TestUses(t *testing.T) {
	s := source{structs: upTo(10), funcs: upTo(10)}
	old := s.build(1).Parse() // no slack
	was, _ := old.Find(btf.Func, "f007")
	hard, _ := old.Find(btf.Func, "f003")
	plain, _ := old.Find(btf.Int, "int")
	s.funcs = []int{0, 1, 2, 4, 5, 6, 20}
	next := s.build(2).Parse()
	uses := []pin.Use{{Module: "b.ko", Refs: &meaning.Refs{Types: []btf.ID{hard.ID}}}, {Module: "a.ko", Refs: &meaning.Refs{Types: []btf.ID{plain.ID}, IDs: []btf.ID{hard.ID}}}}
	res, err := pin.On(next, old, uses)
	if err != nil {
		t.Fatal(err)
	}
	fresh, _ := next.Find(btf.Func, "f020")
	if to, _ := res.ID(fresh.ID); to == hard.ID || was.ID == hard.ID {
		t.Errorf("the new function is on %d, which modules use, and not on one like %d", to, was.ID)
	}
	rep := res.Report
	if rep.Held() || len(rep.Touched) != 2 || rep.Touched[0].Module != "a.ko" || !slices.Equal(rep.Touched[0].IDs, []btf.ID{hard.ID}) || rep.Touched[1].Module != "b.ko" {
		t.Errorf("touched %+v", rep.Touched)
	}
	if i := slices.IndexFunc(rep.Lost, func(l pin.Lost) bool { return l.ID == hard.ID }); i < 0 || rep.Lost[i].Modules != 2 || rep.Lost[i].To != 0 {
		t.Errorf("lost %+v", rep.Lost)
	}
}

// TestNoRoom: counts that cannot be equal are said to be so, with numbers.
func TestNoRoom(t *testing.T) {
	for _, sorted := range []bool{false, true} {
		s := source{structs: upTo(10), funcs: upTo(10), sorted: sorted}
		old := s.build(1).Parse()
		s.funcs = upTo(14)
		_, err := pin.On(s.build(2).Parse(), old, nil)
		var room *pin.RoomError
		if !errors.As(err, &room) || room.Needed == 0 || room.Free != 0 {
			t.Errorf("sorted %v: %v", sorted, err)
		}
	}
	s := source{structs: upTo(10), funcs: upTo(10)}
	start, err := pin.Start(s.build(1).Parse(), pin.Slack{Types: 50, Strings: 8}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.funcs = upTo(14)
	_, err = pin.On(s.build(2).Parse(), parse(t, start.Data), nil)
	var room *pin.RoomError
	if !errors.As(err, &room) || room.What != "string bytes" || room.Free >= room.Needed {
		t.Errorf("strings: %v", err)
	}
}

// TestSameAgain: a base pinned on itself is itself, and the same input gives
// the same bytes.
func TestSameAgain(t *testing.T) {
	variants(t, func(t *testing.T, s source) {
		x := begin(t, s, 3, fix)
		again, err := pin.On(x.later, x.later, nil)
		if err != nil || !bytes.Equal(again.Data, x.later.Bytes()) {
			t.Errorf("%v, %d and %d bytes", err, len(again.Data), len(x.later.Bytes()))
		}
		for range 5 {
			if y := begin(t, s, 3, fix); !bytes.Equal(y.res.Data, x.res.Data) {
				t.Fatal("other bytes")
			}
		}
	})
}

// TestAYear: releases one after another, each pinned on the one before, until
// the slack is used up; the first release's modules are right on all.
func TestAYear(t *testing.T) {
	variants(t, func(t *testing.T, s source) {
		x := begin(t, s, 5, fix)
		s.structs, s.funcs = upTo(40), upTo(60)
		last, n := x.later, 0
		fix(&s)
		split, err := btf.ParseSplit(module(x.first, "s001", "s030"), x.first)
		if err != nil {
			t.Fatal(err)
		}
		uses := []pin.Use{{Module: "m.ko", Refs: meaning.RefsOf(split, nil)}}
		for ; n < 40; n++ {
			s.funcs = append(s.funcs, 100+n)
			next, err := pin.On(s.build(uint64(n)).Parse(), last, uses)
			var room *pin.RoomError
			if errors.As(err, &room) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(next.Report.Touched) != 0 {
				break
			}
			last = parse(t, next.Data)
			if res := meaning.Classify(last, x.first).Judge(meaning.Module{Split: split}); !res.Same(meaning.Identity) {
				t.Fatalf("release %d: %+v", n, res.First)
			}
		}
		if n < 10 {
			t.Errorf("slack lasted for %d releases", n)
		}
	})
}

// TestRefusals: what cannot be read is named.
func TestRefusals(t *testing.T) {
	good := (&source{structs: upTo(3), funcs: upTo(3)}).build(1)
	far := btftest.Base()
	far.Ptr(7)
	name := btftest.Base()
	name.Raw(btf.Fwd, false, 0, 99, 0)
	filled := btftest.Base()
	proto := filled.Proto(0)
	filled.DeclTag("x", filled.Func(pin.Reserved, proto), -1)
	for what, bad := range map[string]*btftest.Builder{"an id": far, "a name": name, "a use of a filler": filled, "a split": good.Split()} {
		_, err := pin.On(bad.Parse(), good.Parse(), nil)
		if k := where.KindOf(err); k != where.Malformed && k != where.Unsupported {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := pin.Start(bad.Parse(), pin.Slack{Types: 4}, nil, nil); err == nil {
			t.Errorf("%s: started", what)
		}
	}
	if _, err := pin.On((&source{big: true, structs: upTo(2)}).build(1).Parse(), good.Parse(), nil); where.KindOf(err) != where.Usage {
		t.Errorf("byte order: %v", err)
	}
	if _, err := pin.Start(good.Parse(), pin.Slack{Types: 1 << 20}, nil, nil); err == nil {
		t.Error("a million fillers")
	}
}
