package fetch

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestMachineSources(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "sources.list"), []byte("# none\ndeb http://a/debian bookworm main contrib # x\ndeb-src http://a/debian bookworm main\ndeb [ arch=amd64 signed-by=/k/a.gpg ] https://b/c stable main\ndeb cdrom:[d]/ x main\ndeb [trusted=yes] file:/srv/repo ./\n"))
	write(t, filepath.Join(dir, "sources.list.d/z.sources"), []byte("Types: deb deb-src\n# an older address\nURIs: http://d/debian\nSuites: s s-updates\nComponents: main\nSigned-By: /k/d.gpg\n\nTypes: deb\nURIs: http://off/\nSuites: x\nEnabled: no\n\nTypes: deb\nURIs: http://e/\nSuites: y\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n"))
	write(t, filepath.Join(dir, "sources.list.d/backup.save"), []byte("deb http://saved/ x main\n"))
	got, err := MachineSources(dir)
	want := []Line{
		{"http://a/debian", "bookworm", []string{"main", "contrib"}, "", false},
		{"https://b/c", "stable", []string{"main"}, "/k/a.gpg", false},
		{"file:///srv/repo", "./", []string{}, "", true},
		{"http://d/debian", "s", []string{"main"}, "/k/d.gpg", false},
		{"http://d/debian", "s-updates", []string{"main"}, "/k/d.gpg", false},
		{"http://e/", "y", []string{"main"}, "", false},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got  %v\n want %v", err, got, want)
	}
	write(t, filepath.Join(dir, "sources.list.d/bad.list"), []byte("deb [arch=amd64 http://x y main\n"))
	if _, err := MachineSources(dir); err == nil || !strings.Contains(err.Error(), "bad.list") {
		t.Errorf("options without an end: %v", err)
	}
}
