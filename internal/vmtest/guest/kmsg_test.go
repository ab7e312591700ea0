//go:build linux && amd64

package main

import (
	"testing"

	"kpkg-btf/internal/vmtest/wire"
)

func TestParse(t *testing.T) {
	for rec, want := range map[string]struct {
		line wire.Line
		seq  int64
	}{
		"3,339,5140900,-;BPF: a; b\n SUBSYSTEM=x\n": {wire.Line{Level: 3, Text: "BPF: a; b"}, 339},
		"12,7,1,c,caller=T1;user\n":                 {wire.Line{Level: 12, Text: "user"}, 7},
		"4,8,1,-;\n":                                {wire.Line{Level: 4}, 8},
	} {
		if line, seq, ok := parse([]byte(rec)); !ok || line != want.line || seq != want.seq {
			t.Errorf("%q: %+v %d %v", rec, line, seq, ok)
		}
	}
	for _, rec := range []string{"", "3,1,1,-", "x,1,1,-;a", "3,y,1,-;a"} {
		if line, seq, ok := parse([]byte(rec)); ok {
			t.Errorf("%q: %+v %d", rec, line, seq)
		}
	}
}
