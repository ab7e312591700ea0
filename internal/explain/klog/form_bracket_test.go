package klog

import "testing"

// Stamps go, a type's "[12]" and a module's name stay.
func TestBracket(t *testing.T) {
	stripped(t, stripBracket, map[string]Record{
		"[   12.345678] x":                     {Text: "x", Time: "12.345678"},
		"[  +0,001682] x":                      {Text: "x", Time: "+0,001682"},
		"[   12.345678][  T123] x":             {Text: "[  T123] x", Time: "12.345678"},
		"[  T123] x":                           {Text: "x", Caller: "T123"},
		"[    C0] x":                           {Text: "x", Caller: "C0"},
		"[ T123/modprobe] x":                   {Text: "x", Caller: "T123"},
		"[   12.345678 T99] x":                 {Text: "x", Time: "12.345678 T99", Caller: "T99"},
		"[    9.1 <    0.000007>] x":           {Text: "x", Time: "9.1 <    0.000007>"},
		"[    9.100000,0] x":                   {Text: "x", Time: "9.100000,0"},
		"[    9.100000@1] x":                   {Text: "x", Time: "9.100000@1"},
		"[Mon Nov 23 10:57:04 2026] x":         {Text: "x", Time: "Mon Nov 23 10:57:04 2026"},
		"[Sep 5 10:53] x":                      {Text: "x", Time: "Sep 5 10:53"},
		"[2026-11-23T10:57:04,123456+00:00] x": {Text: "x", Time: "2026-11-23T10:57:04,123456+00:00"},
		"[pod/a/b] x":                          {Text: "x"},
		"[12] INT x":                           {Text: "left: [12] INT x"},
		"[dm_crypt] BTF: -22":                  {Text: "left: [dm_crypt] BTF: -22"},
		"[ 12.1":                               {Text: "left: [ 12.1"},
		"[TASK] x":                             {Text: "left: [TASK] x"},
		"[]":                                   {Text: "left: []"},
	})
}
