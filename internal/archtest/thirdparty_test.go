package archtest

import (
	"os"
	"os/exec"
	"testing"
)

// THIRD_PARTY.md lists what is linked, each under a licence the project takes.
func TestThirdPartyIsUpToDate(t *testing.T) {
	cmd := exec.Command("go", "run", "./internal/thirdparty")
	cmd.Dir = "../.."
	want, err := cmd.Output()
	if err != nil {
		t.Fatalf("thirdparty: %v", err)
	}
	got, err := os.ReadFile("../../THIRD_PARTY.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("THIRD_PARTY.md is out of date: run make third-party\n%s", want)
	}
}
