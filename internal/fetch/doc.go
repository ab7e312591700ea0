// Package fetch reads published packages: apt archives, rpm-md repositories
// and folders. It is the only package of the program that opens a connection.
//
// Nothing is believed because of where it came from. An apt archive is its
// InRelease, signed (RFC 9580) by a key of the given keyring and within its
// Valid-Until (unless the caller takes snapshots); the index is what InRelease lists by SHA-256 and size; a package
// is what the index lists. An rpm-md repository is the same chain from
// repomd.xml and its detached signature repomd.xml.asc. Rules: the Debian
// repository format (wiki.debian.org/DebianRepository/Format), sources.list(5),
// createrepo_c's repomd and primary.
package fetch

import "context"

// Bounds of what a repository may send. Each is several times the largest seen.
const (
	maxRelease = 16 << 20  // bytes of InRelease, repomd.xml (0.2 MB)
	maxIndex   = 256 << 20 // bytes of one index, compressed (9 MB; Fedora 20 MB)
	maxListing = 4 << 30   // bytes of one index, decompressed (50 MB; Fedora 250 MB)
	maxRecord  = 16 << 20  // bytes of one package's record in it
	maxPackage = 4 << 30   // bytes of one package (110 MB; with debug information 1.2 GB)
	maxMatches = 10000     // packages of one question
)

// Package is one published package.
type Package struct {
	Name, Version string // version as the packaging writes it: "1:6.1-2"
	Arch          string // the packaging's own word: "amd64", "x86_64", "all"
	Source        string // source package, "" when not told
	Rpm           bool
	// Release is the uname -r that the package says it is for, "" when it does
	// not: rpms provide kernel-uname-r.
	Release string
	Size    int64
	Digest  Digest // zero for a file of a folder, which nobody vouches for
	// At is the URL, or for a folder the path.
	At string
}

// Source is a place with packages.
type Source interface {
	// Packages returns the packages that keep wants, in the order of the index.
	// Keep is asked about every package and must not hold on to it.
	Packages(ctx context.Context, keep func(*Package) bool) ([]Package, error)
	// String names the source in messages.
	String() string
}
