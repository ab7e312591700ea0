//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
)

// completeSet are the packages that hold one release of Debian 7.x, as a
// @listfile.
func completeSet(t *testing.T, suite, binary string) string {
	t.Helper()
	var list strings.Builder
	for _, kind := range []string{"linux-binary-", "linux-modules-", "linux-base-"} {
		list.WriteString(realtest.Deb(t, strings.Replace(binary, "linux-binary-", kind, 1)) + "\n")
	}
	file := filepath.Join(t.TempDir(), "set")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return "@" + file
}

// newestPair are the two newest uploads of the newest series of 7.x that has
// two in the suite: the older, then the newer.
func newestPair(t *testing.T, suite string) (old, new string) {
	t.Helper()
	specs, err := realtest.Newest(t.Context(), suite, `linux-binary-7\.[0-9]+\.[0-9]+[+]deb[0-9]+-amd64`, 40)
	if err != nil {
		t.Fatal(err)
	}
	series := func(spec string) string {
		parts := strings.SplitN(spec[strings.Index(spec, "linux-binary-")+len("linux-binary-"):], ".", 3)
		return parts[0] + "." + parts[1]
	}
	for i := range specs[:len(specs)-1] {
		if series(specs[i]) == series(specs[i+1]) {
			return specs[i+1], specs[i]
		}
	}
	t.Skipf("GONE a series of 7.x with two uploads in %s", suite)
	return "", ""
}

// Kernels without symbol versions, as every current one of Debian: what BTF
// describes is judged by its types, what it does not describe is open where
// modules import it, and policy closes that.
func TestUnversionedPair(t *testing.T) {
	const suite = "trixie-backports"
	oldSpec, newSpec := newestPair(t, suite)
	old, new := completeSet(t, suite, oldSpec), completeSet(t, suite, newSpec)
	// What pahole 1.30 encoded of kfuncs is a matter of its own (internal/health).
	const health = "schema: kpkg-btf/policy/1.0\nrules:\n- findings: health.*\n  action: keep\n  reason: backports are built with pahole 1.30\n"
	known, accept := filepath.Join(t.TempDir(), "known.yaml"), filepath.Join(t.TempDir(), "accept.yaml")
	for file, text := range map[string]string{known: health, accept: health + "# the assembly was compared by hand\nundescribed-exports: accept\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{new, "--against", old, "--as-if-same-release", "--signatures", "ignored"}
	rep, code := check(t, append(args, "--policy", known)...)
	counts := map[string]int{}
	for _, f := range rep.Releases[0].Findings {
		counts[f.Rule] += f.Count
		if len(f.Subjects) > 0 && !strings.Contains(f.Message, f.Subjects[0]) {
			t.Errorf("%s does not name %s: %s", f.Rule, f.Subjects[0], f.Message)
		}
	}
	s := rep.Releases[0].Windows[0].Symbols
	judged := counts["abi.same-by-types"] + counts["abi.layout"] + counts["abi.deep-unversioned"]
	bare := counts["abi.undescribed-open"] + counts["abi.undescribed-closed"] + counts["abi.undescribed-unused"]
	t.Logf("%s, %s: exit %d, %s; %d common, %d judged by types; not described: %d open, %d closed, %d unused", oldSpec, newSpec, code, rep.Decision,
		s.Common, judged, counts["abi.undescribed-open"], counts["abi.undescribed-closed"], counts["abi.undescribed-unused"])
	if s.Compared != 0 || judged+bare != s.Common {
		t.Errorf("%d of %d are judged by types, %d are not described", judged, s.Common, bare)
	}
	if judged < s.Common*3/4 {
		t.Errorf("only %d of %d are judged by their types", judged, s.Common)
	}
	changed := counts["abi.layout"] + counts["abi.deep-unversioned"] + counts["abi.lost"]
	switch {
	case changed > 0 && code != model.ExitBump:
		t.Errorf("%d exports changed: exit %d", changed, code)
	case changed == 0 && code == model.ExitInconclusive:
		if rep.Outcome.Action != model.Distill || !strings.HasPrefix(rep.Decision, "distill, if ") {
			t.Errorf("decision %q, action %s", rep.Decision, rep.Outcome.Action)
		}
		decision := filepath.Join(t.TempDir(), "decision.json")
		rep, code = check(t, append(args, "--policy", accept, "--report", "json="+decision)...)
		if code != model.ExitRepair || rep.Decision != "distill" || len(rep.ByPolicy()) == 0 {
			t.Errorf("accepted: exit %d, %s by %q", code, rep.Decision, rep.ByPolicy())
		}
		if out, complaint, code := realtest.Run(t, "apply", decision, new, "--dry-run", "--policy", accept, "--drop-signature"); code != 0 {
			t.Errorf("apply: exit %d: %s%s", code, out, complaint)
		}
	}
}
