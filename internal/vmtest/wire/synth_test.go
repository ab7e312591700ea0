package wire_test

import (
	"bytes"
	"debug/elf"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/vmtest/wire"
)

func TestSynth(t *testing.T) {
	base := btftest.Base()
	char := base.Int("char", 1, btftest.Char)
	base.Struct("module", 0) // a declaration without members does not count
	list := base.Struct("list_head", 16, btftest.M("next", base.Ptr(char), 0))
	name := base.Array(char, char, 56)
	base.Struct("module", 896, btftest.M("list", list, 8), btftest.M("name", name, 24))
	layout, err := wire.FindModuleLayout(base.Bytes())
	if err != nil || layout != (wire.ModuleLayout{Size: 896, Name: 24}) {
		t.Fatalf("%+v, %v", layout, err)
	}
	ko := wire.Synth(layout, "6.1 SMP ")
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		t.Fatal(err)
	}
	this, err := f.Section(".gnu.linkonce.this_module").Data()
	if err != nil || len(this) != 896 || !strings.HasPrefix(string(this[24:]), wire.SynthName+"\x00") {
		t.Errorf("%d bytes: %q (%v)", len(this), this, err)
	}
	info, err := f.Section(".modinfo").Data()
	if err != nil || !strings.HasSuffix(string(info), "\x00vermagic=6.1 SMP \x00") {
		t.Errorf(".modinfo: %q (%v)", info, err)
	}
}

func TestNoModuleLayout(t *testing.T) {
	b := btftest.Base()
	b.Struct("module", 8, btftest.M("name", b.Int("char", 1, btftest.Char), 0))
	for name, raw := range map[string][]byte{
		"nothing": nil, "not BTF": make([]byte, 24), "too small for the name": b.Bytes(), "cut": b.Bytes()[:30],
	} {
		if l, err := wire.FindModuleLayout(raw); err == nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

func TestVermagic(t *testing.T) {
	line := "vmtest_blank: version magic '?' should be '6.1.0-56-amd64 SMP preempt mod_unload modversions '"
	if got := wire.Vermagic(line); got != "6.1.0-56-amd64 SMP preempt mod_unload modversions " {
		t.Errorf("%q", got)
	}
	if got := wire.Vermagic("BPF: Invalid name"); got != "" {
		t.Errorf("%q", got)
	}
}

func FuzzFindModuleLayout(f *testing.F) {
	b := btftest.Base()
	b.Struct("module", 896, btftest.M("name", b.Int("char", 1, btftest.Char), 24))
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := wire.FindModuleLayout(raw)
		if err == nil && len(wire.Synth(l, "x")) < l.Size {
			t.Errorf("a module smaller than its struct module of %d", l.Size)
		}
	})
}
