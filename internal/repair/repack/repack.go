// Package repack writes a .deb or .rpm again with some of its files changed,
// into a new file and never into the input. What is not changed is copied: the
// members and headers of the archives byte for byte, the compressed members of
// a package in which nothing changes too.
//
// Rules: deb(5), dpkg-gencontrol 1.21 (Installed-Size), dh_md5sums; rpm 4.18
// lib/header.c, build/files.c and sign/rpmgensig.c, rpm's tag tables.
//
// Deliberately unsupported, and said so before anything is published: rpm
// packages of format 6, a changed file whose path is twice in the package,
// filters before LZMA2 in an xz payload, multi-stream layouts (they are joined
// into one stream).
package repack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync/atomic"
	"time"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/where"
)

// Editor says what becomes of the regular files of a package.
type Editor struct {
	// Select reports whether a file may change; only then its content is held in
	// memory. It is called in stream order from one goroutine.
	Select func(e *pack.Entry) bool
	// Edit returns the new content of a selected file, or nil (or the same bytes)
	// to keep it. It is called from up to Jobs goroutines in any order; the
	// content is valid until Edit returns unless the result shares its memory.
	// room, which may be called once, gives n bytes of memory, whatever is in
	// it, for a result; it is used again when that has been written.
	Edit func(ctx context.Context, e *pack.Entry, content []byte, room func(n int) []byte) ([]byte, error)
	// Done, if not nil, is called when all files have come by, before anything
	// is published: a file that should have been among them is missed here.
	Done func() error
}

// Options of Rewrite.
type Options struct {
	Jobs  int  // goroutines that edit and threads that compress; at least 1
	Force bool // replaces a file that is there under the output's name
	// Inputs are further files that the output must not replace.
	Inputs []fsx.ID
	FS     fsx.FS // nil for the real file system
	// Epoch is SOURCE_DATE_EPOCH: a changed file that is newer gets this time.
	// Nil keeps all times.
	Epoch *time.Time
	// Sign makes the OpenPGP signature (binary, detached) of an rpm's new
	// header, which holds the digest of the payload. Nil leaves the package
	// unsigned. It is not called for a package in which nothing changed.
	Sign func(ctx context.Context, header []byte) ([]byte, error)
	// Verify judges each changed file as it is read back from the finished
	// output, before that is published; nil compares the digest that the
	// package records. It is called as Edit is.
	Verify func(ctx context.Context, e *pack.Entry, content []byte) error
}

// Changed is one file that differs in the output.
type Changed struct {
	Path             string
	OldSize, NewSize int64
	// OldSum and NewSum are the digests in hex that the package records: MD5
	// in a .deb, FILEDIGESTALGO's in an rpm.
	OldSum, NewSum string

	index int        // in an rpm's file list
	mtime *time.Time // nil when it stays
}

// Report is what Rewrite did.
type Report struct {
	// Changed are the files that differ in stream order; hard links that share
	// a changed content are not listed apart.
	Changed []Changed
	// Notes are lines for the user: what the output no longer has.
	Notes []string
	// CrossChecked names the program that read the output besides our own
	// readers ("dpkg-deb", "rpm"), or the library that did where that is not installed
	// ("blakesmith/ar", "go-rpmutils"); "" where none did, and NotChecked says why.
	CrossChecked, NotChecked string
	// SHA256 is the digest of the output in hex, as it was read back.
	SHA256 string
}

// Rewrite writes p to the new file out. With no file changed the output is the
// input byte for byte. Everything the input says about itself is verified on
// the way; the output is read back as a stranger would, and by dpkg-deb or rpm
// where installed, before it gets its name. Errors have the package (input or
// output) as first step.
func Rewrite(ctx context.Context, p *pack.Package, out string, ed Editor, o Options) (*Report, error) {
	o.Jobs = max(o.Jobs, 1)
	if id, ok := p.ID(); ok {
		o.Inputs = append([]fsx.ID{id}, o.Inputs...)
	}
	r := &rewrite{p: p, out: out, ed: ed, o: o}
	if err := fsx.Probe(out, r.fsOptions()); err != nil {
		return nil, err
	}
	defer r.close()
	var err error
	switch p.Kind {
	case pack.Deb, pack.Udeb:
		err = r.deb(ctx)
	case pack.Rpm:
		err = r.rpm(ctx)
	default:
		err = where.In(p.Path, p.Kind.Rewritable())
	}
	if err != nil {
		return nil, err
	}
	return &r.report, nil
}

// rewrite is one package on its way.
type rewrite struct {
	p      *pack.Package
	out    string
	ed     Editor
	o      Options
	report Report
	packed *fsx.Scratch     // the new compressed payload; nil while nothing changed
	sum    []byte           // SHA-256 of the new payload, decompressed
	digest func() hash.Hash // what the package records of its files

	pools   pools
	refused atomic.Bool // by Options.Verify
}

func (r *rewrite) close() {
	if r.packed != nil {
		_ = r.packed.Close()
	}
}

func (r *rewrite) fsOptions() fsx.Options {
	return fsx.Options{Force: r.o.Force, Inputs: r.o.Inputs, FS: r.o.FS, Size: r.p.Size()}
}

func (r *rewrite) note(line string) { r.report.Notes = append(r.report.Notes, line) }

// copyInput publishes the input's own bytes.
func (r *rewrite) copyInput(perm uint32) error {
	sum := sha256.New()
	err := r.publish(perm, func(w io.Writer) error {
		return copyRange(io.MultiWriter(w, sum), r.p.ReaderAt(), 0, r.p.Size())
	}, nil) // read back and compared
	r.report.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return err
}

// copyRange copies n bytes of ra from off; a file that became shorter is a
// fault of the machine.
func copyRange(w io.Writer, ra io.ReaderAt, off, n int64) error {
	got, err := io.Copy(w, io.NewSectionReader(ra, off, n))
	if err == nil && got != n {
		err = where.New(where.IO, "file became shorter while it was read").At(off + got)
	}
	return err
}
