// Package journal opens the kernel's log of the machine it runs on: the
// journal's, by journalctl, which knows earlier boots too, or else /dev/kmsg,
// which has what is left of this one (Documentation/ABI/testing/dev-kmsg).
package journal

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"kpkg-btf/internal/where"
)

// Options say what of the log is wanted.
type Options struct {
	Boot   string // as journalctl --boot takes it; "" is the current one, "all" every one
	Since  string // as journalctl --since takes it
	Follow bool   // new messages too, as they come
}

// kmsg is the kernel's own device. Overridden by tests.
var kmsg = "/dev/kmsg"

// Open returns the log and in words what it is. Read ends when ctx does.
func Open(ctx context.Context, o Options) (io.ReadCloser, string, error) {
	path, err := exec.LookPath("journalctl")
	if err == nil {
		r, name, err := fromJournal(ctx, path, o)
		if err == nil || o.Boot != "" || o.Since != "" {
			return r, name, err
		}
	}
	if o.Boot != "" && o.Boot != "0" || o.Since != "" {
		return nil, "", where.New(where.Usage, "--boot and --since ask the journal, and there is no journalctl").WithHint("give the log: kpkg-btf explain --log FILE")
	}
	r, err := openKmsg(ctx, o.Follow)
	return r, kmsg + ", what is left of this boot", err
}

// arguments are those of journalctl: the kernel's messages and those of what
// loads modules. JSON names the boot of each line and keeps tabs.
func arguments(o Options) (args []string, what string) {
	args = []string{"--no-pager", "--quiet", "--output=json"}
	what = "the journal of every boot"
	switch o.Boot {
	case "all":
	case "", "0":
		if o.Boot == "" && o.Since != "" {
			break // a time may lie before this boot
		}
		args, what = append(args, "--boot=0"), "the journal of this boot"
	default:
		args, what = append(args, "--boot="+o.Boot), "the journal of boot "+o.Boot
	}
	if o.Since != "" {
		args, what = append(args, "--since="+o.Since), what+" since "+o.Since
	}
	if o.Follow {
		args, what = append(args, "--follow", "--no-tail"), what+" and what comes"
	}
	return append(args, "_TRANSPORT=kernel", "+", "SYSLOG_IDENTIFIER=modprobe", "+", "SYSLOG_IDENTIFIER=systemd-modules-load", "+", "SYSLOG_IDENTIFIER=(udev-worker)"), what
}

// program is a running journalctl.
type program struct {
	io.ReadCloser
	cmd    *exec.Cmd
	stderr *strings.Builder
	ended  error // what Read returned last, once the program has ended
}

func fromJournal(ctx context.Context, path string, o Options) (io.ReadCloser, string, error) {
	args, what := arguments(o)
	p := &program{cmd: exec.CommandContext(ctx, path, args...), stderr: &strings.Builder{}}
	p.cmd.Stderr = &limited{p.stderr}
	p.cmd.WaitDelay = time.Second
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, "", where.New(where.IO, "%w", err)
	}
	p.ReadCloser = out
	if err := p.cmd.Start(); err != nil {
		return nil, "", where.New(where.IO, "journalctl: %w", err)
	}
	return p, what, nil
}

// Read turns the end of a journalctl that failed into its own words.
func (p *program) Read(b []byte) (int, error) {
	if p.ended != nil {
		return 0, p.ended
	}
	n, err := p.ReadCloser.Read(b)
	if err == nil {
		return n, nil
	}
	p.ended = err
	if werr := p.cmd.Wait(); werr != nil {
		words, _, _ := strings.Cut(strings.TrimSpace(p.stderr.String()), "\n")
		if words == "" {
			words = werr.Error()
		}
		p.ended = where.New(where.IO, "journalctl: %s", words)
	}
	return n, p.ended
}

// Close ends journalctl if it still runs.
func (p *program) Close() error {
	if p.ended == nil {
		p.ended = os.ErrClosed
		_ = p.cmd.Process.Kill() // it may have ended in the meantime
		_ = p.cmd.Wait()         // killed: its end says nothing
	}
	return nil
}

// limited keeps the beginning of what a program complains.
type limited struct{ b *strings.Builder }

func (l *limited) Write(p []byte) (int, error) {
	if room := 4096 - l.b.Len(); room > 0 {
		l.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// device reads /dev/kmsg, one record a read.
type device struct {
	f      *os.File
	ctx    context.Context
	follow bool
	rest   []byte
}

// maxRecord is more than the kernel's longest record (PRINTK_MESSAGE_MAX).
const maxRecord = 8192

func openKmsg(ctx context.Context, follow bool) (io.ReadCloser, error) {
	fd, err := syscall.Open(kmsg, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, where.New(where.IO, "%s: %w", kmsg, err).WithHint("as root: dmesg | kpkg-btf explain")
	}
	return &device{f: os.NewFile(uintptr(fd), kmsg), ctx: ctx, follow: follow}, nil
}

// Read returns the next record, or a part of it where p is short. A record that
// the kernel overwrote while it was read is passed over.
func (d *device) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if err := d.ctx.Err(); err != nil {
			return 0, err
		}
		buf := make([]byte, maxRecord)
		n, err := syscall.Read(int(d.f.Fd()), buf)
		switch {
		case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN) && d.follow:
			time.Sleep(100 * time.Millisecond)
		case errors.Is(err, syscall.EAGAIN), err == nil && n == 0:
			return 0, io.EOF
		case err != nil:
			return 0, where.New(where.IO, "%s: %w", kmsg, err)
		default:
			d.rest = buf[:n]
		}
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func (d *device) Close() error { return d.f.Close() }
