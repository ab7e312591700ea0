package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"kpkg-btf/internal/release/releasetest"
)

// pack FILE DIR [VERSION]: a .deb of the files below a folder, its name that of
// the file.
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
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), releasetest.Deb(name, version, "amd64", files), 0o644))
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
