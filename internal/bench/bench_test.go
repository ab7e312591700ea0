//go:build bench

package bench

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/realtest"
)

// runs is how often each side is measured, alternating.
const runs = 5

// slack is by how much CI may exceed a stated ratio (machines are shared).
const slack = 1.25

// side is one of the commands that are compared.
type side struct {
	name string
	args []string
	wall []time.Duration
	cpu  []time.Duration
	rss  int64 // peak, bytes
}

func (s *side) run(t *testing.T) {
	t.Helper()
	cmd := exec.Command(s.args[0], s.args[1:]...)
	cmd.Stdout = io.Discard
	var complaint strings.Builder
	cmd.Stderr = &complaint
	start := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", s.args, err, complaint.String())
	}
	s.wall = append(s.wall, time.Since(start))
	s.cpu = append(s.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.rss = max(s.rss, u.Maxrss<<10)
	}
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func (s *side) String() string {
	d := slices.Sorted(slices.Values(s.wall))
	return fmt.Sprintf("%-34s median %.2f s (%.2f to %.2f), cpu %.2f s, peak %d MiB", s.name, median(d).Seconds(), d[0].Seconds(), d[len(d)-1].Seconds(), median(s.cpu).Seconds(), s.rss>>20)
}

// compare alternates the sides, prints them, and holds the first to limit ×
// the median of the second.
func compare(t *testing.T, limit float64, a, b *side) {
	t.Helper()
	a.run(t) // warm the page cache
	b.run(t)
	a.wall, a.cpu, b.wall, b.cpu = nil, nil, nil, nil
	for range runs {
		a.run(t)
		b.run(t)
	}
	ratio := median(a.wall).Seconds() / median(b.wall).Seconds()
	fmt.Printf("%s\n%s\n  ratio %.2f (promised: at most %.2f)\n", a, b, ratio, limit)
	const memory = 512 << 20
	if a.rss > memory {
		t.Errorf("%s: peak %d MiB, promised: at most %d", a.name, a.rss>>20, memory>>20)
	}
	if os.Getenv("BENCH_ENFORCE") != "" && ratio > limit*slack {
		t.Errorf("%s: ratio %.2f, promised %.2f, CI allows %.2f", a.name, ratio, limit, limit*slack)
	}
}

func shell(name, script string, args ...string) *side {
	return &side{name: name, args: append([]string{"sh", "-c", script, "sh"}, args...)}
}

func tool(t *testing.T, name string, args ...string) *side {
	return &side{name: name, args: append([]string{realtest.Binary(t)}, args...)}
}

// Recording a package of plain modules beside what nobody can skip:
// decompressing it.
func TestRecord61(t *testing.T) {
	deb := realtest.Deb(t, realtest.PairANew)
	compare(t, 1.4, tool(t, "record 6.1", "record", deb), shell("dpkg-deb --fsys-tarfile", `dpkg-deb --fsys-tarfile "$1" >/dev/null`, deb))
}

// The same beside what people do today: unpack, and for every module its BTF
// and its content without signature (which objcopy drops) through sha256sum.
// Ours must be 8 times faster. One run of the loop is enough.
func TestRecordBesideShellLoop(t *testing.T) {
	deb := realtest.Deb(t, realtest.PairANew)
	ours := tool(t, "record 6.1", "record", deb)
	loop := shell("dpkg-deb -x, objcopy, sha256sum", `dpkg-deb -x "$1" "$2" && find "$2" -name '*.ko' | while read -r f; do
		objcopy --dump-section .BTF="$2/btf" "$f" "$2/plain" && sha256sum "$2/btf" "$2/plain"; done`, deb, filepath.Join(t.TempDir(), "x"))
	for range 3 {
		ours.run(t)
	}
	loop.run(t)
	times := median(loop.wall).Seconds() / median(ours.wall).Seconds()
	fmt.Printf("%s\n%s\n  %.1f times faster (promised: at least 8)\n", ours, loop, times)
	if os.Getenv("BENCH_ENFORCE") != "" && times*slack < 8 {
		t.Errorf("only %.1f times faster", times)
	}
}

// Recording a package of compressed modules: the floor is decompressing the
// package and every module.
func TestRecord612(t *testing.T) {
	deb := realtest.Deb(t, realtest.PairBNew)
	dir := t.TempDir()
	realtest.Extract(t, deb, dir)
	floor := shell("dpkg-deb + xargs xz -dc", `dpkg-deb --fsys-tarfile "$1" >/dev/null; find "$2" -name '*.ko.xz' -print0 | xargs -0 -P "$3" -n 64 xz -dc >/dev/null`,
		deb, dir, fmt.Sprint(runtime.NumCPU()))
	compare(t, 1.4, tool(t, "record 6.12", "record", deb), floor)
}

// check of two releases beside the two records.
func TestCheck(t *testing.T) {
	old, new := realtest.Deb(t, realtest.PairAOld), realtest.Deb(t, realtest.PairANew)
	compare(t, 1.3, tool(t, "check 6.1 against 6.1", "check", new, "--against", old),
		shell("record, twice", `"$1" record "$2" && "$1" record "$3"`, realtest.Binary(t), old, new))
}
