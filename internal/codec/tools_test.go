package codec

import (
	"bytes"
	"os/exec"
	"testing"
)

// tool runs a compressor of the machine over data; `make deps` installs them.
func tool(t testing.TB, data []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(data)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v: %s (run make deps)", name, args, err, errs.String())
	}
	return out.Bytes()
}
