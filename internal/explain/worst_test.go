package explain

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/explain/klog"
)

// What a hostile log may cost is a ratio to a harmless one of its size: no
// line, and no number of lines, makes the reader go over the rest again and
// again, and what is kept is bounded.
func TestWorstLogs(t *testing.T) {
	const size = 256 << 10
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	cost := func(log string) time.Duration {
		best := time.Hour
		for range 2 {
			start := time.Now()
			if _, err := Read(strings.NewReader(log)); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	harmless := cost(fill("May 06 11:02:33 desk kernel: [    9.1] BPF: Invalid name\nfailed to validate module [x] BTF: -22\n"))
	for name, unit := range map[string]string{
		"brackets": "[", "braces": "{[", "quotes": "\"", "keys": "\"a\":[1,", "prefixes": " BPF:!", "escapes": "\x1b[", "tags": "<a", "tags ended": "<a<a>",
		"entities": "&lt;", "heads": "BPF: [1] STRUCT x\n", "names": "failed to validate module [x] BTF: -22\n", "texts": "BPF: Invalid name\n", "details": "BPF: size=1\n",
		"marks": "> ", "numbers": "1:", "returns": "\r", "colons": "a: ", "JSON in JSON": `{"log":"{\\"log\\":\\"{`, "callers": "[T1][T2]BPF: [1] STRUCT x\n", "backspaces": "\b",
		"export": "MESSAGE=BPF: x\n", "mixed": "BPF: [1] INT a\nBPF: [2] INT b\nBPF: Invalid name\nBPF: Unexpected size\nfailed to validate module [x] BTF: -22\n",
	} {
		log := fill(unit)
		if d := cost(log); d > 40*harmless+2*time.Second {
			t.Errorf("%s: %v, a harmless log %v", name, d, harmless)
		}
	}
}

// Memory does not grow with a log.
func TestMemoryOfALongLog(t *testing.T) {
	if testing.Short() {
		t.Skip("8 MB are read")
	}
	var before, after runtime.MemStats
	line := "May 06 11:02:33 desk kernel: [    9.1] BPF: [131402] STRUCT nfig\nMay 06 11:02:33 desk kernel: [    9.1] something about BTF\n"
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := newReader()
	if _, err := klog.Read(&endless{line: line, left: 8 << 20}, find, r.record); err != nil {
		t.Fatal(err)
	}
	l := r.finish()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d bytes are kept of 8 MB, %d events", grown, len(l.events))
	}
}

// endless repeats a line.
type endless struct {
	line string
	at   int
	left int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.line[e.at:])
	e.at = (e.at + n) % len(e.line)
	if e.left -= n; e.left <= 0 {
		return n, io.EOF
	}
	return n, nil
}
