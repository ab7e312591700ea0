package klog

import "testing"

func TestLevel(t *testing.T) {
	stripped(t, stripLevel, map[string]Record{
		"<3>BPF: x":  {Text: "BPF: x"},
		"<30>BPF: x": {Text: "BPF: x"},
		"<TASK>":     {Text: "left: <TASK>"},
		"<1234567>x": {Text: "left: <1234567>x"},
		"<>x":        {Text: "left: <>x"},
		"BPF: <3>":   {Text: "left: BPF: <3>"},
	})
}

func TestFacility(t *testing.T) {
	stripped(t, stripFacility, map[string]Record{
		"kern  :err   : [ 9.1] x": {Text: "[ 9.1] x"},
		"kern:warn: x":            {Text: "x"},
		"kern.err kernel: x":      {Text: "kernel: x"},
		"kern.log:12:x":           {Text: "left: kern.log:12:x"},
		"overlay: err: x":         {Text: "left: overlay: err: x"},
		"kern":                    {Text: "left: kern"},
	})
}
