package pin_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cilium "github.com/cilium/ebpf/btf"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/pin"
)

// TestOtherReaders: what must hold, 3, as other readers see it. cilium/ebpf
// finds each named type once and none that vanished, so there is one candidate
// for CO-RE; bpftool's C has no filler in it and compiles.
func TestOtherReaders(t *testing.T) {
	variants(t, func(t *testing.T, s source) {
		if s.big || s.layout {
			t.Skip("the readers that are installed know neither")
		}
		x := begin(t, s, 4, fix)
		spec, err := cilium.LoadSpecFromReader(bytes.NewReader(x.later.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"s000", "s003", "s090"} {
			var st *cilium.Struct
			if err := spec.TypeByName(name, &st); err != nil || st.Name != name {
				t.Errorf("%s: %v", name, err)
			}
		}
		var f *cilium.Func
		if err := spec.TypeByName("f059", &f); err != nil {
			t.Error(err)
		}
		var gone *cilium.Struct
		if err := spec.TypeByName("s007", &gone); err == nil {
			t.Error("cilium finds s007, which vanished")
		}
		dir := t.TempDir()
		for _, r := range []*btf.Raw{x.first, x.later} {
			blob, header := filepath.Join(dir, "base"), filepath.Join(dir, "base.h")
			if err := os.WriteFile(blob, r.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			c, err := exec.Command("bpftool", "btf", "dump", "file", blob, "format", "c").Output()
			if err != nil {
				t.Fatalf("bpftool (make deps installs it): %v", err)
			}
			// The empty STRUCT of a sorted base is the one thing that has a form in C.
			n := strings.Count(string(c), pin.Reserved)
			if s.sorted && n > 2 || !s.sorted && n > 0 {
				t.Errorf("%d fillers in C", n)
			}
			if err := os.WriteFile(header, c, 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("gcc", "-fsyntax-only", "-x", "c", header).CombinedOutput(); err != nil {
				t.Errorf("gcc: %v\n%s", err, out)
			}
		}
	})
}
