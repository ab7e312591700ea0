// Command kpkg-btf is a gate for kernel packages; see ARCHITECTURE.md.
package main

import (
	"context"
	"os"

	"kpkg-btf/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Environ: os.Environ}))
}
