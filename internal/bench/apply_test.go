//go:build bench

package bench

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"kpkg-btf/internal/realtest"
)

// TestApply: a package whose payload is stored, so that nobody compresses
// anything. Rewriting it, with all that reads it back, is what apply does
// beyond --dry-run, which plans, rehearses and judges. It is measured in CPU
// time, because the file is synced and a shared disk takes its time with that.
// The whole of apply is printed beside it.
func TestApply(t *testing.T) {
	dir := t.TempDir()
	stored := filepath.Join(dir, "stored.deb")
	out, err := exec.Command("sh", "-c", `dpkg-deb -R "$1" "$2/tree" && dpkg-deb --root-owner-group -Znone --build "$2/tree" "$3" && rm -r "$2/tree"`,
		"sh", realtest.Deb(t, realtest.PairANew), dir, stored).CombinedOutput()
	if err != nil {
		t.Fatalf("dpkg-deb: %v\n%s", err, out)
	}
	strip := []string{"apply", "--action=strip", "--drop-signature", stored}
	whole := tool(t, "apply --action=strip, stored", append(strip, "--force", "-o", filepath.Join(dir, "out.deb"))...)
	plan := tool(t, "the same, --dry-run", append(strip, "--dry-run")...)
	record := tool(t, "record of the same", "record", stored)
	var rewriting []time.Duration
	for range runs {
		for _, s := range []*side{whole, plan, record} {
			s.run(t)
		}
		last := len(whole.cpu) - 1
		rewriting = append(rewriting, whole.cpu[last]-plan.cpu[last])
	}
	fmt.Printf("%s\n%s\n%s\n  all of apply beside record: %.2f\n", whole, plan, record, median(whole.cpu).Seconds()/median(record.cpu).Seconds())
	hold(t, "apply's rewriting of a stored package beside its record", 1.6, median(rewriting), median(record.cpu))
	if most := int64(promised) << 20; whole.rss > most {
		t.Errorf("%s: peak %d MiB, promised: at most %d", whole.name, whole.rss>>20, promised)
	}
}
