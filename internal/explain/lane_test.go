package explain

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
)

func mixedOf(e *model.LogEvent) []string {
	var out []string
	for i := range e.Mixed {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s %s: %s", e.Mixed[i].ID, e.Mixed[i].Kind, e.Mixed[i].Name, e.Mixed[i].Text)))
	}
	return out
}

// Two loads in parallel: the callers' stamps tell their lines apart. Without
// them the modules are certain, and both types are named for each.
func TestParallel(t *testing.T) {
	a, b := twoRefusals[:6], twoRefusals[6:]
	order := []int{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0} // b ends first
	var stamped, bare strings.Builder
	at := [2]int{}
	for i, who := range order {
		m := [][]string{a, b}[who][at[who]]
		at[who]++
		fmt.Fprintf(&stamped, "[    9.%06d][  T31%d] %s\n", i, who, m)
		fmt.Fprintf(&bare, "[    9.%06d] %s\n", i, m)
	}
	if got := toldOf(explained(t, stamped.String())); !reflect.DeepEqual(got, twoTold) {
		t.Errorf("with callers: %+v", got)
	}
	x := explained(t, bare.String())
	var modules []string
	for i := range x.Events {
		e := &x.Events[i]
		modules = append(modules, e.Module)
		if want := []string{"131402 STRUCT nfig: Invalid name", "0 member rimary: Invalid name"}; !reflect.DeepEqual(mixedOf(e), want) || e.Type != nil || e.Errno != -22 || e.Kind != Refused {
			t.Errorf("%s: %v %+v", e.Module, mixedOf(e), e.Type)
		}
	}
	if !slices.Equal(modules, []string{"exfat", "dm_crypt"}) {
		t.Errorf("%v", modules)
	}
}

// Every module of a boot whose loads ran in parallel is named, each once, and
// so are the types of all.
func TestParallelBoot(t *testing.T) {
	inOrder := explained(t, strings.Join(readLines(t, "testdata/boot.log"), "\n"))
	mixed := explained(t, strings.Join(readLines(t, "testdata/boot-interleaved.log"), "\n"))
	want := map[string]bool{}
	for _, e := range inOrder.Events[:12] { // the thirteenth is in that log alone
		want[e.Module] = true
	}
	for i := range mixed.Events {
		e := &mixed.Events[i]
		if !want[e.Module] || len(e.Mixed) != 2 || e.Mixed[0].Text != "Invalid name" {
			t.Errorf("%s %v", e.Module, mixedOf(e))
		}
		delete(want, e.Module)
	}
	if len(want) != 0 || mixed.Unknown != 0 {
		t.Errorf("missing %v, %d lines unknown", want, mixed.Unknown)
	}
}

// One load that overtakes another, in every order in which lines can come:
// the modules are never lost and never given a type that is another's.
func TestShuffles(t *testing.T) {
	a, b := twoRefusals[:6], twoRefusals[6:]
	types := map[string]string{"dm_crypt": "nfig", "exfat": "rimary"}
	n, certain := 0, 0
	var mix func(log []string, a, b []string)
	mix = func(log, a, b []string) {
		if len(a)+len(b) > 0 {
			if len(a) > 0 {
				mix(append(slices.Clone(log), a[0]), a[1:], b)
			}
			if len(b) > 0 {
				mix(append(slices.Clone(log), b[0]), a, b[1:])
			}
			return
		}
		n++
		x := explained(t, strings.Join(log, "\n"))
		if len(x.Events) != 2 || x.Unknown != 0 {
			t.Fatalf("%d events: %q\n%+v", len(x.Events), log, x.Events)
		}
		for _, e := range x.Events {
			want, ok := types[e.Module]
			if !ok || e.Type != nil && e.Type.Name != want {
				t.Fatalf("%s has type %+v: %q", e.Module, e.Type, log)
			}
			if e.Type == nil && len(e.Mixed) != 2 {
				t.Fatalf("%s has %v: %q", e.Module, mixedOf(&e), log)
			}
			if e.Type != nil {
				certain++
			}
		}
	}
	mix(nil, a, b)
	t.Logf("%d orders, %d of %d types certain without stamps", n, certain, 2*n)
	if n != 462 || certain == 0 {
		t.Errorf("%d orders", n)
	}
}

// What is cut off at the beginning, at the end or in the middle costs no event.
func TestCutLogs(t *testing.T) {
	for name, tc := range map[string]struct {
		lines []string
		want  []told
	}{
		"head":          {twoRefusals[3:6], []told{{Refused, "dm_crypt", -22, model.LoggedType{}}}},
		"tail":          {twoRefusals[:3], []told{{Refused, "", 0, model.LoggedType{ID: 131402, Kind: "STRUCT", Name: "nfig"}}}},
		"grep -i btf":   {[]string{"BPF: Invalid name", twoRefusals[5], "BPF: Invalid name", twoRefusals[10]}, []told{{Refused, "dm_crypt", -22, model.LoggedType{}}, {Refused, "exfat", -22, model.LoggedType{}}}},
		"last ones":     {[]string{twoRefusals[5], twoRefusals[10]}, []told{{Refused, "dm_crypt", -22, model.LoggedType{}}, {Refused, "exfat", -22, model.LoggedType{}}}},
		"name cut":      {[]string{"BPF: Invalid name", "failed to validate module [dm_cr"}, []told{{Refused, "", 0, model.LoggedType{}}}},
		"5.11, no name": {[]string{"BPF:[94156] TYPEDEF  ", "BPF:type_id=94174", "BPF: ", "BPF:Invalid name", "BPF:", "failed to validate module [vboxdrv] BTF: -22"}, []told{{Refused, "vboxdrv", -22, model.LoggedType{ID: 94156, Kind: "TYPEDEF", Text: "Invalid name"}}}},
	} {
		if got := toldOf(explained(t, strings.Join(tc.lines, "\n"))); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
	gap := slices.Insert(slices.Clone(twoRefusals), 2, "[    9.200000] printk: systemd: 128 output lines suppressed due to ratelimiting")
	x := explained(t, strings.Join(gap, "\n"))
	if !reflect.DeepEqual(toldOf(x), twoTold) || len(x.Gaps) != 1 || x.Gaps[0].Line != 3 {
		t.Errorf("%+v, gaps %+v", toldOf(x), x.Gaps)
	}
}

// A line with a word of BTF that nobody knows is shown, not swallowed.
func TestLooseLines(t *testing.T) {
	x := explained(t, "usb 1-1: new device\nsomething new about BTF of x\nfoo: kfunc y is odd\n")
	want := []model.LooseLine{{Line: 2, Text: "something new about BTF of x"}, {Line: 3, Text: "kfunc y is odd"}}
	if !reflect.DeepEqual(x.Loose, want) || x.Unknown != 3 || len(x.Events) != 0 {
		t.Errorf("%+v", x)
	}
	if x = explained(t, strings.Repeat("BTF!\n", maxLoose+5)); len(x.Loose) != maxLoose || x.LooseLeft != 5 {
		t.Errorf("%d, %d left", len(x.Loose), x.LooseLeft)
	}
}

// The kernel's own sets that fail, before or after what was refused, say that
// its base is bad: no reboot into another build of the modules helps.
func TestBaseBad(t *testing.T) {
	x := explained(t, "[    0.1] BPF: Invalid type_id\n[    0.725880] error while registering bpf memcontrol kfuncs: -22\n[    0.760781] failed to validate module [cryptd] BTF: -22\n[    1.0] failed to validate module [vsock] BTF: -22\n")
	if len(x.Events) != 4 || x.Events[1].Kind != OwnKfuncs || x.Events[1].Errno != -22 || x.Events[1].Symbol != "bpf memcontrol" {
		t.Fatalf("%+v", x.Events)
	}
	for _, e := range x.Events {
		if !strings.Contains(e.Meaning, "kernel's own") || strings.Contains(strings.Join(e.Cures, " "), "reboot into the kernel the installed modules") {
			t.Errorf("%s: %s, %v", e.Module, e.Meaning, e.Cures)
		}
	}
}

// Boots are told apart, and a module that fails in each is one event.
func TestBoots(t *testing.T) {
	one := "[    0.000000] Linux version 6.1.0-55-amd64 (a@b) (gcc) #1 SMP\n[    9.1] BPF: Invalid magic\n[    9.2] failed to validate module [x] BTF: -22\n"
	two := "-- Boot 0f1e2d --\nMay 06 11:02:33 desk kernel: Linux version 6.1.0-56-amd64 (a@b) (gcc) #1 SMP\nMay 06 11:02:33 desk kernel: BPF: Invalid magic\nMay 06 11:02:33 desk kernel: failed to validate module [x] BTF: -22\n"
	x := explained(t, one+two+two[:strings.Index(two, "May")]+one)
	if len(x.Boots) != 3 || x.Boots[1].ID != "0f1e2d" || x.Boots[1].Release != "6.1.0-56-amd64" {
		t.Errorf("%+v", x.Boots)
	}
	if len(x.Events) != 1 || !slices.Equal(x.Events[0].Boots, []int{1, 2, 3}) || x.Events[0].Count != 3 || x.Events[0].Release != "6.1.0-55-amd64" {
		t.Errorf("%+v", x.Events)
	}
}

// A log without the lines that name modules, longer than what is held of one
// caller: wherever it is closed, no refusal is torn from its objection.
func TestLongLaneTearsNoRefusal(t *testing.T) {
	for shift := range 8 {
		var log strings.Builder
		for i := range shift {
			fmt.Fprintf(&log, "BPF: \tm%d type_id=7 bits_offset=%d\nBPF:  \nBPF: Invalid name\nBPF: \n", i, 8*i)
		}
		const n = 4 * maxLane
		for i := range n {
			fmt.Fprintf(&log, "BPF: [%d] ENUM ata..percpu \nBPF: size=4 vlen=4\nBPF:  \nBPF: Invalid name\nBPF: \n", 1000+i)
		}
		x := explained(t, log.String())
		if len(x.Events) != n+shift {
			t.Errorf("shift %d: %d events, want %d", shift, len(x.Events), n+shift)
		}
		for i := range x.Events {
			if e := &x.Events[i]; e.Type == nil {
				t.Fatalf("shift %d: %+v", shift, *e)
			}
		}
	}
}
