//go:build bench

package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/release"
)

// runs is how often each side is measured, alternating: the median of five, of
// three where CI holds them to the promises in its minutes.
var runs = map[bool]int{true: 3, false: 5}[os.Getenv("BENCH_ENFORCE") != ""]

// slack is by how much CI may exceed a promise (machines are shared).
const slack = 1.15

// stageVariable makes the test's own program run one stage of record and
// nothing else, so that its CPU time and memory are those of a process.
const stageVariable = "KPKG_BTF_BENCH_STAGE"

func TestMain(m *testing.M) {
	if stage := os.Getenv(stageVariable); stage != "" {
		if err := runStage(stage, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if file := os.Getenv("BENCH_TABLE"); file != "" && code == 0 {
		if err := history(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// figures are the promises that this run measured, in order.
var figures []string

// history appends what this run measured to a page, under the heading that
// BENCH_OF gives: the revision and its date.
func history(file string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "\n## %s\n\n| what | measured | promised |\n|---|---:|---:|\n%s\n", os.Getenv("BENCH_OF"), strings.Join(figures, "\n"))
	return errors.Join(err, f.Close())
}

// runStage is what record does up to a point: "decode" reads the members of the
// packages, "facts" makes of them what is judged and recorded, with all digests.
func runStage(stage string, files []string) error {
	debug.SetGCPercent(50) // as the program has it
	debug.SetMemoryLimit(limits.DefaultMemory * 3 / 4)
	ctx := context.Background()
	inputs, err := pack.Expand(files)
	if err != nil {
		return err
	}
	if stage == "facts" {
		_, err := release.Load(ctx, inputs, release.Options{Jobs: runtime.NumCPU()})
		return err
	}
	for _, in := range inputs {
		p, err := in.Open(ctx, pack.Options{Jobs: runtime.NumCPU()})
		if err != nil {
			return err
		}
		err = p.Walk(ctx, func(_ *pack.Entry, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if err = errors.Join(err, p.Close()); err != nil {
			return err
		}
	}
	return nil
}

// side is one of the commands that are compared. codes are the exit codes it
// may end with, none for 0 alone.
type side struct {
	name  string
	args  []string
	env   []string
	codes []int
	wall  []time.Duration
	cpu   []time.Duration
	rss   int64 // peak, bytes
}

func (s *side) run(t *testing.T) {
	t.Helper()
	cmd := exec.Command(s.args[0], s.args[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout = io.Discard
	var complaint strings.Builder
	cmd.Stderr = &complaint
	start := time.Now()
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && (!errors.As(err, &exit) || !slices.Contains(s.codes, exit.ExitCode())) {
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
	d := slices.Sorted(slices.Values(s.cpu))
	return fmt.Sprintf("%-46s cpu %6.2f s (%.2f to %.2f), wall %.2f s, peak %d MiB", s.name, median(d).Seconds(), d[0].Seconds(), d[len(d)-1].Seconds(), median(s.wall).Seconds(), s.rss>>20)
}

// measure runs all sides in turn, prints them and holds ours to 512 MiB.
func measure(t *testing.T, ours *side, others ...*side) {
	t.Helper()
	all := append([]*side{ours}, others...)
	for range runs {
		for _, s := range all {
			s.run(t)
		}
	}
	for _, s := range all {
		fmt.Println(s)
	}
	if most := int64(promised) << 20; ours.rss > most {
		t.Errorf("%s: peak %d MiB, promised: at most %d", ours.name, ours.rss>>20, promised)
	}
}

// hold prints what the CPU of one side is beside another's, and fails above the
// promise with CI's slack.
func hold(t *testing.T, promise string, limit float64, ours time.Duration, floor ...time.Duration) {
	t.Helper()
	var sum time.Duration
	for _, d := range floor {
		sum += d
	}
	ratio := ours.Seconds() / sum.Seconds()
	fmt.Printf("  %s: ratio %.2f (promised: at most %.2f)\n", promise, ratio, limit)
	figures = append(figures, fmt.Sprintf("| %s | %.2f | %.2f |", promise, ratio, limit))
	if os.Getenv("BENCH_ENFORCE") != "" && ratio > limit*slack {
		t.Errorf("%s: ratio %.2f, promised %.2f, CI allows %.2f", promise, ratio, limit, limit*slack)
	}
}

func shell(name, script string, args ...string) *side {
	return &side{name: name, args: append([]string{"sh", "-c", script, "sh"}, args...)}
}

func tool(t *testing.T, name string, args ...string) *side {
	return &side{name: name, args: append([]string{realtest.Binary(t)}, args...)}
}

func stage(t *testing.T, stage string, debs ...string) *side {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &side{name: "of it: " + stage, args: append([]string{self}, debs...), env: []string{stageVariable + "=" + stage}}
}

// payload writes the compressed kernel of a package's bzImage into a file, found
// by the boot protocol's fields (Documentation/arch/x86/boot.rst: setup_sects,
// payload_offset, payload_length; its last 4 bytes are the unpacked length).
func payload(t *testing.T, deb string) string {
	t.Helper()
	image, le := realtest.Member(t, deb, "boot/vmlinuz-*"), binary.LittleEndian
	start := (int(image[0x1f1])+1)*512 + int(le.Uint32(image[0x248:]))
	packed := image[start : start+int(le.Uint32(image[0x24c:]))-4]
	name := map[byte]string{0xfd: "payload.xz", 0x28: "payload.zst"}[packed[0]]
	if name == "" {
		t.Fatalf("%s: a payload that begins with %x", deb, packed[:6])
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// unpacking is what nobody can skip who reads a package with its image.
func unpacking(t *testing.T, debs ...string) *side {
	args := []string{}
	for _, deb := range debs {
		args = append(args, deb, payload(t, deb))
	}
	return shell("dpkg-deb --fsys-tarfile + its image's payload", `while [ $# -gt 0 ]; do
		tool=xz
		case $2 in *.zst) tool=zstd ;; esac
		dpkg-deb --fsys-tarfile "$1" >/dev/null && $tool -dc "$2" >/dev/null || exit 1
		shift 2
	done`, args...)
}

// Recording a package of plain modules beside what nobody can skip, and beside
// what people do today: unpack, and for every module its BTF and its content
// without signature (which objcopy drops) through sha256sum.
func TestRecord61(t *testing.T) {
	deb := realtest.Deb(t, realtest.PairANew)
	record, floor := tool(t, "record 6.1", "record", deb), unpacking(t, deb)
	decode, facts := stage(t, "decode", deb), stage(t, "facts", deb)
	measure(t, record, floor, decode, facts)
	hold(t, "record of 6.1, self apart, beside dpkg-deb and its image's payload", 1.1, median(facts.cpu), median(floor.cpu))
	hold(t, "record of 6.1 with self and RSA signatures, beside the same", 1.45, median(record.cpu), median(floor.cpu))
	loop := shell("dpkg-deb -x, objcopy, sha256sum", `dpkg-deb -x "$1" "$2" && find "$2" -name '*.ko' | while read -r f; do
		objcopy --dump-section .BTF="$2/btf" "$f" "$2/plain" && sha256sum "$2/btf" "$2/plain"; done`, deb, filepath.Join(t.TempDir(), "x"))
	loop.run(t)
	fmt.Printf("%s\n  record takes %.2f of its CPU, and judges\n", loop, median(record.cpu).Seconds()/median(loop.cpu).Seconds())
}

// Recording a package of compressed modules: the floor is decompressing the
// package, its image and every module.
func TestRecord612(t *testing.T) {
	deb := realtest.Deb(t, realtest.PairBNew)
	dir := t.TempDir()
	realtest.Extract(t, deb, dir)
	modules := shell("xz -dc of the modules", `find "$1" -name '*.ko.xz' -print0 | xargs -0 -n 64 xz -dc >/dev/null`, dir)
	record, floor, facts := tool(t, "record 6.12", "record", deb), unpacking(t, deb), stage(t, "facts", deb)
	measure(t, record, floor, modules, facts)
	hold(t, "record of 6.12, self apart, beside dpkg-deb, its image's payload and xz of the modules", 1.1, median(facts.cpu), median(floor.cpu), median(modules.cpu))
	hold(t, "record of 6.12 with self and RSA signatures, beside the same", 1.45, median(record.cpu), median(floor.cpu), median(modules.cpu))
}

// check of two releases beside the two records, against a manifest with its base
// beside one record, and diff beside reading the two images.
func TestCheck(t *testing.T) {
	old, new := realtest.Deb(t, realtest.PairAOld), realtest.Deb(t, realtest.PairANew)
	dir := t.TempDir()
	manifest := filepath.Join(dir, "old.json")
	tool(t, "record", "record", old, "-o", manifest, "--refs", filepath.Join(dir, "old.refs")).run(t)
	decides := []int{model.ExitRepair, model.ExitBump, model.ExitInconclusive}
	check := tool(t, "check 6.1 against 6.1", "check", new, "--against", old)
	check.codes = decides
	recorded := tool(t, "check 6.1 against a manifest with its base", "check", new, "--against", manifest)
	recorded.codes = decides
	diff := tool(t, "diff of the two", "diff", old, new)
	one, both, images := tool(t, "record of the new one", "record", new), tool(t, "record of the old one", "record", old), unpacking(t, old, new)
	measure(t, check, recorded, diff, one, both, images)
	hold(t, "check of two releases of 6.1 beside two records", 1.2, median(check.cpu), median(one.cpu), median(both.cpu))
	hold(t, "check against a manifest beside one record", 1.15, median(recorded.cpu), median(one.cpu))
	// Which modules reach a change needs the facts of all: 1.1 without that.
	hold(t, "diff, with the modules that a change reaches, beside reading packages and images", 1.3, median(diff.cpu), median(images.cpu))
}
