// Package fsx publishes files: whole, read back and synced, or not at all.
package fsx

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"kpkg-btf/internal/where"
)

// Options of WriteFile. The zero value writes a new file on the real file
// system.
type Options struct {
	// Force replaces a regular file that is present. Nothing replaces anything
	// else, and nothing is ever written through a symbolic link.
	Force bool
	// Inputs are the files that must survive: a target that is one of them
	// under any name is refused, Force or not.
	Inputs []ID
	// Size is about how many bytes will be written, 0 when not known; for
	// messages, and for Probe.
	Size int64
	// FS is the file system, nil for the real one.
	FS FS
}

// ID is a file whatever its name.
type ID struct{ Dev, Ino uint64 }

// Identity returns the ID of a file from its Stat.
func Identity(fi fs.FileInfo) (ID, bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return ID{}, false
	}
	return ID{Dev: uint64(st.Dev), Ino: st.Ino}, true
}

// WriteFile publishes what write writes as path: into a new file of an
// unpredictable name beside it, synced, closed, opened again and given to
// verify, renamed, the directory synced. Without verify the bytes are read
// back and compared by checksum. perm is subject to umask.
//
// Until the rename the target is as it was, and after any error but one the
// temporary file is gone: when the sync of the directory fails, the target is
// the new file, complete, and the error says that it may not survive a power
// cut. Errors have path as their step; a wrong target is of kind Usage, what
// the file system says is IO, what write and verify return keeps its kind.
func WriteFile(path string, perm fs.FileMode, write func(io.Writer) error, verify func(r io.ReaderAt, size int64) error, opts Options) error {
	p, err := start(path, opts)
	if err != nil {
		return where.In(path, err)
	}
	defer p.dir.Close()
	err = p.create(perm)
	if err != nil {
		return where.In(path, err)
	}
	defer p.discard() // also when write or verify panics
	err = p.publish(write, verify)
	return where.In(path, err)
}

// Probe finds out before any work whether WriteFile could write path: the
// target may be written, its directory takes a file, and Size bytes are free.
func Probe(path string, opts Options) error {
	p, err := start(path, opts)
	if err != nil {
		return where.In(path, err)
	}
	defer p.dir.Close()
	if err := p.create(0o600); err != nil {
		return where.In(path, err)
	}
	p.discard()
	if free, err := p.dir.Free(); err == nil && opts.Size > free {
		return where.In(path, p.noSpace(syscall.ENOSPC))
	}
	return nil
}

// publication is one file on its way.
type publication struct {
	opts Options
	dir  Dir
	name string   // of the target, in dir
	temp string   // of the temporary file; "" when there is none
	file File     // the temporary file while it is written
	held *os.File // its lock; nil where there is none
	// finish is given the file when all is written, before it is synced; nil
	// for nothing.
	finish func(File) error

	id      ID
	written int64
}

func start(path string, opts Options) (*publication, error) {
	if opts.FS == nil {
		opts.FS = OS{}
	}
	dir, name := filepath.Split(path)
	if name == "" || name == "." || name == ".." {
		return nil, where.New(where.Usage, "not the name of a file")
	}
	if dir == "" {
		dir = "."
	}
	d, err := opts.FS.OpenDir(dir)
	if err != nil {
		return nil, ioError(err)
	}
	p := &publication{opts: opts, dir: d, name: name}
	if err := p.checkTarget(); err != nil {
		d.Close()
		return nil, err
	}
	return p, nil
}

// checkTarget refuses a target that must not be replaced.
func (p *publication) checkTarget() error {
	fi, err := p.dir.Lstat(p.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return ioError(err)
	}
	if !fi.Mode().IsRegular() {
		return where.New(where.Usage, "is there and is %s, not a regular file", kindOf(fi.Mode())).
			WithHint("give another name")
	}
	if id, ok := Identity(fi); ok {
		for _, in := range p.opts.Inputs {
			if id == in {
				return where.New(where.Usage, "is one of the inputs, which are never changed").WithHint("give another name")
			}
		}
	}
	if !p.opts.Force {
		return where.New(where.Usage, "exists").WithHint("give another name, or -f to replace it")
	}
	return nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// tempPrefix begins the names of temporary files, so that those of a killed
// process can be told.
const tempPrefix = ".kpkg-btf-"

const (
	tempRandom = 12
	tempSuffix = ".tmp"
)

func tempName() string {
	var random [tempRandom]byte
	rand.Read(random[:])
	return tempPrefix + hex.EncodeToString(random[:]) + tempSuffix
}

// linkName is a tempName that tells the name it is to replace, so that the next
// run can finish what a killed one began.
func linkName(base string) string {
	var random [tempRandom / 2]byte
	rand.Read(random[:])
	return tempPrefix + hex.EncodeToString(random[:]) + nameSum(base) + tempSuffix
}

func nameSum(base string) string {
	sum := sha256.Sum256([]byte(base))
	return hex.EncodeToString(sum[:tempRandom/2])
}

// IsTemp reports whether a name is one of those that are given to temporary
// files: a killed run may have left it.
func IsTemp(name string) bool {
	mid, ok := strings.CutPrefix(name, tempPrefix)
	mid, ok2 := strings.CutSuffix(mid, tempSuffix)
	b, err := hex.DecodeString(mid)
	return ok && ok2 && err == nil && len(b) == tempRandom
}

func (p *publication) create(perm fs.FileMode) error {
	sweepUnheld(p.dir)
	var err error
	if p.temp, p.file, p.held, err = createHeld(p.dir, perm); err != nil {
		return p.writeError(err)
	}
	return nil
}

// discard removes the temporary file, if it is still there.
func (p *publication) discard() {
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
	if p.temp != "" {
		p.dir.Remove(p.temp)
		p.temp = ""
	}
	p.release()
}

// release gives the lock of the temporary file back.
func (p *publication) release() {
	if p.held != nil {
		p.held.Close()
		p.held = nil
	}
}

func (p *publication) publish(write func(io.Writer) error, verify func(io.ReaderAt, int64) error) error {
	if err := p.fillAndRead(write, verify); err != nil {
		return err
	}
	// Writing may have taken minutes: look again.
	if err := p.checkTarget(); err != nil {
		return err
	}
	if err := p.dir.Rename(p.temp, p.name, p.opts.Force); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return where.New(where.Usage, "was made by another process meanwhile").WithHint("give another name, or -f to replace it")
		}
		return p.writeError(err)
	}
	p.temp = ""
	if err := p.dir.Sync(); err != nil {
		return where.New(where.IO, "written, but its directory cannot be synced: %w", err)
	}
	return nil
}

// fillAndRead writes the temporary file and reads it back.
func (p *publication) fillAndRead(write func(io.Writer) error, verify func(io.ReaderAt, int64) error) error {
	var sum hash.Hash
	if verify == nil {
		sum = sha256.New()
		verify = func(r io.ReaderAt, size int64) error { return sameSum(r, size, sum) }
	}
	if err := p.fill(write, sum); err != nil {
		return err
	}
	return p.readBack(verify)
}

// fill writes, syncs and closes the temporary file.
func (p *publication) fill(write func(io.Writer) error, sum hash.Hash) error {
	sink := &sink{p: p, sum: sum}
	buf := bufio.NewWriterSize(sink, 256<<10)
	err := write(buf)
	if err == nil {
		err = buf.Flush()
	}
	if sink.err != nil {
		return p.writeError(sink.err) // whatever write made of it
	}
	if err != nil {
		return err
	}
	fi, err := p.file.Stat()
	if err != nil {
		return ioError(err)
	}
	p.id, _ = Identity(fi)
	if p.finish != nil {
		if err := p.finish(p.file); err != nil {
			return err
		}
	}
	// After a failed sync the kernel may have dropped the pages: no second try.
	if err := p.file.Sync(); err != nil {
		return p.writeError(err)
	}
	err = p.file.Close()
	p.file = nil
	if err != nil {
		return p.writeError(err)
	}
	return nil
}

// readBack opens the temporary file again by name and lets verify judge it.
func (p *publication) readBack(verify func(io.ReaderAt, int64) error) error {
	f, fi, err := openStat(p.dir, p.temp)
	if err != nil {
		return err
	}
	defer f.Close()
	if id, _ := Identity(fi); id != p.id || !fi.Mode().IsRegular() {
		return where.New(where.IO, "the temporary file was replaced by another process")
	}
	if fi.Size() != p.written {
		return where.New(where.IO, "%d bytes written, %d are there", p.written, fi.Size())
	}
	return verify(f, fi.Size())
}

// openStat opens a file of a directory and says what it is.
func openStat(d Dir, name string) (File, fs.FileInfo, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, nil, ioError(err)
	}
	fi, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, ioError(err)
	}
	return f, fi, nil
}

func sameSum(r io.ReaderAt, size int64, want hash.Hash) error {
	got := sha256.New()
	if n, err := io.Copy(got, io.NewSectionReader(r, 0, size)); err != nil {
		return ioError(err)
	} else if n != size {
		return where.New(where.IO, "%d bytes are there, %d can be read", size, n)
	}
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		return where.New(where.IO, "what is read back is not what was written")
	}
	return nil
}

// sink counts and sums what goes into the temporary file and keeps the first
// error, so that a caller cannot lose it.
type sink struct {
	p   *publication
	sum hash.Hash
	err error
}

func (s *sink) Write(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.p.file.Write(b)
	s.p.written += int64(n)
	if s.sum != nil {
		s.sum.Write(b[:n])
	}
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	s.err = err
	return n, err
}
