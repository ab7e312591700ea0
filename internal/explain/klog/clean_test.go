package klog

import "testing"

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"BPF: \ta type_id=1":                   "BPF: \ta type_id=1",
		"\x1b[32m[ 9.1] \x1b[0mBPF:":           "[ 9.1] BPF:",
		"^[[32m[ 9.1] ^[[0mBPF:":               "[ 9.1] BPF:",
		"#033[33mBPF#033[0m: x":                "BPF: x",
		"[33mBPF[0m: x":                        "BPF: x",
		"\x1b]0;title\x07$ \x1b(Bx\x1b[?2004l": "$ x",
		"\x1b]0;title\x1b\\x":                  "x",
		"failed to validate module [m0] BTF":   "failed to validate module [m0] BTF",
		"dmess\bg":                             "dmesg",
		"[\u00a0 \u00a0 9.1]\u00a0 BPF:":       "[  9.1] BPF:",
		"BPF:\u00a0x":                          "BPF: x",
		"B\u200bPF\u200e: x":                   "BPF: x",
		"\ufeffBPF: x":                         "BPF: x",
		"&gt; BPF:&nbsp;x &amp; &quot;y&quot;": "> BPF: x & \"y\"",
		"<span class=\"a\">BPF:</span> x<br/>": "BPF: x",
		"<3>BPF: <TASK> a<b":                   "<3>BPF: <TASK> a<b",
		"tab\tand\x01bell\x07":                 "tab\tandbell",
		"\x1b":                                 "",
		"x\x1b[":                               "x",
		`"\u001b[33mBPF\u001b[0m: x"`:          `"\u001b[33mBPF\u001b[0m: x"`, // its string is read first
	} {
		if got := clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
