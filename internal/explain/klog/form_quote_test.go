package klog

import "testing"

func TestQuote(t *testing.T) {
	stripped(t, stripQuote, map[string]Record{
		"> [ 9.1] BPF: x": {Text: " [ 9.1] BPF: x"},
		">> BPF: x":       {Text: "> BPF: x"},
		"| BPF: x":        {Text: " BPF: x"},
		"- [ 9.1] BPF: x": {Text: "[ 9.1] BPF: x"},
		"+<3>BPF: x":      {Text: "<3>BPF: x"},
		"`BPF: x`":        {Text: "BPF: x"},
		"- a list":        {Text: "left: - a list"},
		"":                {Text: "left: "},
	})
}
