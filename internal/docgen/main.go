// Command docgen writes the manual pages and the completions of the program
// from its commands (`make docs`). It is not a part of the program.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra/doc"

	"kpkg-btf/internal/cli"
	"kpkg-btf/internal/toolversion"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docgen FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

// write puts man1/*.1 and the three completions into a folder.
func write(dir string) error {
	man := filepath.Join(dir, "man1")
	if err := os.MkdirAll(man, 0o755); err != nil {
		return err
	}
	root := cli.Command()
	root.DisableAutoGenTag = true
	header := &doc.GenManHeader{Title: "KPKG-BTF", Section: "1", Source: "kpkg-btf " + toolversion.Version, Manual: "Kernel packages", Date: date()}
	if err := doc.GenManTree(root, header, man); err != nil {
		return err
	}
	for name, gen := range map[string]func(string) error{
		"kpkg-btf.bash": func(f string) error { return root.GenBashCompletionFileV2(f, true) },
		"_kpkg-btf":     root.GenZshCompletionFile,
		"kpkg-btf.fish": func(f string) error { return root.GenFishCompletionFile(f, true) },
	} {
		if err := gen(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// date is that of SOURCE_DATE_EPOCH; the pages carry no clock.
func date() *time.Time {
	n, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		n = 0
	}
	t := time.Unix(n, 0).UTC()
	return &t
}
