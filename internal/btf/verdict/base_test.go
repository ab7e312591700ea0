package verdict

import (
	"slices"
	"sync"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/model"
)

func profile(major, minor int, change ...func(*Profile)) *Profile {
	p := ForVersion(major, minor, 0)
	for _, f := range change {
		f(&p)
	}
	return &p
}

func TestByteOrderIsTheKernels(t *testing.T) {
	kernel := btftest.BigKernel(btftest.Plain)
	b, err := NewBase(profile(6, 12), kernel.Bytes())
	if err != nil || !b.Own().OK {
		t.Fatal(err, b.Own())
	}
	m := kernel.Split()
	m.Struct("s", 8, btftest.M("a", 1, 0), btftest.BF("b", 1, 32, 3))
	if r := b.Module(m.Bytes(), nil); !r.OK {
		t.Error(r.String())
	}
	if r := b.Sound(m.Bytes(), nil, 8); !r.OK {
		t.Error(r.String())
	}
	little := btftest.Kernel(btftest.Plain).Split()
	little.Ptr(1)
	// hdr_len is read before the magic, and in the wrong order it is huge.
	if r := b.Module(little.Bytes(), nil); r.Rule != "H2" {
		t.Errorf("the other byte order: %s", r.String())
	}
}

func TestARefusedBaseRefusesEveryModule(t *testing.T) {
	kernel := btftest.Kernel(btftest.Plain) // has DECL_TAG
	b, err := NewBase(profile(5, 15), kernel.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	own := b.Own()
	if own.Rule != "M3" || own.Blob != Own || len(own.Lines) != 1 {
		t.Fatalf("the kernel takes a kind it does not know: %+v", own)
	}
	m := kernel.Split()
	m.Ptr(1)
	if r := b.Module(m.Bytes(), nil); r.OK || r.Errno != own.Errno || r.Lines != nil {
		t.Errorf("%+v", r)
	}
	if r := b.Module(nil, nil); !r.OK {
		t.Errorf("a module without BTF: %s", r.String())
	}
}

func TestOutcome(t *testing.T) {
	allow := func(p *Profile) { p.AllowMismatch = true }
	for _, tc := range []struct {
		p    *Profile
		r    Result
		want model.Verdict
	}{
		{profile(5, 10), accepted, model.Inert},
		{profile(6, 12), accepted, model.Attached},
		{profile(6, 12), Result{Errno: EINVAL}, model.Rejected},
		{profile(6, 12, allow), Result{Errno: ELOOP}, model.Dropped},
		{profile(6, 12, allow), Result{Undefined: true}, model.Rejected},
	} {
		if got := tc.p.Outcome(&tc.r); got != tc.want {
			t.Errorf("%s %+v: %s, want %s", tc.p.Name, tc.r, got, tc.want)
		}
	}
}

func TestWhatIsPrinted(t *testing.T) {
	kernel := btftest.Kernel(btftest.Plain)
	m := kernel.Split()
	m.Func("0bad", 1)
	allow := func(p *Profile) { p.AllowMismatch = true }
	head := "[43] FUNC 0bad "
	for name, tc := range map[string]struct {
		p    *Profile
		want []string
		last string
	}{
		"5.18":                   {profile(5, 18), []string{"BPF:" + head, "BPF:type_id=1", "BPF: ", "BPF:Invalid name", "BPF:"}, "failed to validate module [m] BTF: -22"},
		"6.1":                    {profile(6, 1), []string{"BPF: " + head, "BPF: type_id=1", "BPF:  ", "BPF: Invalid name", "BPF: "}, "failed to validate module [m] BTF: -22"},
		"6.1, mismatch allowed":  {profile(6, 1, allow), []string{"BPF: " + head, "BPF: type_id=1", "BPF:  ", "BPF: Invalid name", "BPF: "}, "failed to validate module [m] BTF: -22"},
		"6.12, mismatch allowed": {profile(6, 12, allow), nil, "Kernel module BTF mismatch detected, BTF debug info may be unavailable for some modules"},
	} {
		b, err := NewBase(tc.p, kernel.Bytes())
		if err != nil || !b.Own().OK {
			t.Fatal(name, err, b.Own())
		}
		r := b.Module(m.Bytes(), nil)
		if r.Rule != "func.name" || !slices.Equal(r.Lines, tc.want) || tc.p.FailureLine("m", r.Errno) != tc.last {
			t.Errorf("%s: %q, %q", name, r.Lines, tc.p.FailureLine("m", r.Errno))
		}
		if want := "EINVAL (func.name, .BTF+0x18): [43] FUNC 0bad type_id=1 Invalid name"; r.String() != want {
			t.Errorf("%s: %q, want %q", name, r.String(), want)
		}
	}
}

func TestOneBaseManyGoroutines(t *testing.T) {
	kernel := btftest.Kernel(btftest.Plain)
	b, err := NewBase(profile(6, 12), kernel.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	dist := btftest.Base()
	dist.Int("int", 4, btftest.Signed)
	on := dist.Split()
	on.Ptr(1)
	m := kernel.Split()
	m.Typedef("t", 1)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				r, d, s := b.Module(m.Bytes(), nil), b.Module(on.Bytes(), dist.Bytes()), b.Sound(m.Bytes(), nil, 8)
				if !r.OK || !d.OK || !s.OK {
					t.Errorf("%s, %s, %s", r.String(), d.String(), s.String())
					return
				}
			}
		})
	}
	wg.Wait()
}
