package vmtest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"kpkg-btf/internal/vmtest/wire"
)

// cpio writes an initial ramdisk: the "newc" form, unpacked by the kernel
// (Documentation/driver-api/early-userspace/buffer-format.rst).
type cpio struct {
	w   *bufio.Writer
	ino int
	err error
}

const (
	modeDir  = 0o040755
	modeTmp  = 0o041777
	modeReg  = 0o100000
	modeFile = modeReg | 0o755
	modeChar = 0o020600
)

// header writes the fields of one entry; rmajor and rminor are of a device.
func (c *cpio) header(name string, mode int, size int64, rmajor, rminor int) {
	c.ino++
	links := 1
	if mode&modeDir == modeDir {
		links = 2
	}
	// magic ino mode uid gid nlink mtime size major minor rmajor rminor namesize check
	c.printf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		c.ino, mode, 0, 0, links, 0, size, 0, 0, rmajor, rminor, len(name)+1, 0, name)
	c.pad(int64(110 + len(name) + 1))
}

func (c *cpio) printf(format string, args ...any) {
	if c.err == nil {
		_, c.err = fmt.Fprintf(c.w, format, args...)
	}
}

func (c *cpio) pad(n int64) {
	for ; n%4 != 0 && c.err == nil; n++ {
		c.err = c.w.WriteByte(0)
	}
}

func (c *cpio) dir(name string) { c.header(name, modeDir, 0, 0, 0) }

// file writes size bytes that fill produces.
func (c *cpio) file(name string, mode int, size int64, fill func(io.Writer) error) {
	c.header(name, mode, size, 0, 0)
	if c.err == nil {
		c.err = fill(c.w)
	}
	c.pad(size)
}

func (c *cpio) bytes(name string, mode int, b []byte) {
	c.file(name, mode, int64(len(b)), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// tree writes files with the folders above them, each once, before what is in it.
func (c *cpio) tree(files []File) {
	have := map[string]bool{".": true, "dev": true, "vmtest": true, "tmp": true}
	var parents func(dir string)
	parents = func(dir string) {
		if have[dir] {
			return
		}
		parents(path.Dir(dir))
		c.dir(dir)
		have[dir] = true
	}
	for _, f := range files {
		name := strings.TrimPrefix(f.Path, "/")
		parents(path.Dir(name))
		c.bytes(name, modeReg|f.Mode, f.Data)
	}
}

// writeInitrd writes the ramdisk of a job to a file.
func writeInitrd(file string, guest []byte, p *packed) error {
	if p.size >= 1<<32 {
		return fmt.Errorf("%d bytes of blobs: more than a cpio archive can hold", p.size)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	c := &cpio{w: bufio.NewWriterSize(f, 1<<20)}
	c.dir("dev")
	c.header("dev/console", modeChar, 0, 5, 1)
	c.bytes("init", modeFile, guest)
	c.header("tmp", modeTmp, 0, 0, 0)
	c.dir("vmtest")
	c.bytes(strings.TrimPrefix(wire.ManifestPath, "/"), modeFile, p.manifest)
	c.file(strings.TrimPrefix(wire.BlobsPath, "/"), modeFile, p.size, p.writeBlobs)
	c.tree(p.files)
	c.header("TRAILER!!!", 0, 0, 0, 0)
	if c.err != nil {
		return c.err
	}
	if err := c.w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// guest is /init, bpfrun what loads the programs of Case.Object.
var (
	guest  = sync.OnceValues(func() ([]byte, error) { return compiled("guest") })
	bpfrun = sync.OnceValues(func() ([]byte, error) { return compiled("bpfrun") })
)

// compiled compiles a program for guests with the toolchain that runs the tests.
// The package is found from any folder of this module.
func compiled(name string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "vmtest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "kpkg-btf/internal/vmtest/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1", "GOFLAGS=")
	if msg, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build of %s: %w\n%s", name, err, msg)
	}
	return os.ReadFile(out)
}
