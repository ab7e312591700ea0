//go:build small

package smallkernel

import (
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf/asm"
	cilium "github.com/cilium/ebpf/btf"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/vmtest"
	"kpkg-btf/internal/vmtest/bpfobj"
)

var (
	u32     = &cilium.Int{Name: "unsigned int", Size: 4}
	u64     = &cilium.Int{Name: "unsigned long", Size: 8}
	pointer = func(name string) cilium.Type { return &cilium.Pointer{Target: &cilium.Struct{Name: name}} }
)

// local is a type as a program knows it that has one member of it.
func local(name, member string, typ cilium.Type) *cilium.Struct {
	return &cilium.Struct{Name: name, Size: 8, Members: []cilium.Member{{Name: member, Type: typ}}}
}

// programs are what a packaged tool asks of a kernel: CO-RE questions about the
// types that the fix added, renamed and let grow, and a lookup of a connection.
func programs(t *testing.T) vmtest.Case {
	t.Helper()
	core := func(name string, kind bpfobj.Kind, typ *cilium.Struct, access string) bpfobj.Prog {
		return bpfobj.Prog{Section: "tc", Name: name, Insns: asm.Instructions{bpfobj.Core(asm.R0, kind, typ, access), asm.Return()}}
	}
	object, err := bpfobj.Write(
		core("new", bpfobj.TypeExists, local("kpkg_fix_state", "seen", u64), "0"),
		core("renamed", bpfobj.TypeExists, local("shmem_options", "huge", u32), "0"),
		core("renamed_to", bpfobj.TypeExists, local("kpkg_fix_options", "huge", u32), "0"),
		core("grown", bpfobj.FieldOffset, local("shmem_falloc", "start", u64), "0:0"),
		core("grown_by", bpfobj.FieldExists, local("shmem_falloc", "kpkg_fix_seen", u64), "0:0"),
		connection(),
	)
	must(t, err)
	return vmtest.Case{ID: "programs", Kind: vmtest.Object, Object: object}
}

// connection looks a connection up, reads its status at the offset that CO-RE
// finds, releases it, and returns the error of the lookup.
func connection() bpfobj.Prog {
	lookup := &cilium.Func{Name: "bpf_skb_ct_lookup", Type: &cilium.FuncProto{Return: pointer("nf_conn"), Params: []cilium.FuncParam{
		{Name: "skb", Type: pointer("__sk_buff")}, {Name: "tuple", Type: pointer("bpf_sock_tuple")}, {Name: "size", Type: u32},
		{Name: "opts", Type: pointer("bpf_ct_opts")}, {Name: "len", Type: u32},
	}}}
	release := &cilium.Func{Name: "bpf_ct_release", Type: &cilium.FuncProto{Return: &cilium.Void{}, Params: []cilium.FuncParam{{Name: "ct", Type: pointer("nf_conn")}}}}
	const (
		tuple, tupleSize = -16, 12
		opts, optsSize   = -28, 12
		tcp              = 6
	)
	return bpfobj.Prog{Section: "tc", Name: "connection", Insns: asm.Instructions{
		asm.Mov.Imm(asm.R0, 0),
		asm.StoreMem(asm.RFP, tuple, asm.R0, asm.DWord),
		asm.StoreMem(asm.RFP, tuple+8, asm.R0, asm.DWord),
		asm.StoreImm(asm.RFP, opts, -1, asm.Word), // this network namespace
		asm.StoreImm(asm.RFP, opts+4, 0, asm.Word),
		asm.StoreImm(asm.RFP, opts+8, tcp, asm.Word),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, tuple), asm.Mov.Imm(asm.R3, tupleSize),
		asm.Mov.Reg(asm.R4, asm.RFP), asm.Add.Imm(asm.R4, opts), asm.Mov.Imm(asm.R5, optsSize),
		bpfobj.Call(lookup),
		asm.JEq.Imm(asm.R0, 0, "none"),
		asm.Mov.Reg(asm.R1, asm.R0),
		bpfobj.Core(asm.R2, bpfobj.FieldOffset, local("nf_conn", "status", u64), "0:0"),
		asm.Add.Reg(asm.R0, asm.R2),
		asm.LoadMem(asm.R3, asm.R0, 0, asm.DWord),
		bpfobj.Call(release),
		asm.LoadMem(asm.R0, asm.RFP, opts+4, asm.Word).WithSymbol("none"),
		asm.Return(),
	}}
}

// answered holds the programs' answers against the base of the release that is
// booted. tracked says that nf_conntrack is loaded: else its kfunc is missing.
func answered(t *testing.T, r *release, v *vmtest.Verdict, tracked bool) {
	t.Helper()
	got, err := v.Programs()
	must(t, err)
	has := func(name string) uint32 {
		if _, ok := r.base.Find(btf.Struct, name); ok {
			return 1
		}
		return 0
	}
	fixed := has("kpkg_fix_state")
	noEntry := int32(-int(syscall.ENOENT))
	for name, want := range map[string]uint32{
		"new": fixed, "renamed": 1 - fixed, "renamed_to": fixed, "grown": 8 + 8*fixed, "grown_by": fixed,
		"connection": uint32(noEntry),
	} {
		if name == "connection" && !tracked {
			if a := got[name]; !strings.Contains(a.Error, `kfunc "bpf_skb_ct_lookup"`) {
				t.Errorf("%s of %s, without nf_conntrack: %+v", name, r.dir, a)
			}
			continue
		}
		if a, ok := got[name]; !ok || a.Error != "" || a.Value != want {
			t.Errorf("%s of %s: %d, want %d: %+v", name, r.dir, a.Value, want, a)
		}
	}
}
