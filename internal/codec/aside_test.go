package codec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// What is put aside comes back, from any number of goroutines.
func TestPutAside(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			var buf []byte
			for i := range 50 {
				want := bytes.Repeat(fmt.Appendf(nil, "goroutine %d, blob %d ", g, i), i*i)
				buf = PutAside(buf[:0], want)
				if got := TakeBack(buf, len(want)); !bytes.Equal(got, want) || cap(got) != len(want) {
					t.Errorf("%d bytes with room for %d, want %d", len(got), cap(got), len(want))
				}
			}
		})
	}
	wg.Wait()
}

// Anything else is a fault of the program.
func TestTakeBackFault(t *testing.T) {
	good := PutAside(nil, []byte("content of 20 bytes."))
	for what, f := range map[string]func(){
		"other bytes":   func() { TakeBack([]byte("other bytes"), 20) },
		"one too few":   func() { TakeBack(good, 19) },
		"one too many":  func() { TakeBack(good, 21) },
		"half a frame":  func() { TakeBack(good[:len(good)/2], 20) },
		"another frame": func() { TakeBack(PutAside(nil, []byte("short")), 20) },
	} {
		if !panics(f) {
			t.Error(what + ": no panic")
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

// A decoder does not hold on to a kernel image: the library keeps its last output.
func TestLetsGo(t *testing.T) {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		size int
		kept bool
	}{{1 << 20, true}, {zstdKeep + 1, false}} {
		var d Decoder
		want := make([]byte, c.size)
		if _, err := rand.NewChaCha8([32]byte{}).Read(want); err != nil {
			t.Fatal(err)
		}
		got, err := d.Decode(nil, Zstd, w.EncodeAll(want, nil), 1<<30)
		if err != nil || !bytes.Equal(got, want) || (d.zs != nil) != c.kept {
			t.Errorf("%d bytes of %d: decoder kept: %v, %v", len(got), c.size, d.zs != nil, err)
		}
	}
}
