package vmtest

import (
	"errors"
	"syscall"
	"testing"

	"kpkg-btf/internal/vmtest/wire"
)

func TestTake(t *testing.T) {
	job := Job{Cases: []Case{{ID: "a"}, {ID: "b", Kind: WholeModule}, {ID: "c", Kind: UserBTF}}}
	hello := wire.Record{Hello: &wire.Hello{Release: "6.1", SigEnforce: "Y", Uptime: "1.50 0.10", Base: "b", Log: []wire.Line{{Level: 6, Text: "x"}}}}
	a := wire.Record{Case: &wire.Answer{I: 0, Init: 22, Delete: -1, Log: []wire.Line{{Level: 3, Text: `BPF: \x5c\xe4 Invalid name`}}}}
	b := wire.Record{Case: &wire.Answer{I: 1, File: true, Digest: "d", Delete: int(syscall.EWOULDBLOCK)}}
	c := wire.Record{Case: &wire.Answer{I: 2, Init: 22, Delete: -1, Words: []byte("[1] INT a\n")}}
	end := wire.Record{Done: &wire.Done{Cases: 3, Nanos: 5, Taint: "0"}}
	var r Result
	for i, rec := range []wire.Record{hello, a, b, c, end} {
		if done, err := r.take(&job, &rec); err != nil || done != (i == 4) {
			t.Fatalf("record %d: %v, %v", i, done, err)
		}
	}
	if r.Release != "6.1" || !r.SigEnforced || r.Asked != 5 || r.Attached() != 1 || r.Uptime.Milliseconds() != 1500 || r.Base != "b" || len(r.Log) != 1 {
		t.Errorf("%+v", r)
	}
	if v := &r.Verdicts[0]; v.Errno != syscall.EINVAL || v.Loaded() || v.Deleted || !v.Printed("BPF: \\\xe4 Invalid") {
		t.Errorf("%+v", v)
	}
	if v := &r.Verdicts[2]; v.Errno != syscall.EINVAL || v.Words != "[1] INT a\n" {
		t.Errorf("%+v", v)
	}
	if v := &r.Verdicts[1]; !v.Loaded() || v.Deleted || v.DeleteErrno != syscall.EWOULDBLOCK {
		t.Errorf("%+v", v)
	}
}

func TestTakeRefuses(t *testing.T) {
	job := Job{Cases: []Case{{ID: "a"}}}
	for name, rec := range map[string]wire.Record{
		"out of order":       {Case: &wire.Answer{I: 1}},
		"lost log":           {Case: &wire.Answer{Lost: 1}},
		"could not look":     {Case: &wire.Answer{Problem: "EIO"}},
		"template is stuck":  {Case: &wire.Answer{Delete: int(syscall.EBUSY)}},
		"end too early":      {Done: &wire.Done{}},
		"the guest's excuse": {Fatal: "no /dev/kmsg"},
		"nothing":            {},
	} {
		if done, err := new(Result).take(&job, &rec); err == nil || done {
			t.Errorf("%s: accepted", name)
		}
	}
	if done, err := (&Result{Verdicts: make([]Verdict, 1)}).take(&job, &wire.Record{Case: &wire.Answer{I: 1}}); err == nil || done {
		t.Error("one answer too many: accepted")
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", `a\x5cb`: `a\b`, `\xff`: "\xff", `cut \x5`: `cut \x5`, `\xzz`: `\xzz`, `a\x0ab`: "a\nb",
	} {
		if got := unescape(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestFailure(t *testing.T) {
	cause := errors.New("cause")
	var err error = &Failure{Reason: "it died", Answered: 3, Tail: "Kernel panic", Err: cause}
	if !errors.Is(err, cause) || err.Error() != "it died after 3 verdicts; the console ended with:\nKernel panic" {
		t.Errorf("%v", err)
	}
}
