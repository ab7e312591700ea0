package bpfobj_test

import (
	"bytes"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"

	"kpkg-btf/internal/vmtest/bpfobj"
)

// TestRead: cilium/ebpf reads the object as it was meant.
func TestRead(t *testing.T) {
	u64 := &btf.Int{Name: "unsigned long", Size: 8}
	pair := &btf.Struct{Name: "pair", Size: 16, Members: []btf.Member{{Name: "a", Type: u64}, {Name: "b", Type: u64, Offset: 64}}}
	kfunc := &btf.Func{Name: "kfunc", Type: &btf.FuncProto{Return: u64, Params: []btf.FuncParam{{Name: "n", Type: u64}}}}
	object, err := bpfobj.Write(
		bpfobj.Prog{Section: "tc", Name: "core", Insns: asm.Instructions{bpfobj.Core(asm.R0, bpfobj.FieldOffset, pair, "0:0"), asm.Return()}},
		bpfobj.Prog{Section: "xdp", Name: "call", Insns: asm.Instructions{
			asm.LoadImm(asm.R1, 1<<40, asm.DWord), bpfobj.Call(kfunc), asm.Mov.Imm(asm.R0, 0), asm.Return(),
		}},
	)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	core, call := spec.Programs["core"], spec.Programs["call"]
	if core == nil || call == nil || core.Type != ebpf.SchedCLS || call.Type != ebpf.XDP || call.License != "GPL" {
		t.Fatalf("%+v", spec.Programs)
	}
	relo := btf.CORERelocationMetadata(&core.Instructions[0])
	if relo == nil || relo.String() != "CORERelocation(byte_off, Struct:\"pair\"[0:0], local_id=1)" {
		t.Errorf("relocation %v", relo)
	}
	if !call.Instructions[1].IsKfuncCall() {
		t.Errorf("%v is no call of a kfunc", call.Instructions[1])
	}
}
