// Package companion asks for the small package that carries a kernel's record:
// manifest and base below /usr/lib/linux/RELEASE/. A program of its own,
// kpkg-btf-package, builds it (package build), so that nfpm and the 40 modules
// behind it are not linked into the gate.
package companion

import (
	"time"
)

// Program is the name of the program that builds packages.
const Program = "kpkg-btf-package"

// Kinds are the package formats, the default first.
var Kinds = []string{"deb", "rpm"}

// Request is what the program reads on its standard input: one JSON text. The
// manifest and the base come in files, which the request names.
type Request struct {
	// Tool is the version of the program that asks: another one is refused.
	Tool     string `json:"tool"`
	Kind     string `json:"kind"`
	Manifest string `json:"manifest"`       // a file
	Base     string `json:"base,omitempty"` // a file with raw BTF; "" for a kernel without
	// Version as the format writes it; "": that of the package the image came
	// from.
	Version    string    `json:"version,omitempty"`
	Maintainer string    `json:"maintainer"`
	MTime      time.Time `json:"mtime"`
	// Output is a file, or a folder where Folder is set: then the name is that of
	// the format's convention.
	Output string `json:"output"`
	Folder bool   `json:"folder,omitempty"`
	Force  bool   `json:"force,omitempty"`
	// Inputs are the files that are never replaced.
	Inputs []File `json:"inputs,omitempty"`
}

// File is a file whatever its name.
type File struct {
	Dev uint64 `json:"dev"`
	Ino uint64 `json:"ino"`
}
