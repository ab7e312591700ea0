package modfile_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/kmodtest"
	"kpkg-btf/internal/repair/modfile"
)

// objcopy runs the installed one; binutils-multiarch knows all machines.
func objcopy(t *testing.T, data []byte, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command("objcopy", append(slices.Clone(args), in, out)...).CombinedOutput(); err != nil || len(msg) > 0 {
		t.Fatalf("objcopy %v: %v: %s", args, err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// file writes content that objcopy reads.
func file(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "content")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var testBase = stamp.Base{Digest: [32]byte{0xab, 1}, Types: 113903, Strings: 2060547}

// kernel is a base and a split on it, with the ids that modules name.
type kernel struct {
	base, split             []byte
	raw                     *btf.Raw
	conn, init, own         btf.ID // structs: of the base, of the base and not reached, of the module
	one, two, dtor, traceFn btf.ID // functions of the module
	record                  btf.ID // struct of the module
}

func newKernel(big bool) *kernel {
	b := btftest.Base()
	if big {
		b = btftest.BigBase()
	}
	k := new(kernel)
	b.Int("unreached", 2, 0)
	i := b.Int("int", 4, 1)
	k.init = b.Struct("nf_conn___init", 4, btftest.M("a", i, 0))
	k.conn = b.Struct("nf_conn", 8, btftest.M("a", i, 0), btftest.M("b", i, 4))
	s := b.Split()
	ptr := s.Ptr(k.conn)
	k.own = s.Struct("own", 8, btftest.M("p", ptr, 0))
	proto := s.Proto(i, btftest.P("p", ptr))
	k.one, k.two = s.Func("bpf_one", proto), s.Func("bpf_two", proto)
	k.dtor, k.traceFn = s.Func("own_dtor", proto), s.Func("__bpf_trace_x", proto)
	k.record = s.Struct("trace_event_raw_x", 4, btftest.M("a", i, 0))
	k.base, k.split, k.raw = b.Bytes(), s.Bytes(), b.Parse()
	return k
}

// module has one of everything that names ids, and the symbols that assemblers
// for ARM, AArch64 and RISC-V add where data begins: no list is called so.
func (k *kernel) module() kmodtest.Module {
	w := func(kind, name string, id btf.ID) kmodtest.ID {
		return kmodtest.ID{Kind: kind, Name: name, ID: uint32(id)}
	}
	f := func(name string, id btf.ID, flags uint32) kmodtest.ID {
		return kmodtest.ID{Kind: "func", Name: name, ID: uint32(id), Flags: flags}
	}
	return kmodtest.Module{Name: "nf_test", BTF: k.split, Imports: []string{"_printk", "register_btf_id_dtor_kfuncs"}, IDs: []kmodtest.IDList{
		{Label: "btf_nf_conn_ids", Marks: []string{"$d", ".LANCHOR0"}, Words: []kmodtest.ID{w("struct", "nf_conn", k.conn), w("struct", "nf_conn___init", k.init)}},
		{Set: "kfuncs", Set8: true, Flags: 1, Words: []kmodtest.ID{f("bpf_one", k.one, 4), f("bpf_two", k.two, 8)}},
		{Label: "dtor_ids", Words: []kmodtest.ID{w("struct", "own", k.own), w("func", "own_dtor", k.dtor)}},
		{Label: "__bpf_trace_btf_ids_x", Marks: []string{"$d.12"}, Words: []kmodtest.ID{w("func", "__bpf_trace_x", k.traceFn), w("struct", "trace_event_raw_x", k.record)}},
		{Label: "other", Words: []kmodtest.ID{w("struct", "own", k.own), w("struct", "unresolved", 0)}},
		{Set: "plain", Words: []kmodtest.ID{w("struct", "nf_conn", k.conn), w("func", "bpf_one", k.one)}},
	}}
}

// machines are the classes and byte orders.
var machines = map[string]kmodtest.Module{
	"x86_64": {},
	"s390x":  {Machine: 22, BigEndian: true},
	"arm":    {Machine: 40, Is32: true},
	"ppc":    {Machine: 20, Is32: true, BigEndian: true},
}

// each runs a test with a module of each machine, as objcopy writes it.
func each(t *testing.T, test func(t *testing.T, k *kernel, in []byte)) {
	for name, m := range machines {
		t.Run(name, func(t *testing.T) {
			k := newKernel(m.BigEndian)
			mod := k.module()
			mod.Machine, mod.Is32, mod.BigEndian = m.Machine, m.Is32, m.BigEndian
			test(t, k, objcopy(t, mod.Bytes()))
		})
	}
}

func parse(t *testing.T, data []byte) *kmod.Facts {
	t.Helper()
	f, err := kmod.Parse(data, kmod.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func idOf(f *kmod.Facts, name string, nth int) uint32 {
	for _, w := range f.IDs.Words {
		if w.Name == name {
			if nth == 0 {
				return w.ID
			}
			nth--
		}
	}
	return 1 << 31
}

func TestStripAsObjcopy(t *testing.T) {
	each(t, func(t *testing.T, _ *kernel, in []byte) {
		want := objcopy(t, in, "-R", ".BTF", "-R", ".BTF.base")
		r, err := modfile.Strip(in, modfile.StripOptions{KeepIDs: true, NoMark: true})
		if err != nil || !r.Changed || !bytes.Equal(r.Data, want) {
			t.Fatalf("%v: %d bytes, objcopy writes %d", err, len(r.Data), len(want))
		}
		if len(r.Sections) != 1 || r.Sections[0].Name != ".BTF" || r.Sections[0].After != nil || r.Words != nil || r.Lost != nil {
			t.Errorf("%+v", r)
		}
	})
}

// TestStrip: the whole of it: list words zeroed and named, sets and their
// headers kept, the mark written.
func TestStrip(t *testing.T) {
	each(t, func(t *testing.T, _ *kernel, in []byte) {
		r, err := modfile.Strip(in, modfile.StripOptions{Base: &testBase})
		if err != nil {
			t.Fatal(err)
		}
		before, after := parse(t, in), parse(t, r.Data)
		mark := stamp.Stamp{Base: &testBase, Left: stamp.Stripped}
		if !after.BTF.Missing() || !bytes.Equal(after.Stamp, mark.Bytes()) {
			t.Errorf("BTF %v, stamp %q", after.BTF.Bytes(), after.Stamp)
		}
		zero := 0
		for i, w := range after.IDs.Words {
			switch {
			case w.Set < 0 && w.ID != 0:
				t.Errorf("%s %s is still %d", w.Kind, w.Name, w.ID)
			case w.Set < 0 && before.IDs.Words[i].ID != 0:
				zero++
			case w.Set >= 0 && w != before.IDs.Words[i]:
				t.Errorf("set word %v was %v", w, before.IDs.Words[i])
			}
		}
		if s := after.IDs.Sets[0]; s.Count != 2 || s.Flags != 1 || s.PairFlags[1] != 8 {
			t.Errorf("set %+v", s)
		}
		if zero != 7 || len(r.Words) != 7 || r.Words[1] != (modfile.Word{List: "btf_nf_conn_ids", Kind: "struct", Name: "nf_conn___init", Off: 4, ID: r.Words[1].ID}) {
			t.Errorf("%d words zeroed, named %+v", zero, r.Words)
		}
		if len(r.Lost) != 4 || !strings.Contains(r.Lost[0], "write to struct nf_conn") || !strings.Contains(r.Lost[3], "1 classes of trace events") {
			t.Errorf("lost %q", r.Lost)
		}
		var names []string
		for _, c := range r.Sections {
			names = append(names, c.Name)
		}
		if !slices.Equal(names, []string{".BTF_ids", ".BTF", ".BTF.base_checksum"}) {
			t.Errorf("changed: %v", names)
		}
		want := objcopy(t, objcopy(t, in, "-R", ".BTF", "-R", ".BTF.base"), "--update-section", ".BTF_ids="+file(t, after.IDs.Data),
			"--add-section", stamp.Section+"="+file(t, mark.Bytes()))
		if !bytes.Equal(r.Data, want) {
			t.Errorf("%d bytes, objcopy writes %d", len(r.Data), len(want))
		}
		again, err := modfile.Strip(r.Data, modfile.StripOptions{})
		if err != nil || again.Changed || &again.Data[0] != &r.Data[0] || again.Before != again.After {
			t.Errorf("stripped twice: %v, %v", again.Changed, err)
		}
	})
}

func TestNeutralize(t *testing.T) {
	each(t, func(t *testing.T, k *kernel, in []byte) {
		r, err := modfile.Strip(in, modfile.StripOptions{Neutralize: true})
		if err != nil {
			t.Fatal(err)
		}
		f := parse(t, r.Data)
		if f.BTF.Missing() || f.BTF.Len() != 0 || len(r.Data) != len(in) || f.Stamp != nil || bytes.Contains(r.Data, k.split) {
			t.Errorf("BTF %v, %d of %d bytes", f.BTF.Bytes(), len(r.Data), len(in))
		}
		if len(r.Words) != 7 || idOf(f, "nf_conn", 0) != 0 {
			t.Errorf("words %v", r.Words)
		}
		if s := r.Sections[1]; s.Name != ".BTF" || s.Before.Size != int64(len(k.split)) || s.After.Size != 0 {
			t.Errorf("%+v", s)
		}
		again, err := modfile.Strip(r.Data, modfile.StripOptions{Neutralize: true})
		if err != nil || again.Changed {
			t.Errorf("twice: %v %v", again.Changed, err)
		}
	})
}

func TestDistill(t *testing.T) {
	each(t, func(t *testing.T, k *kernel, in []byte) {
		split, err := btf.ParseSplit(k.split, k.raw)
		if err != nil {
			t.Fatal(err)
		}
		want, err := new(distill.Distiller).Distill(split)
		if err != nil {
			t.Fatal(err)
		}
		var d modfile.Distiller
		r, err := d.Distill(in, modfile.DistillOptions{Base: k.raw, Stamp: &testBase})
		if err != nil {
			t.Fatal(err)
		}
		f := parse(t, r.Data)
		if !bytes.Equal(f.BTF.Bytes(), want.Split) || !bytes.Equal(f.BTFBase.Bytes(), want.Base) {
			t.Error("not what distill gives")
		}
		k.checkIDs(t, f, want)
		if len(r.Words) != 3 || r.Words[2].List != "other" || len(r.Lost) != 2 || r.IDs != 8 {
			t.Errorf("words %+v, lost %q, %d ids", r.Words, r.Lost, r.IDs)
		}
		mark := stamp.Of(testBase, stamp.Asserted, want.Split, want.Base)
		same := objcopy(t, in, "--update-section", ".BTF="+file(t, want.Split), "--update-section", ".BTF_ids="+file(t, f.IDs.Data),
			"--add-section", ".BTF.base="+file(t, want.Base))
		same = objcopy(t, same, "--add-section", stamp.Section+"="+file(t, mark.Bytes())) // of two it adds the last first
		if !bytes.Equal(r.Data, same) {
			t.Errorf("%d bytes, objcopy writes %d", len(r.Data), len(same))
		}
		if again, err := d.Distill(r.Data, modfile.DistillOptions{Base: k.raw}); err != nil || again.Changed {
			t.Errorf("twice: %v, %v", again.Changed, err)
		}
		_, err = d.Distill(in, modfile.DistillOptions{Base: k.raw, ForbidZeroing: true})
		if err == nil || !strings.Contains(err.Error(), ".BTF_ids+0x0: distilling would lose the ids of struct nf_conn") {
			t.Errorf("forbidden: %v", err)
		}
	})
}

// checkIDs: sets, destructors and trace events have the new ids, other lists 0.
func (k *kernel) checkIDs(t *testing.T, f *kmod.Facts, m *distill.Result) {
	t.Helper()
	to := func(id btf.ID) uint32 {
		n, ok := m.ID(id)
		if !ok {
			t.Fatalf("[%d] is not mapped", id)
		}
		return uint32(n)
	}
	if s := f.IDs.Sets[0]; !slices.Equal(s.IDs, []uint32{to(k.one), to(k.two)}) || !slices.Equal(s.PairFlags, []uint32{4, 8}) || s.Flags != 1 || s.Count != 2 {
		t.Errorf("set8 %+v", s)
	}
	if s := f.IDs.Sets[1]; !slices.Equal(s.IDs, []uint32{to(k.conn), to(k.one)}) {
		t.Errorf("set %+v", s)
	}
	for _, c := range []struct {
		name string
		nth  int
		want uint32
	}{
		{"nf_conn", 0, 0}, {"nf_conn___init", 0, 0}, {"own", 0, to(k.own)}, {"own_dtor", 0, to(k.dtor)},
		{"__bpf_trace_x", 0, to(k.traceFn)}, {"trace_event_raw_x", 0, to(k.record)}, {"own", 1, 0},
	} {
		if got := idOf(f, c.name, c.nth); got != c.want {
			t.Errorf("%s (%d) is %d, want %d", c.name, c.nth, got, c.want)
		}
	}
}

func TestStamp(t *testing.T) {
	each(t, func(t *testing.T, _ *kernel, in []byte) {
		r, err := modfile.Stamp(in, testBase, stamp.Asserted)
		if err != nil {
			t.Fatal(err)
		}
		s, err := stamp.Parse(parse(t, r.Data).Stamp)
		if f := parse(t, in); err != nil || *s.Base != testBase || s.Left != stamp.Split || s.By != stamp.Asserted || !f.Fits(&s) {
			t.Errorf("%+v, %v", s, err)
		}
		if again, err := modfile.Stamp(r.Data, testBase, stamp.Asserted); err != nil || again.Changed {
			t.Errorf("stamped twice: %v, %v", again.Changed, err)
		}
		other := testBase
		other.Types++
		r, err = modfile.Stamp(r.Data, other, stamp.Asserted)
		if s, err2 := stamp.Parse(parse(t, r.Data).Stamp); err != nil || err2 != nil || *s.Base != other {
			t.Errorf("another stamp: %v, %v, %+v", err, err2, s)
		}
	})
}

// The encoder's stamp outranks anybody's word, is kept by distilling on its
// base, and by nothing else.
func TestEncoderStamp(t *testing.T) {
	each(t, func(t *testing.T, k *kernel, in []byte) {
		r, err := modfile.Stamp(in, testBase, stamp.Encoder)
		if err != nil || !modfile.ProvenOn(parse(t, r.Data), testBase) {
			t.Fatalf("not proven: %v", err)
		}
		if again, err := modfile.Stamp(r.Data, testBase, stamp.Asserted); err != nil || again.Changed {
			t.Errorf("asserted in place of proven: %v, %v", again.Changed, err)
		}
		other := testBase
		other.Digest[0]++
		var d modfile.Distiller
		for _, c := range []struct {
			on   stamp.Base
			want stamp.By
		}{{testBase, stamp.Encoder}, {other, stamp.Asserted}} {
			dr, err := d.Distill(r.Data, modfile.DistillOptions{Base: k.raw, Stamp: &c.on})
			if err != nil {
				t.Fatal(err)
			}
			f := parse(t, dr.Data)
			if s, err := stamp.Parse(f.Stamp); err != nil || s.By != c.want || !f.Fits(&s) {
				t.Errorf("distilled: %+v, %v, want by=%s", s, err, c.want)
			}
		}
		f := *parse(t, r.Data)
		if f.BTF = kmod.BlobOf(append(bytes.Clone(f.BTF.Bytes()), 0)); modfile.ProvenOn(&f, testBase) {
			t.Error("proven over another BTF")
		}
	})
}
