package klog

import "testing"

func TestNumber(t *testing.T) {
	stripped(t, stripNumber, map[string]Record{
		"1200:[ 9.1] x":              {Text: "[ 9.1] x"},
		"1200-[ 9.1] x":              {Text: "[ 9.1] x"},
		"/var/log/kern.log:12:x":     {Text: "x"},
		"boot.log:12-x":              {Text: "x"},
		"/var/log/kern.log:[ 9.1] x": {Text: "[ 9.1] x"},
		"1200\tx":                    {Text: "x"},
		"1200 [ 9.1] x":              {Text: "[ 9.1] x"},
		"12. [ 9.1] x":               {Text: " [ 9.1] x"},
		"#12 [ 9.1] x":               {Text: "[ 9.1] x"},
		"12 skb":                     {Text: "left: 12 skb"},
		"12.5 x":                     {Text: "left: 12.5 x"},
		"overlay: x":                 {Text: "left: overlay: x"},
		"12":                         {Text: "left: 12"},
	})
}
