package distill_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/verdict"
)

// relocated distils a split, lets a kernel of 6.12 relocate it onto a base and
// checks that every type of the split still means what it meant: same records,
// strings and shape, down to the types of the base, which must be the same
// ones (own) or at least of the same kind, name and size.
func relocated(split *btf.Raw, d *distill.Distiller, on *verdict.Base, own bool) (*distill.Result, error) {
	res, err := d.Distill(split)
	if err != nil {
		return nil, err
	}
	base, err := btf.Parse(res.Base)
	if err != nil {
		return nil, err
	}
	now, err := btf.ParseSplit(res.Split, base)
	if err != nil {
		return nil, err
	}
	ids, verdict := on.Relocate(res.Split, res.Base)
	if !verdict.OK {
		return nil, fmt.Errorf("relocation: %s", verdict.String())
	}
	c := comparison{was: split, now: now, ids: ids, on: on.Raw(), own: own, seen: map[[2]btf.ID]bool{}}
	for t := range split.Types {
		id, ok := res.ID(t.ID)
		if !ok {
			return nil, fmt.Errorf("[%d] has no new id", t.ID)
		}
		c.later(t.ID, id)
	}
	return res, c.run()
}

type comparison struct {
	was, now *btf.Raw
	ids      []uint32
	on       *btf.Raw
	own      bool
	seen     map[[2]btf.ID]bool
	todo     [][2]btf.ID
}

func (c *comparison) later(was, now btf.ID) {
	if p := [2]btf.ID{was, now}; !c.seen[p] && p != [2]btf.ID{} {
		c.seen[p] = true
		c.todo = append(c.todo, p)
	}
}

func (c *comparison) run() error {
	for len(c.todo) != 0 {
		p := c.todo[len(c.todo)-1]
		c.todo = c.todo[:len(c.todo)-1]
		was, ok1 := c.was.Record(p[0])
		now, ok2 := c.now.Record(p[1])
		if !ok1 || !ok2 {
			return fmt.Errorf("[%d] became [%d]", p[0], p[1])
		}
		if now.ID >= c.now.FirstID() {
			if err := c.record(&was, &now); err != nil {
				return err
			}
			continue
		}
		at := btf.ID(c.ids[now.ID])
		there, _ := c.on.Record(at)
		if c.own && at != was.ID || there.Kind != was.Kind || c.on.Name(there.Name) != c.was.Name(was.Name) {
			return fmt.Errorf("%s was relocated to %s", c.was.Label(was.ID), c.on.Label(at))
		}
	}
	return nil
}

// record compares two records field by field.
func (c *comparison) record(was, now *btf.Record) error {
	a, b := plain(c.was, was), plain(c.now, now)
	if !bytes.Equal(a.words, b.words) || !slices.Equal(a.names, b.names) || len(a.refs) != len(b.refs) {
		return fmt.Errorf("[%d] %+v became [%d] %+v", was.ID, a, now.ID, b)
	}
	for i := range a.refs {
		c.later(a.refs[i], b.refs[i])
	}
	return nil
}

// fields is a record with names and ids taken out.
type fields struct {
	words []byte
	names []string
	refs  []btf.ID
}

func plain(r *btf.Raw, t *btf.Record) (f fields) {
	owner := r
	if t.ID < r.FirstID() {
		owner = r.Base()
	}
	f.words = bytes.Clone(owner.RecordBytes(t))
	for pos, off := range t.Names {
		f.names = append(f.names, r.Name(off))
		binary.NativeEndian.PutUint32(f.words[pos-t.Pos:], 0)
	}
	for pos, id := range t.Refs {
		f.refs = append(f.refs, id)
		binary.NativeEndian.PutUint32(f.words[pos-t.Pos:], 0)
	}
	return f
}

func kernelBase(t testing.TB, blob []byte) *verdict.Base {
	t.Helper()
	p := verdict.ForVersion(6, 12, 115)
	b, err := verdict.NewBase(&p, blob)
	if err != nil || !b.Own().OK {
		t.Fatal(err, b.Own())
	}
	return b
}

// TestMeaningIsKept: random splits on random bases mean the same after they
// were distilled and relocated onto their own base, in both byte orders, and
// no type is lost or made up on the way.
func TestMeaningIsKept(t *testing.T) {
	d, distilled := new(distill.Distiller), 0
	for seed := range uint64(400) {
		start := btftest.Base
		if seed%2 == 1 {
			start = btftest.BigBase
		}
		base, split := random(start(), seed)
		raw := split.Parse()
		res, err := relocated(raw, d, kernelBase(t, base.Bytes()), true)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		distilled++
		reached := 0
		for id := range btf.ID(raw.FirstID()) {
			if _, ok := res.ID(id); ok && id != 0 {
				reached++
			}
		}
		b, _ := btf.Parse(res.Base)
		s, _ := btf.ParseSplit(res.Split, b)
		if b.OwnTypes()+s.OwnTypes() != reached+raw.OwnTypes() {
			t.Errorf("seed %d: %d+%d types of %d reached and %d own", seed, b.OwnTypes(), s.OwnTypes(), reached, raw.OwnTypes())
		}
	}
	if distilled != 400 {
		t.Errorf("only %d", distilled)
	}
}

// TestMeaningOnARebuild is pairs A and B in small.
func TestMeaningOnARebuild(t *testing.T) {
	for _, v := range []btftest.Variant{btftest.Plain, btftest.Permuted, btftest.Grown} {
		kernel := btftest.Kernel(btftest.Plain)
		s := kernel.Split()
		s.Struct("priv", 56, m("ct", kernel.ID(btf.Struct, "nf_conn"), 0), m("fop", s.Next()+1, 32), m("n", kernel.ID(btf.Typedef, "u32"), 40))
		s.Ptr(s.Next() + 1)
		s.Const(kernel.ID(btf.Struct, "file_operations"))
		s.Func("init", s.Proto(kernel.ID(btf.Int, "int"), btftest.P("m", kernel.ID(btf.Enum, "module_state"))))
		on := btftest.Kernel(v)
		if _, err := relocated(s.Parse(), new(distill.Distiller), kernelBase(t, on.Bytes()), v == btftest.Plain); err != nil {
			t.Errorf("on variant %d: %v", v, err)
		}
	}
}

// random builds a base and a split of all kinds that a kernel of 6.12 takes,
// with references in every direction.
func random(b *btftest.Builder, seed uint64) (base, split *btftest.Builder) {
	r := rand.New(rand.NewPCG(seed, 12))
	b.Int("int", 4, btftest.Signed)
	n := 2 + r.IntN(60)
	g := generator{r: r, b: b, types: 1, names: "b"}
	for range n {
		g.add()
	}
	s := b.Split()
	g.b, g.names, g.base = s, "s", b.Next()
	s.Typedef("sint", 1)
	for range 1 + r.IntN(30) {
		g.add()
	}
	return b, s
}

// generator adds records that refer to earlier ones and to the next one;
// functions, which no type may refer to, are left out.
type generator struct {
	r      *rand.Rand
	b      *btftest.Builder
	base   btf.ID
	names  string
	types  int
	usable []btf.ID
}

func (g *generator) earlier() btf.ID {
	if len(g.usable) == 0 || g.r.IntN(8) == 0 {
		return 1
	}
	return g.usable[g.r.IntN(len(g.usable))]
}

func (g *generator) name() string {
	g.types++
	return fmt.Sprintf("%s%d", g.names, g.types)
}

// shared is a name that others may have too.
func (g *generator) shared() string { return fmt.Sprintf("f%d", g.r.IntN(12)) }

func (g *generator) add() {
	b, anon, id := g.b, g.r.IntN(3) == 0, btf.ID(0)
	name := g.name()
	if anon {
		name = ""
	}
	switch g.r.IntN(15) {
	case 0:
		id = b.Int(g.name(), 4, btftest.Unsigned)
	case 1:
		id = b.Float(g.name(), 8)
	case 2:
		id = b.Fwd(g.name(), g.r.IntN(2) == 0)
	case 3, 4:
		id = b.Struct(name, 64, m(g.shared(), g.earlier(), 0), m(g.shared(), g.earlier(), 16), m("", g.earlier(), 48))
	case 5:
		id = b.Union(name, 64, m(g.shared(), g.earlier(), 0), btftest.BF(g.shared(), 1, 0, 3))
	case 6:
		id = b.Enum(name, 4, btftest.E{Name: g.name(), Value: int64(g.r.IntN(9)) - 4})
	case 7:
		id = b.Enum64(name, 8, btftest.E{Name: g.name(), Value: int64(g.r.Uint64())})
	case 8:
		id = b.Typedef(g.name(), g.earlier())
	case 9:
		id = b.Array(g.earlier(), 1, uint32(g.r.IntN(5)))
	case 10:
		id = b.Proto(g.earlier(), btftest.P(g.shared(), g.earlier()), btftest.P("", 0))
		if g.r.IntN(2) == 0 {
			b.Func(g.name(), id)
		}
	case 11:
		id = b.Ptr(b.TypeTag(g.shared(), g.earlier()))
	case 12:
		id = b.Const(g.earlier())
	case 13:
		id = b.Ptr(b.Next() + 1)
		b.Struct(name, 16, m("next", id, 0), m(g.shared(), g.earlier(), 8))
	default:
		id = b.Ptr(g.earlier())
	}
	g.usable = append(g.usable, id)
}
