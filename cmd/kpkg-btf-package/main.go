// Command kpkg-btf-package builds companion packages for kpkg-btf package, so
// that nfpm stays out of the gate; see ARCHITECTURE.md.
package main

import (
	"os"

	"kpkg-btf/internal/companion/build"
)

func main() { os.Exit(build.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
