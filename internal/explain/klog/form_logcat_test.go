package klog

import "testing"

func TestLogcat(t *testing.T) {
	stripped(t, stripLogcat, map[string]Record{
		"    0     0 E BPF     : [1] INT x": {Text: "BPF: [1] INT x"},
		"    0     0 W         : failed to": {Text: "failed to"},
		"root     0     0 E BPF     : x":    {Text: "BPF: x"},
		"E/BPF     (    0): x":              {Text: "BPF: x"},
		"W/        (    0): failed to":      {Text: "failed to"},
		"E/BPF no brackets":                 {Text: "left: E/BPF no brackets"},
		"12 skb":                            {Text: "left: 12 skb"},
		"":                                  {Text: "left: "},
	})
}
