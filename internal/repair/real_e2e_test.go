//go:build e2e

package repair

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
)

// realTree is the image of a real 6.12 and some of its modules, xz as Debian
// ships them; those with kfuncs are among them.
func realTree(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	modules := 0
	realtest.Walk(t, realtest.Deb(t, realtest.PairBNew), func(name string, content io.Reader) error {
		wanted := strings.HasPrefix(name, "boot/vmlinuz-") || strings.HasPrefix(name, "boot/config-")
		for _, dir := range []string{"/kernel/net/netfilter/nf_flow", "/kernel/net/ipv4/tcp_"} {
			if strings.Contains(name, dir) {
				wanted = true
				modules++
			}
		}
		if !wanted {
			return nil
		}
		b, err := io.ReadAll(content)
		files[name] = b
		return err
	})
	if modules < 15 || modules > 40 || len(files) != modules+2 {
		t.Fatalf("%d modules of %d files", modules, len(files))
	}
	return files
}

// TestRealTree distills real modules in place and then, from the start, strips
// them: 50 seeded faults, every other one the end of the process, leave each
// file old or new, and a last run finishes.
func TestRealTree(t *testing.T) {
	files := realTree(t)
	modules := len(files) - 2
	t.Logf("%d modules", modules)
	dir := tree(t, files)
	o := stripping(t, dir)
	o.Action = Distill
	rep, err := Run(t.Context(), o)
	if err != nil || rep.Outputs[0].Changed != modules || rep.Checks[0].Result != "ok" {
		t.Fatalf("distill: %+v, %v", rep, err)
	}
	restore(t, dir, files)
	o.Action, o.Jobs = Strip, 1
	j := rehearsed(t, o)
	count := newFaulty(0, nil)
	if err := j.publishWith(t, count); err != nil {
		t.Fatal(err)
	}
	if count.n < 5*modules {
		t.Fatalf("only %d operations", count.n)
	}
	done := contents(t, dir)
	r := rand.New(rand.NewPCG(5, 2026))
	failed := 0
	for i := range 50 {
		restore(t, dir, files)
		f := newFaulty(1+r.IntN(count.n), errnos[i%len(errnos)])
		f.dead = i%2 == 0
		err := j.publishWith(t, f)
		if err != nil {
			failed++
		}
		oldOrNew(t, fmt.Sprintf("%s at %d: %v", f.op, f.at, err), dir, files, done, f.dead || f.op == "remove")
	}
	if failed < 40 {
		t.Errorf("only %d of 50 faults were noticed", failed)
	}
	if _, err := Run(t.Context(), o); err != nil {
		t.Error(err)
	}
	oldOrNew(t, "after the last fault, run again", dir, done, done, false)
}
