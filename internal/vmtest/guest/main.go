//go:build linux && amd64

// Command guest is /init of the kernels that vmtest boots. It reads a job
// from the initial ramdisk, asks the kernel every question in it and writes
// the answers as JSON lines to the second serial port. Of no use elsewhere.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"kpkg-btf/internal/vmtest/wire"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "guest: only for the inside of a virtual machine of vmtest")
		os.Exit(2)
	}
	runtime.LockOSThread() // prName names the thread that asks the kernel
	out, err := setUp()
	if err == nil {
		err = run(out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		if out != nil {
			_ = out.send(wire.Record{Fatal: err.Error()})
		}
	}
	if out != nil {
		out.drain()
	}
	// qemu runs with -no-reboot: a restart ends it, on any machine type.
	_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART)
	select {}
}

func setUp() (*port, error) {
	for _, m := range [][2]string{{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}} {
		if err := os.MkdirAll(m[1], 0o755); err != nil {
			return nil, err
		}
		// EBUSY: the kernel mounted it itself (CONFIG_DEVTMPFS_MOUNT).
		if err := syscall.Mount(m[0], m[1], m[0], 0, ""); err != nil && err != syscall.EBUSY {
			return nil, fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	// Quick unloading; no console output but panics, which raise the level
	// themselves; no line of the log suppressed.
	set("/sys/kernel/rcu_expedited", "1")
	set("/proc/sys/kernel/printk", "1 4 1 7")
	set("/proc/sys/kernel/printk_ratelimit", "0")
	return openPort("/dev/ttyS1")
}

// set writes a tunable that not every kernel has.
func set(path, value string) { _ = os.WriteFile(path, []byte(value), 0) }

func text(path string) string {
	b, _ := os.ReadFile(path)
	return strings.TrimSpace(string(b))
}

func run(out *port) error {
	log, err := openLog()
	if err != nil {
		return err
	}
	boot, _ := log.drain()
	if len(boot) > wire.HelloLines {
		boot = boot[:wire.HelloLines]
	}
	var base string
	if btf, err := os.ReadFile("/sys/kernel/btf/vmlinux"); err == nil {
		base = digest(btf)
	}
	err = out.send(wire.Record{Hello: &wire.Hello{
		Release:    text("/proc/sys/kernel/osrelease"),
		Version:    text("/proc/version"),
		SigEnforce: text("/sys/module/module/parameters/sig_enforce"),
		Uptime:     text("/proc/uptime"),
		Base:       base,
		Log:        boot,
	}})
	if err != nil {
		return err
	}
	j, err := readJob()
	if err != nil {
		return err
	}
	if err := j.needBlank(log); err != nil {
		return err
	}
	start := time.Now()
	for i := range j.man.Cases {
		a := j.ask(i)
		a.Log, a.Lost = log.drain()
		if err := out.send(wire.Record{Case: &a}); err != nil {
			return err
		}
	}
	took := time.Since(start)
	rest, _ := log.drain()
	return out.send(wire.Record{Done: &wire.Done{
		Cases: len(j.man.Cases), Nanos: took.Nanoseconds(), Log: rest, Taint: text("/proc/sys/kernel/tainted"),
	}})
}

// job is the manifest with the blobs it points into.
type job struct {
	man   wire.Manifest
	blobs []byte
	blank wire.Blank
	ko    []byte // the last filled blank, reused
	log   []byte // what the verifier says to BTF of user space
}

func readJob() (*job, error) {
	raw, err := os.ReadFile(wire.ManifestPath)
	if err != nil {
		return nil, err
	}
	j := new(job)
	if err := json.Unmarshal(raw, &j.man); err != nil {
		return nil, err
	}
	f, err := os.Open(wire.BlobsPath)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() != j.man.Size {
		return nil, fmt.Errorf("%d of %d bytes of blobs: the ramdisk was not unpacked to its end (too little memory?)", st.Size(), j.man.Size)
	}
	if st.Size() > 0 {
		// Mapped, not read: the ramdisk is memory already.
		j.blobs, err = syscall.Mmap(int(f.Fd()), 0, int(st.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
		if err != nil {
			return nil, fmt.Errorf("mmap %s: %w", wire.BlobsPath, err)
		}
	}
	j.blank = wire.Blank{Bytes: j.span(j.man.Blank), Spare: j.man.Spare, Sections: j.man.Sections}
	return j, nil
}

func (j *job) span(s wire.Span) []byte {
	if s.Len < 0 {
		return nil
	}
	return j.blobs[s.Off : s.Off+s.Len : s.Off+s.Len]
}
