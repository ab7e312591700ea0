package explain

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"kpkg-btf/internal/explain/klog"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// message is what is left of a line without what carried it.
func message(line string) string {
	text := ""
	_, _ = klog.Read(strings.NewReader(line), find, func(r klog.Record) { text = r.Text }) // a string's reader does not fail
	return text
}

type brief struct {
	kind, module, symbol string
	errno                int
}

// Every message that is known, word by word.
func TestKinds(t *testing.T) {
	for line, want := range map[string]brief{
		"failed to validate module [overlay] BTF: -22":                                                                  {Refused, "overlay", "", -22},
		"failed to validate module [nf_conntrack] BTF: -524":                                                            {Refused, "nf_conntrack", "", -524},
		"Kernel module BTF mismatch detected, BTF debug info may be unavailable for some modules":                       {Mismatch, "", "", 0},
		"missing module BTF, cannot register kfuncs":                                                                    {NoSetBTF, "", "kfuncs", 0},
		"missing module BTF, cannot register kfunc":                                                                     {NoSetBTF, "", "kfunc", 0},
		"missing module BTF, cannot register struct_ops":                                                                {NoSetBTF, "", "struct_ops", 0},
		"missing module BTF, cannot register dtor kfuncs":                                                               {NoSetBTF, "", "dtor kfuncs", 0},
		"missing vmlinux BTF, cannot register kfuncs":                                                                   {NoVmlinux, "", "", 0},
		"kfunc bpf_xdp_ct_alloc (id: 4711) is already present in vmlinux.":                                              {Taken, "", "bpf_xdp_ct_alloc", 0},
		"kfunc bpf_x (id: 4711) is already present in module nf_conntrack.":                                             {Taken, "", "bpf_x", 0},
		"Invalid relocation: distilled base BTF type 'foo' [3] is not mapped to base BTF id":                            {Refused, "", "", 0},
		"distilled base BTF type 'foo' [3] is not mapped to base BTF id":                                                {Refused, "", "", 0},
		"distilled base BTF type 'foo' [3], size 8 has multiple candidates of the same size (ids [1, 2]) in base BTF":   {Refused, "", "", 0},
		"type [3], kind [4] is invalid for distilled base BTF; it is anonymous":                                         {Refused, "", "", 0},
		"string '' [offset 12] is not mapped to base BTF":                                                               {Refused, "", "", 0},
		"base BTF id [9] maps to invalid distilled base BTF id [0]":                                                     {Refused, "", "", 0},
		"Cannot find struct tcp_congestion_ops in smc":                                                                  {NoStruct, "", "tcp_congestion_ops", 0},
		"modprobe: ERROR: could not insert 'overlay': Invalid argument":                                                 {NotInserted, "overlay", "", -22},
		"insmod: ERROR: could not insert module ./nf-nat.ko.xz: Invalid parameters":                                     {NotInserted, "nf_nat", "", -22},
		"insmod: ERROR: could not insert module x.ko: Exec format error":                                                {NotInserted, "x", "", -8},
		"insmod: ERROR: could not insert module x.ko: Invalid module format":                                            {NotInserted, "x", "", -8},
		"insmod: ERROR: could not insert module x.ko: Key was rejected by service":                                      {KeyRejected, "x", "", -129},
		"modprobe: ERROR: could not insert 'x': Required key not available":                                             {KeyRejected, "x", "", -126},
		"insmod: ERROR: could not insert module x.ko: Unknown symbol in module":                                         {NotInserted, "x", "", -2},
		"insmod: can't insert 'x.ko': invalid parameter":                                                                {NotInserted, "x", "", -22},
		"modprobe: can't load module x (kernel/x.ko): Invalid argument":                                                 {NotInserted, "x", "", -22},
		"systemd-modules-load[123]: Failed to insert module 'x': Operation not permitted":                               {NotInserted, "x", "", -1},
		"modprobe: ERROR: could not insert 'x': Something new":                                                          {NotInserted, "x", "", 0},
		"module: x: loading out-of-tree module taints kernel.":                                                          {OutOfTree, "x", "", 0},
		"x: loading out-of-tree module taints kernel.":                                                                  {OutOfTree, "x", "", 0},
		"x: module verification failed: signature and/or required key missing - tainting kernel":                        {Unsigned, "x", "", 0},
		"Loading of unsigned module is rejected":                                                                        {KeyRejected, "", "", 0},
		"Lockdown: modprobe: unsigned module loading is restricted; see man kernel_lockdown.7":                          {KeyRejected, "", "", 0},
		"x: disagrees about version of symbol y":                                                                        {SymbolVersion, "x", "y", 0},
		"x: no symbol version for y":                                                                                    {SymbolPlain, "x", "y", 0},
		"x: Unknown symbol y (err -2)":                                                                                  {SymbolUnknown, "x", "y", -2},
		"x: Unknown symbol y (err 0)":                                                                                   {SymbolUnknown, "x", "y", 0},
		"x: exports duplicate symbol y (owned by kernel)":                                                               {Duplicate, "x", "y", 0},
		"x: module uses symbol (y) from namespace NS, but does not import it.":                                          {Namespace, "x", "y", 0},
		"x: module uses symbol y from namespace NS, but does not import it.":                                            {Namespace, "x", "y", 0},
		"x: version magic '6.1.0-1 SMP ' should be '6.1.0-2 SMP '":                                                      {Vermagic, "x", "", 0},
		"module x: .gnu.linkonce.this_module section size must match the kernel's built struct module size at run time": {Format, "x", "", 0},
		"usb 1-1: new high-speed USB device":                                                                            {},
		"x: version magic 'broken":                                                                                      {},
		"could not insert ":                                                                                             {},
		"failed to validate module [":                                                                                   {},
	} {
		for _, line := range []string{line, "[   12.345678] " + line, "Nov 23 10:57:04 host kernel: " + line} {
			if strings.Contains(line, "kernel: modprobe") || strings.Contains(line, "kernel: insmod") || strings.Contains(line, "kernel: systemd") {
				continue // those do not come from the kernel
			}
			x := explained(t, line)
			if want == (brief{}) {
				if len(x.Events) != 0 || x.Unknown != 1 {
					t.Errorf("%q: %+v", line, x.Events)
				}
				continue
			}
			if len(x.Events) != 1 || x.Lines != 1 || x.Unknown != 0 {
				t.Errorf("%q: %+v", line, x)
				continue
			}
			e := x.Events[0]
			if got := (brief{e.Kind, e.Module, e.Symbol, e.Errno}); got != want || e.Meaning == "" || e.Cures == nil || e.Sources == nil {
				t.Errorf("%q: %+v, want %+v (%+v)", line, got, want, e)
			}
		}
	}
}

// A refusal is one event, whatever comes between, and several stay several.
func TestRefusals(t *testing.T) {
	const log = `[1.0] BPF: [106314] STRUCT rimary_device 
[1.0] BPF: size=40 vlen=3
[1.0] BPF:  
[1.0] BPF: Invalid name
[1.0] BPF: 
[1.0] failed to validate module [overlay] BTF: -22
[1.0] BPF:[7] FWD nfig 
[1.0] BPF:struct
[1.0] BPF: 
[1.0] BPF:Invalid name
[1.0] BPF:
[1.0] BPF:	dev type_id=44 bits_offset=128
[1.0] BPF: 
[1.0] BPF:Invalid member bits_offset
[1.0] BPF:
[1.0] failed to validate module [xfs] BTF: -22
[1.0] BPF: [9] Invalid name_offset:77
[1.0] failed to validate module [ext4] BTF: -22
[1.0] BPF: Invalid magic
[1.0] failed to validate module [raid1] BTF: -22
[1.0] BPF: [5] FUNC_PROTO (anon) 
[1.0] BPF: return=0 args=(
[1.0] BPF: 4 skb
[1.0] BPF: , vararg
[1.0] BPF: )
[1.0] BPF:  
[1.0] BPF: Invalid btf_info kind_flag
[1.0] BPF: 
[1.0] failed to validate module [dummy] BTF: -22
[1.0] BPF: [6] STRUCT x size=8 vlen=1 Member bits_offset exceeds its struct size
[1.0] failed to validate module [tun] BTF: -22
[1.0] BPF: \x09dev type_id=1 bits_offset=0
[1.0] BPF: Invalid name
[1.0] failed to validate module [tap] BTF: -22
`
	want := []struct {
		module string
		typ    *model.LoggedType
	}{
		{"overlay", &model.LoggedType{ID: 106314, Kind: "STRUCT", Name: "rimary_device", Text: "Invalid name"}},
		{"", &model.LoggedType{ID: 7, Kind: "FWD", Name: "nfig", Text: "Invalid name"}},
		{"xfs", &model.LoggedType{Kind: "member", Name: "dev", Text: "Invalid member bits_offset"}},
		{"ext4", &model.LoggedType{ID: 9, Text: "Invalid name_offset:77"}},
		{"raid1", nil},
		{"dummy", &model.LoggedType{ID: 5, Kind: "FUNC_PROTO", Name: "(anon)", Text: "Invalid btf_info kind_flag"}},
		{"tun", &model.LoggedType{ID: 6, Kind: "STRUCT", Name: "x", Text: "Member bits_offset exceeds its struct size"}},
		{"tap", &model.LoggedType{Kind: "member", Name: "dev", Text: "Invalid name"}},
	}
	x := explained(t, log)
	if len(x.Events) != len(want) || x.Unknown != 0 {
		t.Fatalf("%d events, %d unknown: %+v", len(x.Events), x.Unknown, x.Events)
	}
	for i, w := range want {
		if e := x.Events[i]; e.Kind != Refused || e.Module != w.module || !reflect.DeepEqual(e.Type, w.typ) {
			t.Errorf("%d: %s %+v, want %s %+v", i, e.Module, e.Type, w.module, w.typ)
		}
	}
}

// modprobe's complaint belongs to the kernel's reason, before or after it.
func TestConsequences(t *testing.T) {
	const reason, said = "failed to validate module [nf_nat] BTF: -22", "modprobe: ERROR: could not insert 'nf-nat': Invalid argument"
	for _, log := range []string{reason + "\n" + said, said + "\n" + reason} {
		if x := explained(t, log); len(x.Events) != 1 || len(x.Events[0].Log) != 2 || x.Events[0].Kind != Refused {
			t.Errorf("%+v", x.Events)
		}
	}
	if x := explained(t, reason+"\nmodprobe: ERROR: could not insert 'xfs': Invalid argument"); len(x.Events) != 2 {
		t.Errorf("%+v", x.Events)
	}
}

// Repeats are counted, not listed.
func TestRepeats(t *testing.T) {
	x := explained(t, strings.Repeat("BPF: Invalid magic\nfailed to validate module [x] BTF: -22\n", 500))
	if len(x.Events) != 1 || x.Events[0].Count != 500 || x.Lines != 1000 {
		t.Errorf("%+v", x)
	}
}

// Whatever a log holds, what is kept of it is bounded.
func TestBounds(t *testing.T) {
	const maxLine = 4096
	long := strings.Repeat("x", 3*maxLine)
	if x := explained(t, "x: Unknown symbol "+long+"\nBPF: "+long+"\n"+long); len(x.Events) != 2 || x.Lines != 3 || x.Unknown != 1 {
		t.Errorf("%d events of %d lines", len(x.Events), x.Lines)
	} else if n := len(x.Events[0].Log[0]) + len(x.Events[1].Log[0]); n > 2*maxLine {
		t.Errorf("%d bytes kept", n)
	}
	if x := explained(t, strings.Repeat("BPF: size=1\n", 5000)); len(x.Events) != 1 || len(x.Events[0].Log) > maxKept+1 {
		t.Errorf("%d events", len(x.Events))
	}
	var many strings.Builder
	for i := range maxEvents + 7 {
		fmt.Fprintf(&many, "failed to validate module [m%d] BTF: -22\n", i)
	}
	if x := explained(t, many.String()); len(x.Events) != maxEvents || x.Left != 7 {
		t.Errorf("%d events, %d left", len(x.Events), x.Left)
	}
	if x := explained(t, strings.Repeat("BPF: something else\n", 2000)); len(x.Events)+x.Left > 2000 {
		t.Errorf("%d events, %d left", len(x.Events), x.Left)
	}
	if _, err := Read(iotest.ErrReader(errors.New("gone"))); where.KindOf(err) != where.IO {
		t.Errorf("a reader that fails: %v", err)
	}
}

// FuzzRead: no input panics, every line is accounted for, nothing kept is out
// of proportion, and the answer is the same every time.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"[1.0] BPF: [106314] STRUCT rimary_device \nBPF: size=40 vlen=3\nBPF:  \nBPF: Invalid name\nBPF: \nfailed to validate module [overlay] BTF: -22\n",
		"x: version magic 'a' should be 'b'\n<3>[1.0] BPF:\tx type_id=1 bits_offset=2\n",
		"kern  :err   : [T1] kfunc a (id: 1) is already present in vmlinux.\n", "BPF: [\nBPF: []\nBPF: [1]\nBPF: [1] X",
		"insmod: ERROR: could not insert module /a/b.ko: Key was rejected by service\n", "distilled base BTF type '", "missing module BTF, cannot register ",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x := explained(t, string(data))
		if x.Lines > len(data) || x.Unknown > x.Lines {
			t.Fatalf("%d lines, %d unknown of %d bytes", x.Lines, x.Unknown, len(data))
		}
		kept := 0
		for _, e := range x.Events {
			if e.Kind == "" || e.Meaning == "" || e.Line < 1 || e.Line > x.Lines || e.Count < 1 || len(e.Log) == 0 {
				t.Fatalf("%+v", e)
			}
			for _, l := range e.Log {
				kept += len(l)
			}
		}
		if kept > 2*len(data)+8*len(x.Events) {
			t.Fatalf("%d bytes kept of %d", kept, len(data))
		}
		if y := explained(t, string(data)); !reflect.DeepEqual(x, y) {
			t.Fatal("not the same twice")
		}
	})
}
