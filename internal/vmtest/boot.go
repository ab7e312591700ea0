package vmtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"kpkg-btf/internal/vmtest/wire"
)

// qemu is the emulator's name; LIBRARIES: the package qemu-system-x86.
const qemu = "qemu-system-x86_64"

// cmdline makes the kernel quiet on the console (level 1 lets through what a
// panic prints, nothing that a case can), keeps its whole log, ends the
// machine on any oops and leaves out what is slow under emulation and plays
// no part in loading a module. On a busy host the emulated timer may be late
// for the kernel's test of it (no_timer_check).
var cmdline = []string{
	"console=ttyS0", "loglevel=4", "log_buf_len=16M", "printk.devkmsg=on",
	"oops=panic", "panic=-1", "reboot=t",
	"mitigations=off", "nopti", "nokaslr", "no5lvl", "init_on_alloc=0", "nowatchdog", "audit=0", "apparmor=0",
	"selinux=0", "random.trust_cpu=on", "tsc=reliable", "no_timer_check", "rcupdate.rcu_expedited=1", "rdinit=/init",
}

// Boot starts the kernel in an emulated machine, has it answer the job and
// waits until the machine is gone. One machine runs at a time on a host, the
// next waits. A failure half-way is a *Failure and comes with what was
// answered before it.
func Boot(ctx context.Context, k Kernel, job Job) (*Result, error) {
	p, err := job.pack()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "vmtest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	guest, err := guest()
	if err != nil {
		return nil, err
	}
	initrd := filepath.Join(dir, "initrd")
	if err := writeInitrd(initrd, guest, p); err != nil {
		return nil, fmt.Errorf("initial ramdisk: %w", err)
	}
	image := k.Path
	if image == "" {
		image = filepath.Join(dir, "vmlinuz")
		if err := os.WriteFile(image, k.Image, 0o600); err != nil {
			return nil, err
		}
	}
	flash, err := job.Firmware.args(dir)
	if err != nil {
		return nil, err
	}
	unlock, err := lockHost(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	m := machine{
		console: filepath.Join(dir, "console"), job: &job,
		args: []string{
			"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
			"-accel", "tcg", "-cpu", "max", "-m", fmt.Sprint(job.memory(p.size)),
			"-kernel", image, "-initrd", initrd,
			"-append", strings.Join(append(cmdline[:len(cmdline):len(cmdline)], job.Cmdline...), " "),
			"-serial", "file:" + filepath.Join(dir, "console"),
			"-chardev", "stdio,id=answers,signal=off", "-serial", "chardev:answers",
		},
	}
	m.args = append(m.args, flash...)
	res, err := m.run(ctx)
	if err == nil && k.Release != "" && res.Release != k.Release {
		err = fmt.Errorf("the kernel calls itself %q, not %q", res.Release, k.Release)
	}
	return res, err
}

// args are the emulator's for two chips of flash; it may write to its copy of
// the variables.
func (f *Firmware) args(dir string) ([]string, error) {
	if f == nil {
		return nil, nil
	}
	vars := filepath.Join(dir, "vars.fd")
	if err := os.WriteFile(vars, f.Vars, 0o600); err != nil {
		return nil, err
	}
	return []string{
		"-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + f.Code,
		"-drive", "if=pflash,unit=1,format=raw,file=" + vars,
	}, nil
}

// machine is one run of the emulator.
type machine struct {
	args    []string
	console string
	job     *Job
}

// run starts the emulator below everything else in priority and reads what
// the guest says until it is done, dead, silent for too long or out of time.
func (m *machine) run(ctx context.Context) (*Result, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, m.job.timeout(), errors.New("the time allowed for the whole boot is over"))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	cmd := exec.CommandContext(ctx, "nice", append([]string{"-n", "10", qemu}, m.args...)...)
	cmd.WaitDelay = 10 * time.Second
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (Debian: qemu-system-x86)", err)
	}
	silence := time.AfterFunc(m.job.quiet(), func() { stop(errors.New("the guest is silent: hung")) })
	defer silence.Stop()
	res := new(Result)
	done, err := m.listen(res, out, begun, func() { silence.Reset(m.job.quiet()) })
	if err != nil || !done {
		// Out of step: nothing more can be believed. The console is complete
		// once the machine has stopped by itself; a moment is enough for that.
		time.AfterFunc(5*time.Second, func() { stop(nil) })
	}
	waited := cmd.Wait()
	res.Total = time.Since(begun)
	if done && err == nil {
		return res, nil
	}
	return res, m.failure(ctx, res, err, waited, complaint.String())
}

// listen reads records until the last one, or until the machine closes the
// line, then done is false. tick is called at every sign of life.
func (m *machine) listen(res *Result, out io.Reader, begun time.Time, tick func()) (done bool, err error) {
	r := bufio.NewReaderSize(out, 1<<20)
	for {
		line, readErr := r.ReadBytes('\n')
		if readErr != nil {
			return false, nil // cut off: failure says why
		}
		tick()
		if m.job.Firmware != nil && res.Start == 0 {
			// Firmware writes its screen to every serial port.
			if line = line[max(0, bytes.IndexByte(line, '{')):]; line[0] != '{' {
				continue
			}
		}
		var rec wire.Record
		if err := json.Unmarshal(line, &rec); err != nil {
			return false, fmt.Errorf("a record that is no JSON (%w): %.80q", err, line)
		}
		if rec.Hello != nil {
			res.Start = time.Since(begun)
		}
		if done, err := res.take(m.job, &rec); done || err != nil {
			_, _ = io.Copy(io.Discard, r)
			return done, err
		}
	}
}

// failure puts together what is known about a machine that did not finish.
func (m *machine) failure(ctx context.Context, res *Result, err, waited error, complaint string) error {
	f := &Failure{Answered: len(res.Verdicts), Err: err, Tail: m.tail()}
	switch cause := context.Cause(ctx); {
	case err != nil:
		f.Reason = err.Error()
	case complaint != "":
		f.Reason, f.Err = fmt.Sprintf("%s: %s", qemu, strings.TrimSpace(complaint)), waited
	case cause != nil && !errors.Is(cause, context.Canceled):
		f.Reason, f.Err = cause.Error(), cause
	case cause != nil && waited != nil:
		f.Reason, f.Err = "stopped", cause
	default:
		f.Reason, f.Err = "the machine ended by itself (a panic?)", waited
	}
	if f.Answered < len(m.job.Cases) {
		f.Reason += fmt.Sprintf(" (next: case %d, %q)", f.Answered, m.job.Cases[f.Answered].ID)
	}
	return f
}

// tail is the end of the console's output.
func (m *machine) tail() string {
	b, err := os.ReadFile(m.console)
	if err != nil {
		return err.Error()
	}
	const most = 6 << 10
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return strings.ReplaceAll(string(b), "\r", "")
}

// lockHost waits until no other test of this user runs a machine: two of them
// on two cores would both be too slow for their timeouts.
func lockHost(ctx context.Context) (unlock func(), err error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("kpkg-btf-vmtest.%d.lock", os.Getuid()))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			f.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("waiting for another machine: %w", context.Cause(ctx))
		case <-time.After(200 * time.Millisecond):
		}
	}
}
