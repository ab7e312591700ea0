// Command docgen writes what is made of the program and of docs/: manual pages
// and completions (`make docs`), the reference pages of commands and findings
// (`make pages`), and docs/ as a static site (`make site`). It is not a part of
// the program.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/cli"
)

const usage = "usage: docgen FOLDER | docgen -pages | docgen -site FOLDER, in the folder that has docs/"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	root := cli.Command()
	switch {
	case len(args) == 1 && args[0] == "-pages":
		return writePages(root, "docs")
	case len(args) == 2 && args[0] == "-site":
		return writeSite("docs", args[1])
	case len(args) == 1 && args[0] != "" && args[0][0] != '-':
		return write(root, args[0])
	}
	return fmt.Errorf("%s", usage)
}

// write puts the manual pages and the three completions into a folder.
func write(root *cobra.Command, dir string) error {
	if err := writeManuals(root, "docs", dir, date()); err != nil {
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
func date() time.Time {
	n, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		n = 0
	}
	return time.Unix(n, 0).UTC()
}
