package vmtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kpkg-btf/internal/vmtest/bpfobj"
	"kpkg-btf/internal/vmtest/wire"
)

// Line is one record of the kernel's log. Level is syslog's (3 is an error,
// 4 a warning); Text holds the bytes as they were printed, which may not be
// UTF-8.
type Line struct {
	Level int
	Text  string
}

// Verdict is what the kernel did with one case.
type Verdict struct {
	ID string
	// Errno of init_module(2), or of bpf(2); 0 is success. Errnos that only the kernel
	// knows (ENOTSUPP, 524) are passed on as they are.
	Errno syscall.Errno
	// Attached is whether /sys/kernel/btf/NAME was there while it was loaded.
	Attached bool
	// Digest is the SHA-256 of that file in hex, BTF its bytes, as asked for.
	Digest string
	BTF    []byte
	// Deleted is whether it was unloaded; DeleteErrno why not.
	Deleted     bool
	DeleteErrno syscall.Errno
	// Exit, Stdout and Stderr are what became of a Program.
	Exit           int
	Stdout, Stderr []byte
	// Words are the end of what the verifier wrote to the loader of UserBTF.
	Words string
	// Log is what the kernel printed in the meantime.
	Log  []Line
	Took time.Duration
}

// Loaded is whether init_module succeeded.
func (v *Verdict) Loaded() bool { return v.Errno == 0 }

// Printed is whether a line of the log contains the text.
func (v *Verdict) Printed(text string) bool {
	for _, l := range v.Log {
		if strings.Contains(l.Text, text) {
			return true
		}
	}
	return false
}

// Programs are the answers about the programs of an Object, by name.
func (v *Verdict) Programs() (map[string]bpfobj.Answer, error) {
	if v.Exit != 0 {
		return nil, fmt.Errorf("%s: exit %d: %s", v.ID, v.Exit, v.Stderr)
	}
	out := map[string]bpfobj.Answer{}
	for d := json.NewDecoder(bytes.NewReader(v.Stdout)); ; {
		var a bpfobj.Answer
		if err := d.Decode(&a); err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", v.ID, err)
		}
		out[a.Program] = a
	}
}

// String renders the verdict for a test's message.
func (v *Verdict) String() string {
	var b strings.Builder
	switch {
	case v.Errno != 0:
		fmt.Fprintf(&b, "%s: refused with -%d", v.ID, int(v.Errno))
	case v.Attached:
		fmt.Fprintf(&b, "%s: attached", v.ID)
	default:
		fmt.Fprintf(&b, "%s: loaded without BTF", v.ID)
	}
	for _, l := range v.Log {
		fmt.Fprintf(&b, "\n\t<%d> %q", l.Level, l.Text)
	}
	return b.String()
}

// Result is the outcome of a boot.
type Result struct {
	Release     string // uname -r
	Version     string // /proc/version
	SigEnforced bool   // module signatures are required
	Base        string // SHA-256 of /sys/kernel/btf/vmlinux in hex, "" without one
	Log         []Line // of the kernel's start
	Rest        []Line // after the last case
	Tainted     string // /proc/sys/kernel/tainted at the end
	Verdicts    []Verdict

	Start time.Duration // from the start of QEMU to the first record
	// Uptime is the same by the guest's clock, which does not run while the
	// host is busy elsewhere and leaves out the loader's work.
	Uptime time.Duration
	Asked  time.Duration // from the first case to the last, in the guest
	Total  time.Duration
}

// Attached counts the verdicts with BTF in sysfs.
func (r *Result) Attached() int {
	n := 0
	for i := range r.Verdicts {
		if r.Verdicts[i].Attached {
			n++
		}
	}
	return n
}

// Speed renders the times for a test's log.
func (r *Result) Speed() string {
	per := 0.0
	if r.Asked > 0 {
		per = float64(len(r.Verdicts)) / r.Asked.Seconds()
	}
	return fmt.Sprintf("%s: up in %.1fs, %d verdicts in %.1fs (%.0f/s), %.1fs in all", r.Release,
		r.Start.Seconds(), len(r.Verdicts), r.Asked.Seconds(), per, r.Total.Seconds())
}

// Failure is a boot that did not answer everything: what happened, after
// which case, and the end of what the console showed.
type Failure struct {
	Reason   string
	Answered int
	Tail     string
	Err      error
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s after %d verdicts; the console ended with:\n%s", f.Reason, f.Answered, f.Tail)
}

func (f *Failure) Unwrap() error { return f.Err }

// unescape undoes the kernel's \xNN (printk.c:append_char).
func unescape(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) && s[i+1] == 'x' {
			if n, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func lines(in []wire.Line) []Line {
	out := make([]Line, len(in))
	for i, l := range in {
		out[i] = Line{Level: l.Level, Text: unescape(l.Text)}
	}
	return out
}

// take files one record; done is true after the last.
func (r *Result) take(job *Job, rec *wire.Record) (done bool, err error) {
	switch {
	case rec.Fatal != "":
		return false, fmt.Errorf("the guest gave up: %s", rec.Fatal)
	case rec.Hello != nil:
		h := rec.Hello
		r.Release, r.Version, r.Log = h.Release, h.Version, lines(h.Log)
		r.SigEnforced, r.Base = h.SigEnforce == "Y", h.Base
		up, _, _ := strings.Cut(h.Uptime, " ")
		if sec, err := strconv.ParseFloat(up, 64); err == nil {
			r.Uptime = time.Duration(sec * float64(time.Second))
		}
	case rec.Case != nil:
		return false, r.answer(job, rec.Case)
	case rec.Done != nil:
		r.Asked, r.Rest, r.Tainted = time.Duration(rec.Done.Nanos), lines(rec.Done.Log), rec.Done.Taint
		if n := len(r.Verdicts); n != len(job.Cases) || n != rec.Done.Cases {
			return false, fmt.Errorf("%d of %d cases answered", n, len(job.Cases))
		}
		return true, nil
	default:
		return false, fmt.Errorf("an empty record")
	}
	return false, nil
}

func (r *Result) answer(job *Job, a *wire.Answer) error {
	if a.I != len(r.Verdicts) || a.I >= len(job.Cases) {
		return fmt.Errorf("an answer to case %d where %d was due", a.I, len(r.Verdicts))
	}
	v := Verdict{
		ID: job.Cases[a.I].ID, Errno: syscall.Errno(a.Init), Attached: a.File, Digest: a.Digest, BTF: a.Bytes,
		Deleted: a.Delete == 0, DeleteErrno: syscall.Errno(max(a.Delete, 0)), Log: lines(a.Log), Took: time.Duration(a.Nanos),
		Words: string(a.Words),
	}
	if k := job.Cases[a.I].Kind; k == Program || k == Object {
		v.Errno, v.Exit, v.Stdout, v.Stderr = 0, a.Init, a.Stdout, a.Stderr
	}
	r.Verdicts = append(r.Verdicts, v)
	switch {
	case a.Lost > 0:
		return fmt.Errorf("case %q: %d records of the kernel's log were lost", v.ID, a.Lost)
	case a.Problem != "":
		return fmt.Errorf("case %q: %s", v.ID, a.Problem)
	case a.Delete > 0 && job.Cases[a.I].Kind != WholeModule: // never of UserBTF
		// The next case of the same module would be refused with EEXIST.
		return fmt.Errorf("case %q: delete_module: %w\n%s", v.ID, v.DeleteErrno, v.String())
	}
	return nil
}
