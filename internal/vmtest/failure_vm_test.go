//go:build vm

package vmtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/vmtest/wire"
)

// TestFailures makes machines end badly: each failure must say what happened
// and show the console, and leave in time.
func TestFailures(t *testing.T) {
	b := load(t, kernel61)
	one := []Case{{ID: "first", BTF: []byte{}}}
	for _, e := range []struct {
		name   string
		limit  time.Duration
		kernel Kernel
		job    Job
		want   []string
	}{
		{"panic", 0, b.Kernel, Job{Cmdline: []string{"rdinit=/nothing"}}, []string{"ended by itself", `next: case 0, "first"`, "Kernel panic"}},
		{"oops", 0, b.Kernel, Job{Cases: append(one, crash(t, b))}, []string{"after 1 verdicts", `next: case 1, "crash"`, "Comm: case1", "Kernel panic"}},
		{"silent", 0, b.Kernel, Job{Quiet: time.Second}, []string{"silent"}},
		{"slow", 0, b.Kernel, Job{Timeout: time.Second}, []string{"time allowed"}},
		{"cancelled", 3 * time.Second, b.Kernel, Job{}, []string{"deadline"}},
		{"no kernel", 0, Kernel{Image: []byte("no kernel")}, Job{}, []string{qemu, "kernel"}},
		{"other release", 0, Kernel{Image: b.Kernel.Image, Release: "1.0"}, Job{}, []string{`calls itself "6.1`}},
		{"ramdisk too big", 0, b.Kernel, Job{Memory: 192, Cases: []Case{{ID: "first", BTF: make([]byte, 90<<20)}}}, []string{"deadlocked on memory"}},
	} {
		t.Run(e.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), max(e.limit, time.Second))
			if e.limit == 0 {
				ctx = t.Context()
			}
			defer cancel()
			e.job.Template = b.Template
			if e.job.Cases == nil {
				e.job.Cases = one
			}
			begun := time.Now()
			res, err := Boot(ctx, e.kernel, e.job)
			if err == nil {
				t.Fatalf("no error: %v", &res.Verdicts[len(res.Verdicts)-1])
			}
			t.Logf("after %v: %.400s", time.Since(begun).Round(time.Millisecond), err)
			for _, w := range e.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("no word of %q in: %v", w, err)
				}
			}
			if f := new(Failure); e.name == "oops" && !errors.As(err, &f) {
				t.Errorf("not a *Failure: %T", err)
			}
		})
	}
}

// crash is a module whose init function runs into an undefined instruction,
// behind the call at its start that ftrace looks at.
func crash(t *testing.T, b *Build) Case {
	t.Helper()
	ko := slices.Clone(wire.Unsigned(whole(t, b, "crc32c_generic")))
	code, err := wire.Section(ko, ".init.text")
	if err != nil || len(code) < 7 {
		t.Fatalf("%d bytes of .init.text: %v", len(code), err)
	}
	code[5], code[6] = 0x0f, 0x0b // ud2, over the opcode of mov $.data,%rdi
	return Case{ID: "crash", Kind: WholeModule, Module: ko}
}
