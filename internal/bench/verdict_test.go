//go:build bench

package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/vmtest"
)

// sample is one module in so many that bpftool is given: it starts anew for
// each and reads the base each time.
const sample = 40

// bpftoolTimes is by how much the verdicts are faster than bpftool's reading
// of the same blobs, which says less.
const bpftoolTimes = 100

// threadCPU is what this thread has used.
func threadCPU(t *testing.T) time.Duration {
	t.Helper()
	const rusageThread = 1
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestVerdict: the verdicts of the older kernel of pair A on all modules of
// the newer, their bytes in memory, on one core; and beside bpftool on a
// sample of the same blobs. The issue promises half a second for all.
func TestVerdict(t *testing.T) {
	old := vmtest.LoadBuild(t, nil, realtest.Deb(t, realtest.PairAOld))
	newer := vmtest.LoadBuild(t, nil, realtest.Deb(t, realtest.PairANew))
	image, err := kimage.Parse(context.Background(), old.Kernel.Image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := verdict.ForVersion(6, 1, 192)
	base, err := verdict.NewBase(&p, image.BTF)
	if err != nil || !base.Own().OK {
		t.Fatal(err, base.Own())
	}
	own, err := kimage.Parse(context.Background(), newer.Kernel.Image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	self, err := verdict.NewBase(&p, own.BTF)
	if err != nil {
		t.Fatal(err)
	}
	all := blobs(newer.Modules, 1)
	few := blobs(newer.Modules, sample)
	window, accepted := judgeAll(t, base, all, 4)
	right, _ := judgeAll(t, self, all, 4)
	part, _ := judgeAll(t, base, few, 4*sample)
	bytes := 0
	for _, b := range all {
		bytes += len(b)
	}
	fmt.Printf("verdicts of %d modules (%d MiB of BTF, %d accepted): %s of one core (promised: at most 0.5 s); on their own kernel, all of each read: %s\n",
		len(all), bytes>>20, accepted, spread(window), spread(right))
	peer := bpftool(t, image.BTF, few)
	times := peer.Seconds() / median(part).Seconds()
	fmt.Printf("%d of them beside bpftool btf dump: %s and %.2f s of CPU: %.0f times faster (promised: at least %d)\n",
		len(few), spread(part), peer.Seconds(), times, bpftoolTimes)
	if times < bpftoolTimes {
		t.Errorf("only %.0f times faster than bpftool", times)
	}
}

func blobs(modules []vmtest.Module, each int) (out [][]byte) {
	for i := 0; i < len(modules); i += each {
		out = append(out, modules[i].BTF)
	}
	return out
}

// judgeAll returns the CPU times of some runs over all blobs, each the mean of
// as many rounds as the kernel's clock needs.
func judgeAll(t *testing.T, base *verdict.Base, blobs [][]byte, rounds int) (took []time.Duration, accepted int) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range runs {
		start := threadCPU(t)
		for range rounds {
			accepted = 0
			for _, b := range blobs {
				if r := base.Module(b, nil); r.OK {
					accepted++
				}
			}
		}
		took = append(took, (threadCPU(t)-start)/time.Duration(rounds))
	}
	return took, accepted
}

func spread(d []time.Duration) string {
	d = slices.Sorted(slices.Values(d))
	return fmt.Sprintf("median %.4f s (%.4f to %.4f)", median(d).Seconds(), d[0].Seconds(), d[len(d)-1].Seconds())
}

// bpftool is the CPU time that the installed bpftool takes to read and dump
// the blobs on a base, one after the other.
func bpftool(t *testing.T, base []byte, blobs [][]byte) (total time.Duration) {
	t.Helper()
	dir := t.TempDir()
	vmlinux := filepath.Join(dir, "vmlinux")
	if err := os.WriteFile(vmlinux, base, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, b := range blobs {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("bpftool", "-B", vmlinux, "btf", "dump", "file", path)
		cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
		// It refuses some: that is an answer too, only being missing is none.
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		total += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return total
}
