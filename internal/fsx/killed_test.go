package fsx_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "kpkg-btf/internal/fsx"
)

const childEnv = "FSX_TEST_CHILD"

// TestKilled kills a process that writes again and again, at any time: what is
// under the name is always one whole file.
func TestKilled(t *testing.T) {
	if path := os.Getenv(childEnv); path != "" {
		for i := 0; ; i++ {
			body := bytes.Repeat([]byte{byte('a' + i%26)}, 300<<10)
			err := WriteFile(path, 0o600, func(w io.Writer) error { _, err := w.Write(body); return err }, nil, Options{Force: true})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	for i := range 20 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), childEnv+"="+path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(5+i*7) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || len(b) != 300<<10 || len(bytes.Trim(b, string(b[:1]))) != 0 {
			t.Fatalf("after kill %d: %d bytes, %v", i, len(b), err)
		}
	}
	if err := WriteFile(path, 0o600, writes("after"), nil, Options{Force: true}); err != nil || content(t, path) != "after" {
		t.Errorf("the next run: %v", err)
	}
}
