//go:build bench

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"kpkg-btf/internal/realtest"
)

// TestPin: pinning a base of 100 000 types on the one before takes about a
// second of CPU and 128 MiB.
func TestPin(t *testing.T) {
	dir := t.TempDir()
	file := func(name, spec string, args ...string) string {
		image := filepath.Join(dir, name+".image")
		if err := os.WriteFile(image, realtest.Member(t, realtest.Deb(t, spec), "boot/vmlinuz-*"), 0o644); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, name+".btf")
		tool(t, name, append([]string{"pin", image, "-o", out}, args...)...).run(t)
		return out
	}
	old := file("old", realtest.PairAOld, "--slack", "4096")
	new := file("new", realtest.PairANew, "--on", old)
	pin := tool(t, "pin, 104896 types", "pin", new, "--on", old)
	for range runs {
		pin.run(t)
	}
	const seconds, memory = 1.0, 128 << 20
	fmt.Printf("%s (promised: about %.0f s, %d MiB)\n", pin, seconds, memory>>20)
	if pin.rss > memory {
		t.Errorf("peak %d MiB, promised: %d", pin.rss>>20, memory>>20)
	}
	if os.Getenv("BENCH_ENFORCE") != "" && median(pin.cpu).Seconds() > seconds*slack {
		t.Errorf("%.2f s of CPU, promised: about %.0f", median(pin.cpu).Seconds(), seconds)
	}
}
