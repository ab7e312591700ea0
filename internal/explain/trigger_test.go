package explain

import (
	"math/rand"
	"strings"
	"testing"
)

// The automaton agrees with a search for each word by itself.
func TestTriggers(t *testing.T) {
	words := []string{"ab", "abcab", "bca", "cc", "a-b", "x"}
	tr := newTriggers(words)
	rnd := rand.New(rand.NewSource(1))
	hits := 0
	for range 20000 {
		b := make([]byte, rnd.Intn(9))
		for i := range b {
			b[i] = "abc-"[rnd.Intn(4)]
		}
		want := false
		for _, w := range words {
			want = want || strings.Contains(string(b), w)
		}
		if tr.in(string(b)) != want {
			t.Fatalf("%q: %v", b, !want)
		}
		if want {
			hits++
		}
	}
	if hits < 1000 || hits > 19000 {
		t.Errorf("%d hits", hits)
	}
}

// BenchmarkRead is a log as it is: one refusal in two thousand lines.
func BenchmarkRead(b *testing.B) {
	var log strings.Builder
	for i := range 20000 {
		log.WriteString("May 06 11:02:33 desk kernel: [    9.100000] usb 1-1: new high-speed USB device number 2 using xhci_hcd\n")
		if i%2000 == 0 {
			log.WriteString("May 06 11:02:33 desk kernel: [    9.2] " + strings.Join(twoRefusals, "\nMay 06 11:02:33 desk kernel: [    9.2] ") + "\n")
		}
	}
	b.SetBytes(int64(log.Len()))
	for b.Loop() {
		if l, err := Read(strings.NewReader(log.String())); err != nil || l.Events() != 2 {
			b.Fatal(l.Events(), err)
		}
	}
}
