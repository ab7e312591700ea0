package klog

import (
	"strings"
	"testing"
)

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		`ts=1 msg="BPF: \tx" host=a`:            "BPF: \tx",
		`"2026","a ""b""","[9.1] BPF: x ""y"""`: `[9.1] BPF: x "y"`,
		`- "BPF: x`:                             "BPF: x",
		`"a" BPF: x "b"`:                        "",
		`BPF: x`:                                "",
		`msg="a\\x09BPF: \x09b\q"`:              "a\\x09BPF: \tb\\q",
	} {
		got, ok := quoted(in, strings.Index(in, "BPF:"))
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", in, got, ok, want)
		}
	}
}
