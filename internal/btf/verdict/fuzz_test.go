package verdict

import (
	"testing"

	"kpkg-btf/internal/btf/btftest"
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
