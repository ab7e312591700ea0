package klog

import "testing"

func TestDate(t *testing.T) {
	stripped(t, stripDate, map[string]Record{
		"2026-09-05T10:53:29,100000+02:00 x":      {Text: "x", Time: "2026-09-05T10:53:29,100000+02:00"},
		"2026-08-04T09:11:22.1234567Z x":          {Text: "x", Time: "2026-08-04T09:11:22.1234567Z"},
		"2026-08-04T09:11:22.123456Z 00O x":       {Text: "x", Time: "2026-08-04T09:11:22.123456Z"},
		"2026-08-04T09:11:22.123456Z 01E+x":       {Text: "x", Time: "2026-08-04T09:11:22.123456Z"},
		"2026-05-06T11:02:33+0000 desk kernel: x": {Text: "desk kernel: x", Time: "2026-05-06T11:02:33+0000"},
		"May 06 11:02:33 desk kernel: x":          {Text: "desk kernel: x", Time: "May 06 11:02:33"},
		"May  6 11:02:33.123456 desk kernel: x":   {Text: "desk kernel: x", Time: "May  6 11:02:33.123456"},
		"Wed 2026-05-06 11:02:33 UTC desk x":      {Text: "desk x", Time: "Wed 2026-05-06 11:02:33 UTC"},
		"Mon Nov 23 10:57:04 2026 x":              {Text: "x", Time: "Mon Nov 23 10:57:04 2026"},
		"09-05 10:53:29.123 0 0 E BPF: x":         {Text: "0 0 E BPF: x", Time: "09-05 10:53:29.123"},
		"10:53:29 x":                              {Text: "x", Time: "10:53:29"},
		"2026-05-06 x":                            {Text: "left: 2026-05-06 x"},
		"Mayor 06 x":                              {Text: "left: Mayor 06 x"},
		"10:53:29x":                               {Text: "left: 10:53:29x"},
		"":                                        {Text: "left: "},
	})
}
