package archtest

import (
	"os"
	"os/exec"
	"testing"
)

// THIRD_PARTY.md lists what is linked, each under a licence the project takes;
// debian/copyright what a source with vendor/ holds.
func TestThirdPartyIsUpToDate(t *testing.T) {
	for file, args := range map[string][]string{
		"THIRD_PARTY.md": {}, "debian/copyright": {"-dep5"},
	} {
		cmd := exec.Command("go", append([]string{"run", "./internal/thirdparty"}, args...)...)
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		want, err := cmd.Output()
		if err != nil {
			t.Fatalf("thirdparty: %v", err)
		}
		got, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is out of date: run make third-party\n%s", file, want)
		}
	}
}
