package klog

import "testing"

func TestJob(t *testing.T) {
	stripped(t, stripJob, map[string]Record{
		"boot\tRun tests\t2026-08-04T09:11:22.1Z x": {Text: "2026-08-04T09:11:22.1Z x"},
		"boot\t2026-08-04T09:11:22.1Z x":            {Text: "2026-08-04T09:11:22.1Z x"},
		"desk\t[ 9.1] x":                            {Text: "[ 9.1] x"},
		"a\tb\tc":                                   {Text: "left: a\tb\tc"},
		"no tab":                                    {Text: "left: no tab"},
	})
}
