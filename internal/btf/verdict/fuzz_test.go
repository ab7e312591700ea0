package verdict

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/verdict/vector"
)

// FuzzModule: no split, distilled base or own base makes any kernel's rules
// panic; every refusal names its rule and has an errno; what is accepted
// through no chain check could still be indexed.
func FuzzModule(f *testing.F) {
	kernel := btftest.Base()
	kernel.Int("int", 4, btftest.Signed)
	kernel.Struct("list_head", 16, btftest.M("next", kernel.Ptr(2), 0))
	kernel.Union("u", 4, btftest.M("a", 1, 0))
	kernel.Typedef("s32", kernel.Const(1))
	split := kernel.Split()
	fn := split.Func("init", split.Proto(1, btftest.P("a", 2)))
	split.DeclTag("kfunc", fn, -1)
	split.Struct("s", 16, btftest.M("a", split.Typedef("u", 1), 0), btftest.BF("b", 1, 64, 3))
	f.Add(split.Bytes(), []byte(nil), uint8(0))
	dist := btftest.Base()
	i := dist.Int("int", 4, btftest.Signed)
	dist.Struct("list_head", 16)
	on := dist.Split()
	on.Struct("mine", 24, btftest.M("l", 2, 0), btftest.M("i", i, 16))
	f.Add(on.Bytes(), dist.Bytes(), uint8(3))
	f.Add(kernel.Bytes(), kernel.Bytes(), uint8(5))
	var bases []*Base
	for _, v := range [][3]int{{5, 11, 0}, {5, 15, 0}, {6, 1, 0}, {6, 11, 0}, {6, 12, 107}, {7, 2, 0}} {
		p := ForVersion(v[0], v[1], v[2])
		b, err := NewBase(&p, kernel.Bytes())
		if err != nil || !b.own.OK {
			f.Fatal(err, b.own)
		}
		bases = append(bases, b)
	}
	f.Fuzz(func(t *testing.T, split, dist []byte, which uint8) {
		b := bases[int(which)%len(bases)]
		sane(t, b.Module(split, dist))
		sane(t, Vmlinux(&b.profile, split))
	})
}

func sane(t *testing.T, r Result) {
	t.Helper()
	switch {
	case r.OK && (r.Rule != "" || r.Errno != 0 || r.Lines != nil):
		t.Errorf("accepted, and yet %+v", r)
	case !r.OK && r.Rule == "":
		t.Errorf("refused without a rule: %+v", r)
	case !r.OK && r.Errno == 0 != r.Undefined:
		t.Errorf("errno and undefined contradict each other: %+v", r)
	}
}

// FuzzUser: the second pass ends on anything, as user BTF and as a module on
// a base, and what it refuses has a rule.
func FuzzUser(f *testing.F) {
	vectors, err := vector.Load(vectorDir)
	if err != nil {
		f.Fatal(err)
	}
	for _, v := range vectors {
		if v.Own == nil {
			continue
		}
		blob, err := v.Alone()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(blob, []byte(nil))
	}
	kernel := btftest.Kernel(btftest.Plain)
	m := kernel.Split()
	m.Struct("s", 24, btftest.M("a", m.Typedef("t", kernel.ID(btf.Struct, "list_head")), 0))
	f.Add(m.Bytes(), []byte(nil))
	p := ForVersion(7, 3, 4)
	b, err := NewBase(&p, kernel.Bytes())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, blob, dist []byte) {
		sane(t, User(&p, blob, 8, false))
		r := b.Module(blob, nil)
		if s := b.Sound(blob, nil, 8); r.Rule != "" && r.Rule != s.Rule {
			t.Errorf("refused by the kernel (%s) and yet sound or otherwise unsound: %s", r.String(), s.String())
		}
		sane(t, b.Sound(blob, dist, 8))
		init := b.InitIDs(blob, dist, Registered{Kfuncs: []Kfuncs{{Flags: 1, IDs: []uint32{1, 60, 61}, PairFlags: []uint32{iterNew}}}, Dtors: []uint32{60}}, nil)
		if init.OK != (init.Errno == 0) || !init.OK && init.Rule == "" {
			t.Errorf("%+v", init)
		}
	})
}

// FuzzVector: the notation is read or refused, never more.
func FuzzVector(f *testing.F) {
	f.Add("id: a\nmirrors: b\nsource-only: c\nmodule 5.11..: ok\n-- split --\nSTRUCT \"a\" 4\n    \"b\" $1 0\ncut 1\n")
	base := btftest.Kernel(btftest.Plain).Parse()
	f.Fuzz(func(t *testing.T, text string) {
		v, err := vector.Parse(text)
		if err != nil || v.Split == nil {
			return
		}
		if split, _, err := v.Module(base); err == nil && len(split) > 64*len(text)+1024 {
			t.Errorf("%d bytes of notation give %d", len(text), len(split))
		}
	})
}
