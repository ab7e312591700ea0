package klog

import "testing"

func TestStream(t *testing.T) {
	stripped(t, stripStream, map[string]Record{
		"stdout F BPF: x": {Text: "BPF: x"},
		"stderr P BPF: x": {Text: "BPF: x"},
		"stderr BPF: x":   {Text: "BPF: x"},
		"stdin x":         {Text: "left: stdin x"},
	})
}

func TestLabel(t *testing.T) {
	stripped(t, stripLabel, map[string]Record{
		"node-1 | x":               {Text: "x"},
		"ns/pod_1.a   |x":          {Text: "x"},
		`{host="desk", job="k"} x`: {Text: "x"},
		"##[error]x":               {Text: "x"},
		"a b | x":                  {Text: "left: a b | x"},
		"{no label} x":             {Text: "left: {no label} x"},
		"| x":                      {Text: "left: | x"},
	})
}
