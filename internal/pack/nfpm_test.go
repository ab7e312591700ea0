package pack

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the packager
	"github.com/goreleaser/nfpm/v2/files"
)

// TestNfpm reads what nfpm writes: the packages of many projects, and our
// companion packages later.
func TestNfpm(t *testing.T) {
	dir := t.TempDir()
	module := filepath.Join(dir, "a.ko")
	check(t, os.WriteFile(module, []byte("module"), 0o644))
	path := filepath.Join(dir, "x.deb")
	for _, compression := range []string{"gzip", "xz", "zstd", "none"} {
		nfpmBuild(t, compression, module, path)
		got, err := walkAll(path, Options{})
		check(t, err)
		list := strings.Join(names(got), "\n")
		for _, want := range []string{"usr/lib/modules/6.1/a.ko|file||module", "usr/lib/modules/6.1/build|symlink|/usr/src/linux|"} {
			if !strings.Contains(list, want) {
				t.Errorf("%s lacks %s:\n%s", compression, want, list)
			}
		}
		p, err := Open(context.Background(), path, Options{})
		check(t, err)
		if p.Kind != Deb || p.Name != "kernel-x" || p.Version != "6.1-1" || p.Arch != "amd64" {
			t.Errorf("%v %s %s %s", p.Kind, p.Name, p.Version, p.Arch)
		}
		check(t, p.Close())
	}
}

func nfpmBuild(t *testing.T, compression, module, path string) {
	t.Helper()
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "kernel-x", Version: "6.1", Release: "1", Arch: "amd64", Platform: "linux", Maintainer: "x <x@example.org>", Description: "x", VersionSchema: "none", MTime: stamp,
		Overridables: nfpm.Overridables{
			Contents: files.Contents{
				{Source: module, Destination: "/usr/lib/modules/6.1/a.ko"},
				{Source: "/usr/src/linux", Destination: "/usr/lib/modules/6.1/build", Type: files.TypeSymlink},
			},
			Deb: nfpm.Deb{Compression: compression},
		},
	})
	packager, err := nfpm.Get("deb")
	check(t, err)
	check(t, nfpm.PrepareForPackager(info, "deb"))
	f, err := os.Create(path)
	check(t, err)
	check(t, packager.Package(info, f))
	check(t, f.Close())
}
