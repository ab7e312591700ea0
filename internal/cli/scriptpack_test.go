package cli_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"kpkg-btf/internal/pack/packtest"
	"kpkg-btf/internal/release/releasetest"
)

// pack FILE DIR [VERSION]: a package of the files below a folder, its name that of
// the file: a .deb, unless the file ends like another format.
func packTree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: pack FILE DIR [VERSION]")
	}
	root, files := ts.MkAbs(args[1]), map[string][]byte{}
	ts.Check(filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files[name], err = os.ReadFile(path)
		return err
	}))
	version := "1.0-1"
	if len(args) > 2 {
		version = args[2]
	}
	name := strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0]))
	data := otherPackage(filepath.Base(args[0]), files)
	if data == nil {
		data = releasetest.Deb(name, version, "amd64", files)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}

// otherPackage is a package in the format of a name's ending, nil for a .deb.
func otherPackage(name string, files map[string][]byte) []byte {
	list := func(prefix string) (out []packtest.Entry) {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			out = append(out, packtest.Reg(prefix+name, string(files[name])))
		}
		return out
	}
	switch {
	case strings.HasSuffix(name, ".pkg.tar.gz"):
		return packtest.GZ((&packtest.Arch{Files: list("")}).Tar())
	case strings.HasSuffix(name, ".tar.gz"):
		return packtest.GZ(packtest.Tar(list("./")))
	case strings.HasSuffix(name, ".apk"):
		return (&packtest.Apk{Files: list("")}).Build()
	case strings.HasSuffix(name, ".ipk"):
		return (&packtest.Ipk{Files: list("./")}).Build()
	}
	return nil
}

// packtar FILE TAR: a .deb with a tar as its data, links and all.
func packTar(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: packtar FILE TAR")
	}
	data, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	name := strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0]))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), releasetest.DebOf(name, "1.0-1", "amd64", "data.tar", data), 0o644))
}
