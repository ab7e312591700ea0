package klog

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestDecode(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                            "plain",
		"\xff\xfea\x00\xe4\x00\n\x00":      "\ufeffaä\n",
		"\xfe\xff\x00a\x00\xe4\x00\n":      "\ufeffaä\n",
		"a\x00b\x00c\x00d\x00\n\x00":       "abcd\n",
		"\x00a\x00b\x00c\x00d\x00\n":       "abcd\n",
		"\xff\xfe=\xd8\x00\xdea\x00":       "\ufeff😀a",
		"\xff\xfe\x00\xd8a\x00":            "\ufeff\ufffda", // half a pair
		"\xff\xfea\x00b":                   "\ufeffa",       // half a character
		"x\x00y, one zero makes no UTF-16": "x\x00y, one zero makes no UTF-16",
		"":                                 "",
	} {
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			got, err := io.ReadAll(decode(r))
			if s := strings.TrimPrefix(want, "\ufeff"); err != nil || string(got) != want && string(got) != s {
				t.Errorf("%q: %q, %v, want %q", in, got, err, want)
			}
		}
	}
}
