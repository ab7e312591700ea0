package explain

import (
	"path/filepath"
	"strings"
	"testing"
)

// Every line of a build that anybody reported is known by itself, and says
// what becomes of the package, what the gate does and, where something can be
// done, what.
func TestBuildLog(t *testing.T) {
	lines := readLines(t, "testdata/build.log")
	x := explained(t, strings.Join(lines, "\n"))
	if len(x.Events) != len(lines) || x.Unknown != 0 || len(lines) != 22 {
		t.Fatalf("%d events of %d lines, %d unknown", len(x.Events), len(lines), x.Unknown)
	}
	for i, e := range x.Events {
		if e.Line != i+1 || !strings.HasPrefix(e.Kind, "build.") || e.Gate == "" || e.Meaning == "" || len(e.Cures) == 0 {
			t.Errorf("line %d: %+v", i+1, e)
		}
	}
}

// Each entry of the table knows its own words, and no entry before it takes
// them, wherever in a line they stand.
func TestBuildTable(t *testing.T) {
	kinds := map[string]bool{}
	for i := range buildMessages {
		b := &buildMessages[i]
		line := strings.Join(b.words, "x")
		if e := building(line); e == nil || e.build != b {
			t.Errorf("%q is taken by another entry", line)
		}
		for _, before := range []string{"", "2026-08-04T09:11:22.1Z ", "#12 3.4 ", "make[2]: "} {
			x := explained(t, before+line)
			if len(x.Events) != 1 || x.Events[0].Kind != b.kind {
				t.Errorf("%q: %+v", before+line, x.Events)
			}
		}
		if b.kind == "" || b.meaning == "" || b.gate == "" {
			t.Errorf("%q: %+v", line, b.what)
		}
		kinds[b.kind] = true
	}
	if len(kinds) < 15 {
		t.Errorf("%d kinds", len(kinds))
	}
}

// What other messages of a build say, with the file or symbol they name.
func TestBuildNames(t *testing.T) {
	for line, want := range map[string][3]string{
		"Skipping BTF generation for drivers/a-b.ko due to unavailability of vmlinux":               {"build.no-base", "a_b", ""},
		"/usr/src/linux/scripts/gen-btf.sh: line 80: resolve_btfids: not found":                     {"build.no-resolve_btfids", "", ""},
		"FAILED: load BTF from vmlinux: Invalid argument":                                           {"build.ids-load", "", "vmlinux"},
		"PAHOLE: Error: Found symbol of invalid name when encoding btf (sym: '.L.str').":            {"build.name", "", ".L.str"},
		"error: found variable 'jiffies' in CU 'kernel/time.c' that has void type":                  {"build.emit", "", "jiffies"},
		"Failed to generate BTF for vmlinux":                                                        {"build.encode", "", "vmlinux"},
		"pahole: .tmp_vmlinux1 has no dwarf type information.":                                      {"build.no-dwarf", "_tmp_vmlinux1", ""},
		"libbpf: Unsupported BTF_KIND:19":                                                           {"build.unknown-kind", "", "19"},
		"scripts/link-vmlinux.sh: line 111: 71 Killed LLVM_OBJCOPY=objcopy pahole -J .tmp_vmlinux1": {"build.killed", "", ""},
		"FAILED elf_update(WRITE): invalid section alignment":                                       {"build.ids-damaged", "", ""},
		"die__process_class: tag not supported 0x2f (template_type_parameter)!":                     {"build.dwarf", "", ""},
		"  CC [M]  kernel/bpf/btf.o":                                                                {},
		"  BTFIDS  vmlinux":                                                                         {},
	} {
		x := explained(t, line)
		got := [3]string{}
		if len(x.Events) > 0 {
			got = [3]string{x.Events[0].Kind, x.Events[0].Module, x.Events[0].Symbol}
		}
		if want[1] == "_tmp_vmlinux1" {
			want[1] = got[1] // whatever the file is called as a module
		}
		if got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}

// The texts that a fragment is known by behind an unknown prefix are all that a
// kernel is known to print of a module's BTF: those of the vectors of its rules.
func TestRefusalTexts(t *testing.T) {
	files, err := filepath.Glob("../../testdata/vectors/btf/*.vec")
	if err != nil || len(files) < 100 {
		t.Fatal(len(files), err)
	}
	seen := 0
	for _, name := range files {
		for _, line := range readLines(t, name) {
			side, answer, ok := strings.Cut(line, ": E")
			if !ok || !strings.HasPrefix(side, "module ") && !strings.HasPrefix(side, "split ") && !strings.HasPrefix(side, "own ") {
				continue
			}
			words := strings.SplitN(answer, " ", 3) // errno, rule, text
			if len(words) < 3 || strings.HasPrefix(words[2], "(") || words[2] == "" {
				continue // without a word
			}
			seen++
			text := words[2]
			if find("%% "+prefix+" "+text) != 3 && find("%% "+text) < 0 {
				t.Errorf("%s: %q is not known", filepath.Base(name), text)
			}
		}
	}
	if seen < 50 {
		t.Errorf("%d texts", seen)
	}
	if refusalText("usb device") != "" || isFragment(" program 7 was loaded") {
		t.Error("too much is known")
	}
}
