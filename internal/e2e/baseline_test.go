//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/realtest"
)

// TestBaseline takes the newest published 6.1 kernel out of the live archive,
// whose address the machine's own apt sources give.
func TestBaseline(t *testing.T) {
	specs, err := realtest.Newest(t.Context(), "bookworm-security", `linux-headers-6\.1\.0-[0-9]+-amd64`, 1)
	if err != nil || len(specs) != 1 {
		t.Fatal(specs, err)
	}
	headers, _, _ := strings.Cut(strings.TrimPrefix(specs[0], "bookworm-security/"), "=")
	release := strings.TrimPrefix(headers, "linux-headers-")
	out, cache := t.TempDir(), filepath.Join(realtest.Cache(), "fetch")
	args := []string{"baseline", "--from-sources", "--suite", "bookworm-security", "--arch", "amd64", "--package", headers, "--name", release, "-o", out, "--cache", cache, "--allow-older"} // of two mirrors behind one address one may lag
	said, complaint, code := realtest.Run(t, args...)
	file := filepath.Join(out, "amd64_"+release+".json")
	if code != 0 || !strings.HasPrefix(said, file+": "+release+" ") || strings.Count(said, "\n") != 1 {
		t.Fatalf("exit %d: %s%s", code, said, complaint)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	if m.Base == nil || len(m.Modules) < 4000 || m.Exports == nil {
		t.Errorf("the manifest has base %v, %d modules, exports %v", m.Base, len(m.Modules), m.Exports != nil)
	}
	if said, _, code = realtest.Run(t, args...); code != 0 || !strings.HasSuffix(said, "kept\n") {
		t.Errorf("again: exit %d: %s", code, said)
	}
}
