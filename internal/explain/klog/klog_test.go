package klog

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// bpf finds messages by the prefix of the BPF subsystem.
func bpf(s string) int { return strings.Index(s, "BPF:") }

func records(t *testing.T, log string) []Record {
	t.Helper()
	var out []Record
	if _, err := Read(strings.NewReader(log), bpf, func(r Record) { out = append(out, r) }); err != nil {
		t.Fatal(err)
	}
	return out
}

// stripped tries one form: what it leaves and what it keeps.
func stripped(t *testing.T, f func(string, *Record) (string, bool), cases map[string]Record) {
	t.Helper()
	for line, want := range cases {
		var got Record
		rest, ok := f(line, &got)
		if got.Text = rest; !ok {
			got = Record{Text: "left: " + line}
		}
		if got != want {
			t.Errorf("%q: %+v, want %+v", line, got, want)
		}
	}
}

// What nobody knows ends where a message begins; callers in it are kept.
func TestUnknownPrefix(t *testing.T) {
	for line, want := range map[string]Record{
		"%% desk/7 ~ BPF: x":        {Line: 1, Text: "BPF: x"},
		"%% [  T7] desk/7 ~ BPF: x": {Line: 1, Text: "BPF: x", Caller: "T7"},
		"nothing here":              {Line: 1, Text: "nothing here"},
		"":                          {},
	} {
		got := records(t, line)
		if want == (Record{}) {
			if len(got) != 0 {
				t.Errorf("%q: %+v", line, got)
			}
		} else if len(got) != 1 || got[0] != want {
			t.Errorf("%q: %+v, want %+v", line, got, want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	gone := errors.New("gone")
	n, err := Read(io.MultiReader(strings.NewReader("a\nb\n"), iotest.ErrReader(gone)), bpf, func(Record) {})
	if !errors.Is(err, gone) || n != 2 {
		t.Errorf("%d lines, %v", n, err)
	}
}

// Every form is in the table once, by a name of its own.
func TestFormNames(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range forms {
		if f.name == "" || seen[f.name] || f.strip == nil {
			t.Errorf("form %q", f.name)
		}
		seen[f.name] = true
	}
}

// FuzzRead: no input panics, records come in order and are no longer than
// their input, and none is lost: every line has one or is part of an entry.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"<3>1 2026-05-06T11:02:33Z h kernel - - - BPF: x\n", `{"MESSAGE":[66,80,70,58],"a":{"b":"BPF: x\n"}}`, "\xff\xfeB\x00P\x00F\x00:\x00\n\x00",
		"MESSAGE\n\x05\x00\x00\x00\x00\x00\x00\x00BPF: \n", "\x1b]0;t\x07\x1b[1;3mBPF:\b\b\r\r\n", "a,\"b\"\"BPF: x\"\"\"\n", "E/BPF     (    0): x", "3,1,2,-,caller=T1;x\n K=v\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		last, total := 0, 0
		var first []Record
		n, err := Read(strings.NewReader(string(data)), bpf, func(r Record) {
			if r.Line < last || r.Line < 1 {
				t.Fatalf("line %d after %d", r.Line, last)
			}
			last = r.Line
			total += len(r.Text)
			first = append(first, r)
		})
		if err != nil || n < last {
			t.Fatalf("%d lines, last %d, %v", n, last, err)
		}
		if total > 4*len(data)+64 {
			t.Fatalf("%d bytes of %d", total, len(data))
		}
		var again []Record
		if _, err := Read(iotest.OneByteReader(strings.NewReader(string(data))), bpf, func(r Record) { again = append(again, r) }); err != nil || !reflect.DeepEqual(first, again) {
			t.Fatalf("not the same in small reads: %+v, %+v", first, again)
		}
	})
}
