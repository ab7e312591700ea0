//go:build e2e

package evidence_test

import (
	"encoding/binary"
	"runtime"
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/evidence"
)

// No rule may fire for a module on the base it was built on.
func TestE2EOwnBase(t *testing.T) {
	for _, c := range []struct {
		release         string
		modules, silent int
		versions        bool // the kernel has CONFIG_MODVERSIONS
	}{
		{"6.1.192-1", 4023, 0, true},
		{"6.1.192-2", 4023, 0, true},
		{"6.12.115-1", 4230, 0, true},
		{"6.12.115-2", 4230, 0, true},
		{"7.3.4", 4225, 3, false},
	} {
		t.Run(c.release, func(t *testing.T) {
			r := release(t, c.release)
			o := judgeAll(t, r.base, r.mods)
			t.Logf("%s: %+v", c.release, o)
			if o.modules != c.modules || o.contradicted != 0 || o.silent != c.silent || o.hits != [evidence.NumChecks]int{} {
				t.Errorf("%s: %d modules, %d contradicted, %d silent, hits %v; first: %s", c.release, o.modules, o.contradicted, o.silent, o.hits, o.first)
			}
			if o.looked[evidence.IDs] == 0 || o.looked[evidence.Dedup] == 0 || (o.looked[evidence.Versions] == c.modules) != c.versions {
				t.Errorf("%s: looked at %v", c.release, o.looked)
			}
		})
	}
}

// Measured pairs (docs/kernel-rules.md): the newer build's modules on the older build's base.
func TestE2EOtherBase(t *testing.T) {
	for _, c := range []struct {
		base, modules string
		want          [evidence.NumChecks]int // modules caught, by check
	}{
		{"6.1.192-1", "6.1.192-2", [...]int{0, 4022, 4023, 2169, 1287, 4023, 4, 4021, 0, 0}},
		{"6.12.115-1", "6.12.115-2", [...]int{0, 0, 717, 1160, 23, 4230, 0, 0, 0, 0}},
	} {
		t.Run(c.modules+" on "+c.base, func(t *testing.T) {
			mods := release(t, c.modules).mods
			o := judgeAll(t, release(t, c.base).base, mods)
			t.Logf("%s on %s: %d of %d, by check %v; %s", c.modules, c.base, o.contradicted, o.modules, o.hits, o.first)
			if o.contradicted != len(mods) || o.hits != c.want {
				t.Errorf("%s on %s: %d of %d contradicted, by check %v, want %v", c.modules, c.base, o.contradicted, o.modules, o.hits, c.want)
			}
		})
	}
}

// moved returns the blob of a little-endian base in which the record from has
// moved to the place of the record to, and every reference follows: what a
// version string of another length does to a rebuild.
func moved(raw *btf.Raw, from, to btf.ID) []byte {
	h := raw.Header()
	out := append([]byte(nil), raw.Bytes()[:h.Len+h.TypeOff]...)
	add := func(t btf.Record) {
		start := len(out)
		out = append(out, raw.RecordBytes(&t)...)
		for pos, id := range t.Refs {
			switch {
			case id == from:
				id = to
			case id >= to && id < from:
				id++
			}
			binary.LittleEndian.PutUint32(out[start+int(pos-t.Pos):], uint32(id))
		}
	}
	for t := range raw.Types {
		if t.ID == to {
			x, _ := raw.Record(from)
			add(x)
		}
		if t.ID != from {
			add(t)
		}
	}
	return append(out, raw.Bytes()[len(out):]...)
}

// Without __versions (7.3 has no CONFIG_MODVERSIONS) and with equal strings,
// types alone must still show that ids moved.
func TestE2EMovedIDs(t *testing.T) {
	r := release(t, "7.3.4")
	own, err := btf.Parse(r.base)
	if err != nil {
		t.Fatal(err)
	}
	var arrays []btf.ID
	for x := range own.Types {
		if x.Kind == btf.Array {
			arrays = append(arrays, x.ID)
		}
	}
	from := arrays[len(arrays)/2]
	to := from - 6000
	blob := moved(own, from, to)
	raw, err := btf.Parse(blob)
	if err != nil {
		t.Fatal(err)
	}
	var affected []realModule
	for _, m := range r.mods {
		split, err := btf.ParseSplit(m.btf, raw)
		if err != nil {
			t.Fatal(err)
		}
		if refersTo(split, to, from) {
			affected = append(affected, m)
		}
	}
	o := judgeAll(t, blob, affected)
	t.Logf("6000 ids moved by one: %d of %d modules caught, by check %v", o.contradicted, o.modules, o.hits)
	if o.modules < 1000 || o.contradicted*100 < o.modules*75 {
		t.Errorf("%d of %d caught, want three quarters", o.contradicted, o.modules)
	}
}

func refersTo(split *btf.Raw, low, high btf.ID) bool {
	for t := range split.Types {
		for _, id := range t.Refs {
			if id >= low && id <= high {
				return true
			}
		}
	}
	return false
}

// All checks of all modules of a release, parsing and the base's index included,
// cost no more than some walks over the same BTF (measured: 11 times 0.062 s of
// one core).
func TestE2ETime(t *testing.T) {
	r := release(t, "6.12.115-1")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	judged, walked := time.Hour, time.Hour
	for range 3 {
		start := threadTime(t)
		if o := judgeAll(t, r.base, r.mods); o.contradicted != 0 {
			t.Fatal(o.first)
		}
		middle := threadTime(t)
		if walkAll(t, r.base, r.mods) == 0 {
			t.Fatal("no references")
		}
		judged, walked = min(judged, middle-start), min(walked, threadTime(t)-middle)
	}
	t.Logf("%d modules: %v, one walk %v: %.1f times", len(r.mods), judged, walked, judged.Seconds()/walked.Seconds())
	if judged > costInWalks*walked {
		t.Errorf("%v of CPU time, more than %d walks over the BTF (%v each)", judged, costInWalks, walked)
	}
}

const costInWalks = 16

// walkAll reads every record of a base and of its modules once.
func walkAll(t testing.TB, blob []byte, mods []realModule) int {
	t.Helper()
	raw, err := btf.Parse(blob)
	if err != nil {
		t.Fatal(err)
	}
	refs := 0
	for r := range raw.Types {
		for range r.Refs {
			refs++
		}
	}
	for _, m := range mods {
		split, err := btf.ParseSplit(m.btf, raw)
		if err != nil {
			t.Fatalf("%s: %v", m.path, err)
		}
		for r := range split.Types {
			for range r.Refs {
				refs++
			}
		}
	}
	return refs
}

func threadTime(t *testing.T) time.Duration {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
