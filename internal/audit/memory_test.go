//go:build !race

package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"kpkg-btf/internal/audit/ask"
	"kpkg-btf/internal/audit/plan"
	"kpkg-btf/internal/audit/result"
	"kpkg-btf/internal/audit/store"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
)

// synthetic is a store that has the result of every unit that it is asked for, but
// for some, and of them why there is none.
type synthetic struct {
	store.Folder
	by result.By
}

func (s *synthetic) Get(_ context.Context, name string) ([]byte, error) {
	key := strings.TrimSuffix(filepath.Base(name), ".json")
	switch {
	case key[:2] == "00" && strings.HasPrefix(name, "results"), strings.HasPrefix(name, "failed") && key[2] < '8':
		return nil, store.ErrMissing
	case strings.HasPrefix(name, "failed"):
		return result.Marshal(result.Failure{Unit: key, Reason: "the package left the archive"})
	}
	r := result.Result{Schema: result.Schema, Key: key, By: s.by, Kind: plan.Kernel, Decision: "keep", Word: "keep", Modules: 4000, WithBTF: 4000, BTFBytes: 60e6,
		Base: model.BaseRef{SHA256: key, Types: 100000, StringBytes: 2e6}, Verdicts: []model.Count{{Word: "attached", Count: 4000}}, Meanings: []model.Count{{Word: "same", Count: 4000}}}
	for i := range int(key[5]) % 8 {
		r.Findings = append(r.Findings, result.Finding{Rule: fmt.Sprint("rule.", i), Severity: "error", Action: "bump", Count: 4000, Message: strings.Repeat("words ", 60)})
	}
	return result.Marshal(&r)
}

// all is how many units: 100 000 with the tag long, which takes half a minute.
var all = 10000

// synthesize writes a plan of kernels, all their pairs within ten series, and
// external modules on kernels.
func synthesize(t *testing.T, file string) {
	t.Helper()
	side := func(name, version string) plan.Side {
		return plan.Side{Name: name, Arch: "amd64", Version: version, Packages: []plan.Package{{Name: "linux-image-" + name, Digest: fmt.Sprintf("sha256:%064x", len(name)*1000003+int(fnv(name+version))), Size: 1, At: "http://archive/" + name}}}
	}
	units := make([]*plan.Unit, 0, all)
	var kernels []plan.Side
	for series := range 10 {
		for n := range all / 1000 {
			k := side(fmt.Sprintf("6.%d.0-%d-amd64", series, n), fmt.Sprintf("6.%d.%d-1", series, n))
			units = append(units, &plan.Unit{Kind: plan.Kernel, New: k})
			for i := range n {
				units = append(units, &plan.Unit{Kind: plan.Window, AsIf: true, New: k, Old: &kernels[len(kernels)-1-i]})
			}
			kernels = append(kernels, k)
		}
	}
	for m := 0; len(units) < all; m++ {
		kmod := side(fmt.Sprintf("kmod-%d", m/20), fmt.Sprintf("%d-1", m))
		for i := 0; i < len(kernels) && len(units) < all; i++ {
			units = append(units, &plan.Unit{Kind: plan.Outside, New: kmod, On: &kernels[i]})
		}
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Write(f, []string{"synthetic"}, units); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func fnv(s string) uint32 {
	x := uint32(2166136261)
	for _, c := range []byte(s) {
		x = (x ^ uint32(c)) * 16777619
	}
	return x
}

// TestMemory: the merge of 100 000 units, pages included, takes less than 256 MiB; a
// tenth of them too.
// A process of its own does it, which knows how much it had at most.
func TestMemory(t *testing.T) {
	if dir := os.Getenv("KPKG_BTF_TEST_MERGE"); dir != "" {
		mergeSynthetic(t, dir)
		return
	}
	dir := t.TempDir()
	synthesize(t, filepath.Join(dir, "plan"))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run", "^TestMemory$")
	cmd.Env = append(os.Environ(), "KPKG_BTF_TEST_MERGE="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "counts"))
	if err != nil {
		t.Fatal(err)
	}
	var counts struct{ Done, Failed, Missing, KiB int64 }
	if err := json.Unmarshal(text, &counts); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", counts)
	if counts.Done+counts.Failed+counts.Missing != int64(all) || counts.Failed == 0 || counts.Missing == 0 || counts.Done < int64(all)*9/10 {
		t.Errorf("%+v", counts)
	}
	if counts.KiB > 256<<10 {
		t.Errorf("%d MiB of memory", counts.KiB>>10)
	}
}

func mergeSynthetic(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, siteName), 0o755); err != nil {
		t.Fatal(err)
	}
	debug.SetGCPercent(50) // as Main does
	debug.SetMemoryLimit(limits.DefaultMemory * 3 / 4)
	_, by, err := judgement("", "2026-12-01")
	if err != nil {
		t.Fatal(err)
	}
	p := &program{stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	c, err := p.merged(context.Background(), &ask.Merge{Plans: []string{filepath.Join(dir, "plan")}, Output: dir}, by, &synthetic{by: by}, filepath.Join(dir, "db"))
	if err != nil {
		t.Fatal(err)
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]int64{"done": int64(c.Done), "failed": int64(c.Failed), "missing": int64(c.Missing), "kib": u.Maxrss})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "counts"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}
