package report

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
)

func TestKbuild(t *testing.T) {
	// A kpkg-btf that does nothing.
	bin := t.TempDir()
	if err := os.Symlink("/bin/true", filepath.Join(bin, "kpkg-btf")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	strip := model.ModuleDecision{Path: "kernel/a.ko", Action: model.Strip}
	keep := model.ModuleDecision{Path: "kernel/b.ko"}
	ids := model.ModuleDecision{Path: "kernel/c.ko", Action: model.Strip, BTFIDs: "ab"}
	for _, c := range []struct {
		modules []model.ModuleDecision
		outcome model.Outcome
		want    string
		code    int // of the script, with a kpkg-btf that does nothing
	}{
		{[]model.ModuleDecision{strip, strip}, model.Outcome{Action: model.Strip}, stripAll, 0},
		{[]model.ModuleDecision{strip, keep}, model.Outcome{Action: model.Strip}, "kpkg-btf apply", 0},
		{[]model.ModuleDecision{strip, ids}, model.Outcome{Action: model.Strip}, "kpkg-btf apply", 0},
		{nil, model.Outcome{Action: model.Strip}, "kpkg-btf apply", 0},
		{[]model.ModuleDecision{keep}, model.Outcome{}, "modules stay as they are", 0},
		{[]model.ModuleDecision{strip}, model.Outcome{Action: model.Bump}, "nothing that a kernel build", 4},
		{[]model.ModuleDecision{strip}, model.Outcome{Inconclusive: true}, "nothing that a kernel build", 5},
		{[]model.ModuleDecision{strip}, model.Outcome{Action: model.Rebuild}, "nothing that a kernel build", 6},
	} {
		r := &model.Report{Outcome: c.outcome, Decision: c.outcome.Word(), Releases: []model.ReleaseVerdict{{Modules: c.modules}}}
		got := rendered(t, r, "kbuild")
		if !strings.Contains(got, c.want) {
			t.Errorf("%+v:\n%s", c, got)
		}
		err := exec.Command("sh", "-euc", "KPKG_BTF_DECISION=x\n"+got).Run()
		code := 0
		if ee, ok := err.(*exec.ExitError); ok {
			code = ee.ExitCode()
		}
		if code != c.code {
			t.Errorf("%+v: the script ends with %d\n%s", c, code, got)
		}
	}
	got := rendered(t, &model.Report{Outcome: model.Outcome{Action: model.Strip}}, "kbuild")
	if err := exec.Command("sh", "-euc", "unset KPKG_BTF_DECISION\n"+got).Run(); err == nil {
		t.Errorf("without a decision the script goes on:\n%s", got)
	}
}
