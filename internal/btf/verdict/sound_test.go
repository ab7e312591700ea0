package verdict

import (
	"slices"
	"testing"
	"time"

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

// TestNothingHangs: a mebibyte of the worst that is known takes less than a
// second on every path.
func TestNothingHangs(t *testing.T) {
	const size = 1 << 20
	for name, fill := range map[string]func(b *btftest.Builder){
		"long names": func(b *btftest.Builder) {
			long := make([]byte, 512)
			for i := range long {
				long[i] = 'a'
			}
			for b.Next() < size/1024 {
				b.Struct(string(long[:len(long)-int(b.Next())%64]), 0)
			}
			at := uint32(b.Str(string(long)))
			for range size / 2 / 8 / 64 {
				b.Raw(btf.Enum, false, 64, 0, 4, slices.Repeat([]uint32{at, 1}, 64)...)
			}
		},
		"tags of one long string": func(b *btftest.Builder) {
			long := make([]byte, size/2)
			for i := range long {
				long[i] = 'a'
			}
			at := b.Str(string(long))
			for b.Next() < size/2/12 {
				b.Raw(btf.TypeTag, false, 0, at, 0)
			}
		},
		"chains of 32": func(b *btftest.Builder) {
			for b.Next() < size/12 {
				b.Const((b.Next() + 1) &^ 31)
			}
		},
		"arrays in arrays": func(b *btftest.Builder) {
			b.Int("int", 4, 0)
			for b.Next() < size/2/24 {
				b.Array(b.Next()+1, 1, 1)
			}
			last := b.Array(1, 1, 1)
			for range size / 2 / 24 {
				b.Struct("", 8, btftest.M("", 2, 0), btftest.M("", last/2, 0))
			}
		},
		"modifiers of pointers": func(b *btftest.Builder) {
			for b.Next() < size/12 {
				b.Ptr(b.Next() + 2)
				b.Const(b.Next() + 2)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := ForVersion(7, 3, 4)
			kernel := btftest.Base()
			kernel.Int("int", 4, 0)
			base, err := NewBase(&p, kernel.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			own, split := btftest.Base(), kernel.Split()
			fill(own)
			fill(split)
			start := time.Now()
			user, mod := User(&p, own.Bytes(), 8, false), base.Module(split.Bytes(), nil)
			rel, sound := base.Module(split.Bytes(), kernel.Bytes()), base.Sound(split.Bytes(), nil, 8)
			if took := time.Since(start); took > 4*time.Second {
				t.Errorf("%d bytes took %v", len(own.Bytes()), took)
			}
			t.Logf("%d bytes, %v: user %s; module %s; relocated %s; sound %s", len(split.Bytes()), time.Since(start), user.String(), mod.String(), rel.String(), sound.String())
		})
	}
}
