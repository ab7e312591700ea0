//go:build e2e

package e2e

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
)

// mixedTree is a staging tree with the modules of one package and the image
// of another, under the name of the modules.
func mixedTree(t *testing.T, imageDeb, modulesDeb string) string {
	t.Helper()
	dir := t.TempDir()
	release := ""
	realtest.Walk(t, modulesDeb, func(name string, content io.Reader) error {
		if !strings.Contains(name, "lib/modules/") {
			return nil
		}
		if release == "" {
			rest := name[strings.Index(name, "lib/modules/")+len("lib/modules/"):]
			release, _, _ = strings.Cut(rest, "/")
		}
		return realtest.WriteFile(filepath.Join(dir, name), content)
	})
	image := realtest.Member(t, imageDeb, "boot/vmlinuz-*")
	if err := realtest.WriteFile(filepath.Join(dir, "boot/vmlinuz-"+release), strings.NewReader(string(image))); err != nil {
		t.Fatal(err)
	}
	return dir
}
