package vmtest

import (
	"bytes"
	"encoding/json"
	"testing"

	"kpkg-btf/internal/vmtest/wire"
)

// fakeModule is a module that a Picker could take, unless info says otherwise.
func fakeModule(name, info string, text int, symbols ...string) []byte {
	return wire.Assemble([]wire.Sect{
		{Name: ".text", Type: wire.Progbits, Flags: wire.Alloc, Data: make([]byte, text), Align: 16},
		{Name: ".modinfo", Type: wire.Progbits, Flags: wire.Alloc, Align: 1, Data: []byte("name=" + name + "\x00vermagic=6.1 SMP\x00intree=Y\x00" + info + "\x00")},
	}, symbols...)
}

func TestPack(t *testing.T) {
	ko := fakeModule("tmpl", "depends=", 1)
	other := fakeModule("other", "depends=", 1)
	job := Job{Template: ko, Cases: []Case{
		{ID: "split", BTF: []byte("split"), WantDigest: true},
		{ID: "none"},
		{ID: "empty", BTF: []byte{}},
		{ID: "ignored base", BTF: []byte("split"), Base: []byte("base")},
		{ID: "distilled", Kind: DistilledBTF, BTF: []byte("s"), Base: []byte("base"), WantBytes: true},
		{ID: "whole", Kind: WholeModule, Module: other, Keep: true, Params: "a=1"},
	}}
	p, err := job.pack()
	if err != nil {
		t.Fatal(err)
	}
	var blobs bytes.Buffer
	if err := p.writeBlobs(&blobs); err != nil {
		t.Fatal(err)
	}
	var man wire.Manifest
	if err := json.Unmarshal(p.manifest, &man); err != nil {
		t.Fatal(err)
	}
	if man.Size != int64(blobs.Len()) {
		t.Errorf("size %d, written %d", man.Size, blobs.Len())
	}
	text := func(s wire.Span) string {
		if s.Len < 0 {
			return "(none)"
		}
		return string(blobs.Bytes()[s.Off : s.Off+s.Len])
	}
	for i, want := range []struct{ module, btf, base, name string }{
		{"(none)", "split", "(none)", "tmpl"},
		{"(none)", "(none)", "(none)", "tmpl"},
		{"(none)", "", "(none)", "tmpl"},
		{"(none)", "split", "(none)", "tmpl"},
		{"(none)", "s", "base", "tmpl"},
		{string(other), "(none)", "(none)", "other"},
	} {
		c := man.Cases[i]
		if text(c.Module) != want.module || text(c.BTF) != want.btf || text(c.Base) != want.base || c.Name != want.name {
			t.Errorf("%s: %+v", job.Cases[i].ID, c)
		}
	}
	if c := man.Cases[5]; !c.Keep || c.Params != "a=1" || !man.Cases[0].Digest || !man.Cases[4].Bytes {
		t.Errorf("flags lost: %+v", man.Cases)
	}
}

func TestPackRefuses(t *testing.T) {
	for name, job := range map[string]Job{
		"a template that is no module": {Template: []byte("x")},
		"a nameless template":          {Template: wire.Assemble(nil)},
		"no module":                    {Cases: []Case{{Kind: WholeModule}}},
		"no program":                   {Cases: []Case{{Kind: Program}}},
	} {
		if _, err := job.pack(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPicker(t *testing.T) {
	var p Picker
	if _, _, err := p.Template(); err == nil {
		t.Error("a template out of nothing")
	}
	p.Add("large", fakeModule("large", "depends=", 900))
	p.Add("good", fakeModule("good", "depends=", 300))
	p.Add("same size, later", fakeModule("good", "depends=", 300))
	p.Add("depends", fakeModule("d", "depends=good", 1))
	p.Add("init", fakeModule("i", "depends=", 1, "init_module"))
	p.Add("no module", []byte("x"))
	path, ko, err := p.Template()
	if err != nil || path != "good" {
		t.Fatalf("picked %q (%v)", path, err)
	}
	if name, err := ModuleName(ko); err != nil || name != "good" {
		t.Errorf("%q, %v", name, err)
	}
}

func TestReplaceBTF(t *testing.T) {
	ko, err := ReplaceBTF(fakeModule("m", "", 1), []byte("split"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := wire.Section(ko, ".BTF"); err != nil || string(got) != "split" {
		t.Errorf("%q, %v", got, err)
	}
}
