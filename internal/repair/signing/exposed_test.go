package signing

import (
	"os"
	"path/filepath"
	"testing"
)

func TestExposed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o644: true, 0o640: true, 0o602: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if got, exposed := Exposed(path); exposed != want || got != mode {
			t.Errorf("mode %04o: %04o, %v", mode, got, exposed)
		}
	}
	if _, exposed := Exposed(path + ".none"); exposed {
		t.Error("a file that is not there")
	}
}
