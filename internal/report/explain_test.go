package report

import (
	"strings"
	"testing"

	"kpkg-btf/internal/model"
)

func explainText(t *testing.T, x *model.Explanation, verbose bool) string {
	t.Helper()
	var b strings.Builder
	if err := ExplainText(&b, x, Options{Verbose: verbose, Width: 120}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func refused(line int, module string) model.LogEvent {
	return model.LogEvent{Kind: "btf.refused", Line: line, Count: 1, Module: module,
		Log:     []string{"BPF: [1] INT x ", "BPF: size=4", "BPF:  ", "BPF: Invalid name", "BPF: ", "failed to validate module [" + module + "] BTF: -22"},
		Meaning: "the BTF of module " + module + " is refused", Cures: []string{"reboot", "reinstall"}}
}

// Events of one cause stand together, the cure once; fragments are one line.
func TestExplainText(t *testing.T) {
	g := model.GivenRelease{Name: "6.1", Arch: model.X8664, Packages: []string{"linux \x1b[31m1"}, Modules: 1, Kernel: true}
	x := &model.Explanation{Lines: 30, Unknown: 2, Left: 1, Given: []model.GivenRelease{g, {Name: "6.2", Modules: 2, Why: "no image"}}}
	for i, m := range []string{"a", "b", "c", "d"} {
		x.Events = append(x.Events, refused(6*i+1, m))
	}
	x.Events[0].Count = 3
	x.Events[0].Name, x.Events[0].More = "x is y", 2
	x.Events[0].Sources = []model.LogSource{{Module: "kernel/a.ko", Of: g, On: g, Says: "EINVAL", Own: "accepted"}, {Module: "kernel/b.ko", Of: g, On: g, Says: "magic", Own: "not asked"}}
	x.Events[1].Open = "nothing given"
	want := strings.Join([]string{
		"BTF refused of 4 modules: a, b, c, …",
		`looked in: linux \x1b[31m1 (6.1 x86_64), 1 module`,
		"looked in: 6.2 (6.2), 2 modules, no kernel to ask: no image",
		"",
		"line 1 [btf.refused], 3 times",
		"    BPF: [1] INT x size=4 Invalid name",
		"    failed to validate module [a] BTF: -22",
		"  name: x is y",
		`  from: kernel/a.ko of linux \x1b[31m1 (6.1), on the kernel of linux \x1b[31m1 (6.1)`,
		"        EINVAL; its own build's kernel: accepted",
		`  from: kernel/b.ko of linux \x1b[31m1 (6.1), on the kernel of linux \x1b[31m1 (6.1)`,
		"        magic",
		"        and 2 more",
		"line 7 [btf.refused]",
		"    BPF: [1] INT x size=4 Invalid name",
		"    failed to validate module [b] BTF: -22",
		"  not found: nothing given",
		"and 2 more like these (-v lists them): c, d",
		"  do:   reboot",
		"        reinstall",
		"  means: the BTF of module a is refused",
		"",
		"30 lines, 4 events explained, 2 lines about other things",
		"1 more events are beyond the limit and were not looked at",
		"",
	}, "\n")
	if got := explainText(t, x, false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := explainText(t, x, true); strings.Contains(got, "like these") || !strings.Contains(got, "line 19 [btf.refused]") {
		t.Errorf("verbose:\n%s", got)
	}
	if got := explainText(t, &model.Explanation{Lines: 1, Unknown: 1}, false); got != "1 line, 0 events explained, 1 line about other things\n" {
		t.Error(got)
	}
}
