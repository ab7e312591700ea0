package verdict

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

func TestSoundFindsWhatTheKernelLetsPass(t *testing.T) {
	kernel := btftest.Kernel(btftest.Plain)
	p := ForVersion(6, 12, 0)
	b, err := NewBase(&p, kernel.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	i, u, lh := kernel.ID(btf.Int, "int"), kernel.ID(btf.Int, "unsigned int"), kernel.ID(btf.Struct, "list_head")
	for name, tc := range map[string]struct {
		build func(m *btftest.Builder)
		rule  string
	}{
		"right": {func(m *btftest.Builder) {
			m.Struct("mine", 24, btftest.M("l", m.Const(m.Volatile(lh)), 0), btftest.M("n", kernel.ID(btf.Typedef, "u32"), 16))
			m.Func("f", m.Proto(i, btftest.P("a", m.Ptr(lh))))
			m.Array(lh, u, 3)
		}, ""},
		"dangling pointer":   {func(m *btftest.Builder) { m.Ptr(0xffff0) }, "resolve.ptr.type"},
		"dangling parameter": {func(m *btftest.Builder) { m.Proto(0, btftest.P("a", 0xffff0)) }, "resolve.func_proto.arg"},
		"dangling prototype": {func(m *btftest.Builder) { m.Func("f", 0xffff0) }, "resolve.func.type"},
		"oversize member":    {func(m *btftest.Builder) { m.Struct("s", 8, btftest.M("l", m.Typedef("l_t", lh), 0)) }, "resolve.struct.member.exceeds"},
		"huge array":         {func(m *btftest.Builder) { m.Array(i, u, 1<<32-1) }, "resolve.array.overflow"},
		"array of itself":    {func(m *btftest.Builder) { m.Array(m.Next(), u, 1) }, "resolve.array.loop"},
		"struct in itself":   {func(m *btftest.Builder) { m.Struct("s", 8, btftest.M("s", m.Next(), 0)) }, "resolve.struct.loop"},
		"pointer circle":     {func(m *btftest.Builder) { m.Ptr(m.Next()) }, "resolve.ptr.loop"},
		"member of void":     {func(m *btftest.Builder) { m.Struct("s", 8, btftest.M("a", m.Const(0), 0)) }, "resolve.struct.member"},
		"bad name":           {func(m *btftest.Builder) { m.Struct("s s", 8) }, "struct.name"},
	} {
		m := kernel.Split()
		tc.build(m)
		got := b.Sound(m.Bytes(), nil, 8)
		if got.Rule != tc.rule || got.OK != (tc.rule == "") {
			t.Errorf("%s: %s, want %q", name, got.String(), tc.rule)
		}
		if got.Lines != nil {
			t.Errorf("%s: no kernel prints this: %q", name, got.Lines)
		}
		if kernelSays := b.Module(m.Bytes(), nil); !kernelSays.OK && name != "bad name" {
			t.Errorf("%s: the kernel's module path does not take it: %s", name, kernelSays.String())
		}
	}
}

func TestSoundOnDistilled(t *testing.T) {
	p := ForVersion(6, 12, 0)
	b, err := NewBase(&p, btftest.Kernel(btftest.Plain).Bytes())
	if err != nil {
		t.Fatal(err)
	}
	dist := btftest.Base()
	lh := dist.Struct("list_head", 16)
	m := dist.Split()
	m.Struct("mine", 16, btftest.M("l", lh, 0))
	if got := b.Sound(m.Bytes(), dist.Bytes(), 8); !got.OK {
		t.Error(got.String())
	}
	m.Struct("short", 8, btftest.M("l", lh, 0))
	if got := b.Sound(m.Bytes(), dist.Bytes(), 8); got.Rule != "resolve.struct.member.exceeds" {
		t.Error(got.String())
	}
	if got := b.Sound(m.Bytes(), []byte("not BTF"), 8); got.Rule != "sound.base" {
		t.Error(got.String())
	}
}
