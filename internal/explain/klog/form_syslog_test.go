package klog

import "testing"

func TestRFC5424(t *testing.T) {
	stripped(t, stripRFC5424, map[string]Record{
		"1 2026-05-06T11:02:33.1Z desk kernel - - - BPF: x":         {Text: "BPF: x", Time: "2026-05-06T11:02:33.1Z"},
		`1 2026-05-06T11:02:33.1Z desk kernel - - [m s="1"] BPF: x`: {Text: "BPF: x", Time: "2026-05-06T11:02:33.1Z"},
		"1 2026-05-06T11:02:33.1Z desk modprobe 12 - - ERROR: x":    {Text: "modprobe: ERROR: x", Time: "2026-05-06T11:02:33.1Z"},
		"1 is a number": {Text: "left: 1 is a number"},
		"2 2026-05-06T11:02:33.1Z desk kernel - - - BPF: x": {Text: "left: 2 2026-05-06T11:02:33.1Z desk kernel - - - BPF: x"},
	})
}

func TestKernel(t *testing.T) {
	stripped(t, stripKernel, map[string]Record{
		"desk kernel: BPF: x":              {Text: "BPF: x"},
		"desk kernel:":                     {Text: ""},
		"kernel: x":                        {Text: "x"},
		"1778058153.1 desk kernel: [T1] x": {Text: "[T1] x"},
		"[  T7] desk kernel: x":            {Text: "x", Caller: "T7"},
		"the mykernel: x":                  {Text: "left: the mykernel: x"},
		"a b c d e f g h kernel: x":        {Text: "left: a b c d e f g h kernel: x"},
	})
}
