package verdict

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

// mib is the size of each blob below.
const mib = 1 << 20

// worstRatio is how much longer the worst blob of a size may take than a
// harmless one. The harmless one takes about 10 ms, so that this is far below
// the second that no blob of 1 MiB may take.
const worstRatio = 20

// full adds to a builder until its blob has about 1 MiB. each is the bytes that
// one call of add takes.
func full(b *btftest.Builder, used, each int, add func(i int)) *btftest.Builder {
	for i := range (mib - used) / each {
		add(i)
	}
	return b
}

// tails is a string of 512 KiB, and the offset of the n-th of its tails.
func tails(b *btftest.Builder) func(n int) btf.StrOff {
	const half = mib / 2
	first := b.Str(strings.Repeat("a", half))
	return func(n int) btf.StrOff { return first + btf.StrOff(n%half) }
}

// slow are ways to make the rules work hard for one blob, or for one with the
// base that it lies on.
var slow = map[string]func(kernel *btftest.Builder) (split, distilled *btftest.Builder){
	// Each modifier of a chain leads to the end anew, as long as it is trusted.
	"chains of 32": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		return full(s, 0, 32*12, func(int) {
			for range 31 {
				s.Const(s.Next() + 1)
			}
			s.Const(0)
		}), nil
	},
	"backward chains of 32": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		return full(s, 0, 12, func(i int) {
			if i%32 == 0 {
				s.Const(0)
			} else {
				s.Const(s.Next() - 1)
			}
		}), nil
	},
	"tails of a string as names": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		at := tails(s)
		return full(s, mib/2, 16, func(i int) { s.Raw(btf.Var, false, 0, at(mib/2-500+i%400), 1, 0) }), nil
	},
	"a long name is not printed whole": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		at := tails(s)
		const params = 60000
		words := make([]uint32, 0, 2*params)
		for i := range params {
			words = append(words, uint32(at(i)), 1)
		}
		s.Raw(btf.FuncProto, false, params, s.Str("named"), 1, words...)
		return s, nil
	},
	"a long prototype of many functions": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		p := make([]btftest.Param, 60000)
		for i := range p {
			p[i] = btftest.P("a", 1)
		}
		proto := s.Proto(1, p...)
		return full(s, 8*len(p), 12, func(int) { s.Func("f", proto) }), nil
	},
	"arrays in arrays": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		return full(s, 0, 24, func(i int) {
			if i%30 == 29 {
				s.Array(1, 1, 1)
			} else {
				s.Array(s.Next()+1, 1, 1)
			}
		}), nil
	},
	"structs of one struct": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		m := make([]btftest.Member, 60000)
		for i := range m {
			m[i] = btftest.M("m", s.Next()+btf.ID(1+i%5000), 0)
		}
		s.Struct("s", 8, m...)
		return full(s, 12*len(m), 12, func(i int) { s.Typedef("t", 1) }), nil
	},
	"variables of sections": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		v := s.Var("v", 1)
		e := make([]btftest.Entry, 1000)
		for i := range e {
			e[i] = btftest.Entry{Var: v, Off: uint32(4 * i), Size: 4}
		}
		return full(s, 0, 12*(len(e)+1), func(int) { s.Datasec(".data", 1<<20, e...) }), nil
	},
	"long names of enumerators": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		at := uint32(s.Str(strings.Repeat("a", 512)))
		return full(s, 0, 12+8*64, func(int) { s.Raw(btf.Enum, false, 64, 0, 4, slices.Repeat([]uint32{at, 1}, 64)...) }), nil
	},
	"tags of one long string": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		at := tails(s)
		return full(s, mib/2, 12, func(int) { s.Raw(btf.TypeTag, false, 0, at(0), 0) }), nil
	},
	"structs of arrays in arrays": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		full(s, mib/2, 24, func(int) { s.Array(s.Next()+1, 1, 1) })
		last := s.Array(1, 1, 1)
		return full(s, mib/2, 36, func(int) { s.Struct("", 8, btftest.M("", 2, 0), btftest.M("", last/2, 0)) }), nil
	},
	"modifiers of pointers": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		s := k.Split()
		return full(s, 0, 24, func(int) {
			s.Ptr(s.Next() + 2)
			s.Const(s.Next() + 2)
		}), nil
	},
	"one name for all types": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		full(k, 0, 16, func(i int) { k.Raw(btf.Struct, false, 0, k.Str("x"), uint32(2*i)) })
		d := btftest.Base()
		full(d, 0, 12, func(i int) { d.Raw(btf.Struct, false, 0, d.Str("x"), uint32(2*i+2)) })
		s := d.Split()
		s.Ptr(1)
		return s, d
	},
	"one name, embedded": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		// Each has a name of its own that reads the same.
		full(k, 0, 16, func(i int) {
			k.Raw(btf.Struct, false, 0, k.Str(strings.Repeat("y", 1+i%500)+"x")+btf.StrOff(1+i%500), uint32(i))
		})
		d := btftest.Base()
		full(d, 0, 24, func(i int) { d.Raw(btf.Struct, false, 0, d.Str("x"), uint32(i)) })
		s := d.Split()
		for i := range (mib - 16) / 24 {
			s.Struct("", 1<<20, btftest.M("m", btf.ID(i+1), 0))
		}
		return s, d
	},
	"numbers named by tails": func(k *btftest.Builder) (split, distilled *btftest.Builder) {
		at := tails(k)
		full(k, mib/2, 16, func(i int) { k.Raw(btf.Int, false, 0, at(8*i), 4, 32) })
		d := btftest.Base()
		at = tails(d)
		full(d, mib/2, 16, func(i int) { d.Raw(btf.Int, false, 0, at(8*i), 4, 32) })
		s := d.Split()
		s.Ptr(1)
		return s, d
	},
}

// harmless is what modules look like, on a kernel.
func harmless(k *btftest.Builder) *btftest.Builder {
	s := k.Split()
	proto := s.Proto(1, btftest.P("dev", s.Ptr(1)), btftest.P("flags", 1))
	names := strings.Fields("probe remove suspend resume start stop open close read write poll init exit")
	return full(s, 0, 12+36+12+12+12, func(i int) {
		n := names[i%len(names)]
		st := s.Struct(n+"_ctx", 24, btftest.M(n, 1, 0), btftest.M("next", 2, 8), btftest.M("prev", 2, 16))
		s.Ptr(st)
		s.Typedef(n+"_t", st)
		s.Func("dev_"+n, proto)
	})
}

// cpu is what f costs this process, in CPU time and in bytes allocated.
func cpu(t *testing.T, f func()) cost {
	t.Helper()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := spent(t)
	f()
	took := spent(t) - start
	runtime.ReadMemStats(&after)
	return cost{took, after.TotalAlloc - before.TotalAlloc}
}

type cost struct {
	time  time.Duration
	bytes uint64
}

func spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// maxMemory is how many bytes may be allocated for each byte of the blobs, all
// questions together, garbage included.
const maxMemory = 150

// TestWorstInputs: no blob of 1 MiB, whatever it is made of, takes much longer
// than a harmless one, nor memory out of proportion: as a module, with
// .BTF.base, for soundness, for what its ids mean, as BTF of user space, and as
// the base of a kernel.
func TestWorstInputs(t *testing.T) {
	p := ForVersion(7, 3, 4)
	kernel := func() *btftest.Builder {
		k := btftest.Base()
		k.Int("int", 4, btftest.Signed)
		return k
	}
	ask := func(k, s, d *btftest.Builder) (c cost, size int) {
		base, split := k.Bytes(), s.Bytes()
		var dist []byte
		if d != nil {
			dist = d.Bytes()
		}
		ids := make([]uint32, mib/4)
		for i := range ids {
			ids[i] = uint32(s.Next() - 1)
		}
		reg := Registered{Kfuncs: []Kfuncs{{Name: "set", Flags: set8Kfuncs, IDs: ids}}}
		return cpu(t, func() {
			b, err := NewBase(&p, base)
			if err != nil || !b.Own().OK {
				t.Fatal(err, b.Own())
			}
			b.Module(split, dist)
			b.Sound(split, dist, 8)
			b.InitIDs(split, dist, reg, nil)
			User(&p, split, 8, false)
			User(&p, base, 8, false)
		}), len(base) + len(split) + len(dist)
	}
	k := kernel()
	unit, _ := ask(k, harmless(k), nil)
	for _, name := range slices.Sorted(maps.Keys(slow)) {
		k := kernel()
		s, d := slow[name](k)
		c, size := ask(k, s, d)
		for range 2 { // another program may have been in the way
			if c.time > worstRatio*unit.time {
				again, _ := ask(k, s, d)
				c.time = min(c.time, again.time)
			}
		}
		ratio, memory := float64(c.time)/float64(unit.time), float64(c.bytes)/float64(size)
		t.Logf("%-36s %5.1f times what a harmless one takes (%v), %.0f bytes a byte", name, ratio, c.time.Round(time.Millisecond), memory)
		if ratio > worstRatio || memory > maxMemory {
			t.Errorf("%s: %.1f times what a harmless blob of the same size takes, %.0f bytes a byte", name, ratio, memory)
		}
	}
}
