package btf_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cilium "github.com/cilium/ebpf/btf"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

// bpftoolDump asks the real bpftool.
func bpftoolDump(t *testing.T, base, blob []byte) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var args []string
	if base != nil {
		args = append(args, "-B", write("base", base))
	}
	args = append(args, "btf", "dump", "file", write("blob", blob), "format", "raw")
	out, err := exec.Command("bpftool", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("bpftool (make deps installs it): %v: %s", err, out)
	}
	return string(out)
}

func module(base *btftest.Builder) *btftest.Builder {
	s := base.Split()
	net := base.ID(btf.Struct, "net")
	foo := s.Struct("nf_foo", 48, btftest.M("net", net, 0), btftest.M("next", s.Next()+1, 40))
	s.Func("nf_foo_init", s.Proto(base.ID(btf.Int, "int"), btftest.P("foo", s.Ptr(foo))))
	v := s.Var("nf_foos", foo)
	s.Datasec(".data..percpu", 48, btftest.Entry{Var: v, Off: 0, Size: 48})
	return s
}

func TestAgainstBpftool(t *testing.T) {
	for _, big := range []bool{false, true} {
		b := every(big)
		if got, want := btftest.Dump(b.Parse()), bpftoolDump(t, nil, b.Bytes()); got != want {
			t.Errorf("every kind: %s", firstDiff(got, want))
		}
	}
	for _, base := range []*btftest.Builder{btftest.Kernel(btftest.Plain), btftest.BigKernel(btftest.Permuted)} {
		if got, want := btftest.Dump(base.Parse()), bpftoolDump(t, nil, base.Bytes()); got != want {
			t.Errorf("base: %s", firstDiff(got, want))
		}
		s := module(base)
		if got, want := btftest.Dump(s.Parse()), bpftoolDump(t, base.Bytes(), s.Bytes()); got != want {
			t.Errorf("split: %s", firstDiff(got, want))
		}
	}
}

func firstDiff(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d: %q, bpftool has %q", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, bpftool has %d", len(g), len(w))
}

func TestAgainstCilium(t *testing.T) {
	for _, base := range []*btftest.Builder{btftest.Kernel(btftest.Plain), btftest.BigKernel(btftest.Grown)} {
		spec, err := cilium.LoadSpecFromReader(bytes.NewReader(base.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, spec, base.Parse())
		s := module(base)
		split, err := cilium.LoadSplitSpecFromReader(bytes.NewReader(s.Bytes()), spec)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, split, s.Parse())
	}
}

// compare looks at every id: name, size, members and what references lead to.
func compare(t *testing.T, spec *cilium.Spec, r *btf.Raw) {
	t.Helper()
	for rec := range r.Types {
		typ, err := spec.TypeByID(cilium.TypeID(rec.ID))
		if err != nil {
			t.Errorf("%s: %v", r.Label(rec.ID), err)
			continue
		}
		tag := rec.Kind == btf.DeclTag || rec.Kind == btf.TypeTag // it keeps their names elsewhere
		if got := r.Name(rec.Name); got != typ.TypeName() && !tag {
			t.Errorf("%s: cilium's name is %q", r.Label(rec.ID), typ.TypeName())
		}
		idOf := func(of cilium.Type) btf.ID {
			if _, void := of.(*cilium.Void); void {
				return 0
			}
			id, err := spec.TypeID(of)
			if err != nil {
				t.Errorf("%s: %v", r.Label(rec.ID), err)
			}
			return btf.ID(id)
		}
		members := func(ms []cilium.Member, size uint32) {
			if int(rec.Vlen) != len(ms) || rec.SizeType != size {
				t.Errorf("%s: %d members, %d bytes; cilium %d, %d", r.Label(rec.ID), rec.Vlen, rec.SizeType, len(ms), size)
				return
			}
			for i, want := range ms {
				m := rec.Member(i)
				if r.Name(m.Name) != want.Name || m.Type != idOf(want.Type) || m.BitOff != uint32(want.Offset) || m.BitSize != uint32(want.BitfieldSize) {
					t.Errorf("%s: member %d %+v, cilium %v", r.Label(rec.ID), i, m, want)
				}
			}
		}
		switch x := typ.(type) {
		case *cilium.Struct:
			members(x.Members, x.Size)
		case *cilium.Union:
			members(x.Members, x.Size)
		case *cilium.Pointer:
			if rec.Ref() != idOf(x.Target) {
				t.Errorf("%s leads to %d", r.Label(rec.ID), rec.Ref())
			}
		case *cilium.FuncProto:
			if rec.Ref() != idOf(x.Return) || int(rec.Vlen) != len(x.Params) {
				t.Errorf("%s returns %d, has %d parameters", r.Label(rec.ID), rec.Ref(), rec.Vlen)
			}
			for i := range x.Params {
				if _, id := rec.Param(i); id != idOf(x.Params[i].Type) {
					t.Errorf("%s: parameter %d is %d", r.Label(rec.ID), i, id)
				}
			}
		case *cilium.Array:
			if elem, _, n := rec.Array(); elem != idOf(x.Type) || n != x.Nelems {
				t.Errorf("%s: %d of %d", r.Label(rec.ID), n, elem)
			}
		}
	}
}
