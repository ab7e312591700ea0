package klog

import "testing"

func TestKmsg(t *testing.T) {
	stripped(t, stripKmsg, map[string]Record{
		"3,1200,9073165,-;BPF: x":                     {Text: "BPF: x", Time: "9073165"},
		"3,1200,9073165,-,caller=T312;BPF: x":         {Text: "BPF: x", Time: "9073165", Caller: "T312"},
		"3,1200,9073165,-,ncfrag=0/60;BPF: x":         {Text: "BPF: x", Time: "9073165"},
		"6.12.0,3,1200,9073165,c,caller=C1;BPF: x; y": {Text: "BPF: x; y", Time: "9073165", Caller: "C1"},
		"one,two;three":                               {Text: "left: one,two;three"},
		"3,1200,9073165":                              {Text: "left: 3,1200,9073165"},
	})
}
