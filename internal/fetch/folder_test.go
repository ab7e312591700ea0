package fetch

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	packageFile(t, dir, "deb", "linux-image-6.1.0-1-amd64", "6.1.1", "linux-signed-amd64 (6.1.1+1)", "amd64")
	packageFile(t, dir, "rpm", "kernel-core", "6.12.9", "", "x86_64")
	packageFile(t, dir, "deb", "other", "1", "other", "amd64")
	list, err := (&Folder{dir}).Packages(t.Context(), (&Query{}).May)
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, p := range list {
		file, err := NewClient(t.TempDir()).Fetch(t.Context(), &p)
		if err != nil || filepath.Dir(file) != dir || !strings.HasPrefix(filepath.Base(file), p.Name) {
			t.Errorf("%+v is in %s, %v", p, file, err)
		}
	}
	if p := list[1]; p.Name == "linux-image-6.1.0-1-amd64" && (p.Source != "linux-signed-amd64" || p.Version != "6.1.1-1") {
		t.Errorf("%+v", p)
	}
	write(t, filepath.Join(dir, "linux-image-6.1.0-2-amd64.deb"), []byte("nothing"))
	if _, err := (&Folder{dir}).Packages(t.Context(), (&Query{}).May); err == nil {
		t.Error("a file that is no package was passed over")
	}
	if _, err := (&Folder{t.TempDir()}).Packages(t.Context(), (&Query{}).May); err == nil {
		t.Error("an empty folder gave an answer")
	}
}

func TestUname(t *testing.T) {
	if got := unameOf("kernel = 6.12.9-200.fc41, kernel-core-uname-r = 6.12.9-200.fc41.x86_64, kernel-drm"); got != "6.12.9-200.fc41.x86_64" {
		t.Errorf("%q", got)
	}
	if got := unameOf("kernel-drm, bash = 5"); got != "" {
		t.Errorf("%q", got)
	}
}
