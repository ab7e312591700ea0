//go:build small

package smallkernel

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	cilium "github.com/cilium/ebpf/btf"

	"kpkg-btf/internal/btf/pin"
	"kpkg-btf/internal/realtest"
)

// TestNamesOfPinnedBase: libbpf and cilium/ebpf find in the pinned base each named
// type as often as in the base that was pinned, and nothing else but fillers, all
// functions of one name.
func TestNamesOfPinnedBase(t *testing.T) {
	plain := file(t, linked(t, Unpinned).base.Bytes())
	pinned := filepath.Join(t.TempDir(), "pinned.btf")
	if out, complaint, code := realtest.Run(t, "pin", plain, "--on", Committed(t), "-o", pinned); code != 0 {
		t.Fatalf("pin: exit %d\n%s%s", code, out, complaint)
	}
	for _, reader := range []struct {
		name   string
		of     func(t *testing.T, base string) map[string]int
		filler string
	}{
		{"cilium/ebpf", named, "Func " + pin.Reserved},
		{"libbpf", listed, "FUNC " + pin.Reserved},
	} {
		want, got := reader.of(t, plain), reader.of(t, pinned)
		fillers := got[reader.filler]
		delete(got, reader.filler)
		t.Logf("%s: %d fillers, %d names", reader.name, fillers, len(got))
		if fillers == 0 || want[reader.filler] != 0 || !maps.Equal(got, want) {
			t.Errorf("%s: %d names in the plain base; the difference: %q", reader.name, len(want), difference(got, want))
		}
	}
}

// named counts the named types of a base by kind and name, as cilium/ebpf reads them.
func named(t *testing.T, base string) map[string]int {
	t.Helper()
	spec, err := cilium.LoadSpecFromReader(bytes.NewReader(read(t, base)))
	must(t, err)
	out := map[string]int{}
	for typ, err := range spec.All() {
		must(t, err)
		if name := typ.TypeName(); name != "" {
			out[strings.TrimPrefix(fmt.Sprintf("%T ", typ), "*btf.")+name]++
		}
	}
	return out
}

var line = regexp.MustCompile(`(?m)^\[\d+\] (\w+) '([^']+)'`)

// listed counts them as bpftool lists them.
func listed(t *testing.T, base string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, m := range line.FindAllStringSubmatch(string(command(t, "bpftool", "btf", "dump", "file", base)), -1) {
		if name := m[2]; name != "(anon)" {
			out[m[1]+" "+name]++
		}
	}
	return out
}

// difference are some names that two bases have in different number.
func difference(a, b map[string]int) (out []string) {
	for _, m := range []map[string]int{a, b} {
		for name := range m {
			if a[name] != b[name] && len(out) < 20 {
				out = append(out, name)
			}
		}
	}
	return out
}

// TestPinnedBaseAsC: the header that bpftool makes of the pinned base compiles,
// has the types of the fix and no filler; and libbpf relocates CO-RE programs on it.
func TestPinnedBaseAsC(t *testing.T) {
	base := file(t, shipped(t, PinnedB).base.Bytes())
	header := command(t, "bpftool", "btf", "dump", "file", base, "format", "c")
	text := string(header)
	if !strings.Contains(text, "struct kpkg_fix_options {") || strings.Contains(text, "struct shmem_options {") || strings.Contains(text, pin.Reserved) {
		t.Error("want the types of the fix, not those that are gone, and no filler")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "vmlinux.c")
	must(t, os.WriteFile(source, append(header, "int size = sizeof(struct task_struct);\n"...), 0o644))
	command(t, "gcc", "-w", "-c", "-o", filepath.Join(dir, "vmlinux.o"), source)

	object := filepath.Join(dir, "programs.o")
	must(t, os.WriteFile(object, programs(t).Object, 0o644))
	cut := filepath.Join(dir, "cut.btf")
	command(t, "bpftool", "gen", "min_core_btf", base, cut, object)
	text = string(command(t, "bpftool", "btf", "dump", "file", cut, "format", "c"))
	if !strings.Contains(text, "struct kpkg_fix_options") || !strings.Contains(text, "struct nf_conn {") || strings.Contains(text, "struct shmem_options") {
		t.Errorf("libbpf takes these types of the base for the programs:\n%s", text)
	}
}

func file(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "base.btf")
	must(t, os.WriteFile(path, data, 0o644))
	return path
}

func command(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, complaint.String())
	}
	return out
}
