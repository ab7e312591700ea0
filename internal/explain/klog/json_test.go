package klog

import (
	"reflect"
	"testing"
)

func TestJSON(t *testing.T) {
	for in, want := range map[string][]Record{
		`{"MESSAGE":"BPF: \tx","_BOOT_ID":"b1","caller":"T7"}`:                                         {{Line: 1, Text: "BPF: \tx", Boot: "b1", Caller: "T7"}},
		`{"caller":"T7","msg":"BPF: x","time":9.1}`:                                                    {{Line: 1, Text: "BPF: x", Caller: "T7", Time: "9.1"}},
		`{"MESSAGE":[66,80,70,58,32,9,120]}`:                                                           {{Line: 1, Text: "BPF: \tx"}},
		`{"log":"{\"message\":\"[ 9.1] BPF: x\"}\n","stream":"stdout"}`:                                {{Line: 1, Text: "BPF: x", Time: "9.1"}},
		`2026-05-06T11:02:33Z web | {"level":"err","text":"BPF: x"}`:                                   {{Line: 1, Text: "BPF: x", Time: "2026-05-06T11:02:33Z"}},
		`{"data":{"result":[{"values":[["17","BPF: x"],["18","BPF: y"]]}]}}`:                           {{Line: 1, Text: "BPF: x"}, {Line: 1, Text: "BPF: y"}},
		`{"body":"before\nBPF: x\nBPF: y"}`:                                                            {{Line: 1, Text: "before"}, {Line: 1, Text: "BPF: x"}, {Line: 1, Text: "BPF: y"}},
		`{"MESSAGE":"BPF: cut of`:                                                                      {{Line: 1, Text: "BPF: cut of"}},
		`{"a":"nothing"}`:                                                                              {{Line: 1, Text: `{"a":"nothing"}`}},
		"{\n\t\"MESSAGE\" : \"BPF: x\",\n\t\"_BOOT_ID\" : \"b1\"\n}\n{\n\t\"MESSAGE\" : \"BPF: y\"\n}": {{Line: 2, Text: "BPF: x", Boot: "b1"}, {Line: 6, Text: "BPF: y", Boot: "b1"}},
		"__CURSOR=1\n_BOOT_ID=b1\nMESSAGE=BPF: x\n\n":                                                  {{Line: 3, Text: "BPF: x", Boot: "b1"}, {Line: 4, Boot: "b1"}},
		"Wed 2026-05-06 11:02:33.1 UTC [s=1;i=2]\n    MESSAGE=BPF: x\nWed 2026-05-06 11:02:33.2 UTC [s=1;i=3]\n    MESSAGE=BPF: y\n": {
			{Line: 1, Text: "[s=1;i=2]", Time: "Wed 2026-05-06 11:02:33.1 UTC"}, {Line: 2, Text: "BPF: x"}, {Line: 3, Text: "[s=1;i=3]", Time: "Wed 2026-05-06 11:02:33.2 UTC"}, {Line: 4, Text: "BPF: y"}},
	} {
		if got := records(t, in); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v, want\n%+v", in, got, want)
		}
	}
}
