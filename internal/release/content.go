package release

import (
	"bufio"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// spoolFrom is the size from which a member is not held in memory but in an
// unlinked temporary file that is mapped: a debug vmlinux has half a gigabyte
// of which a few sections are read.
const spoolFrom = 192 << 20

// content is one member's bytes; free gives them back.
type content struct {
	data []byte
	free func()
}

// pools of buffers, one for each power of two from 64 KiB to 256 MiB.
var pools [13]sync.Pool

const poolMin = 16 // 1<<16

func poolClass(n int64) int {
	c := 0
	for c < len(pools)-1 && int64(1)<<(poolMin+c) < n {
		c++
	}
	return c
}

// readContent takes size bytes of a member from r. A reader that has fewer or
// more is malformed. Memory is taken as bytes arrive, never for a claim alone:
// up to 1 MiB at once, then as much again as has been read.
func readContent(r io.Reader, size int64) (content, error) {
	if size < 0 || size > limits.MaxImage {
		return content{}, where.New(where.Limit, "a member of %d bytes exceeds the limit of %d", size, int64(limits.MaxImage))
	}
	if size >= spoolFrom {
		return spool(r, size)
	}
	class := poolClass(size)
	buf, _ := pools[class].Get().(*[]byte)
	if buf == nil {
		b := make([]byte, 0, min(size, 1<<20))
		buf = &b
	}
	data := (*buf)[:0]
	for int64(len(data)) < size {
		if len(data) == cap(data) {
			grown := make([]byte, len(data), min(size, int64(max(2*cap(data), 1<<16))))
			copy(grown, data)
			data = grown
		}
		n, err := io.ReadFull(r, data[len(data):min(int64(cap(data)), size)])
		data = data[:len(data)+n]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return content{}, where.New(where.Malformed, "ends after %d of %d bytes", len(data), size).At(int64(len(data)))
		} else if err != nil {
			return content{}, err
		}
	}
	*buf = data
	return content{data: data, free: func() { pools[class].Put(buf) }}, nil
}

// spool copies a large member to an anonymous temporary file and maps it.
func spool(r io.Reader, size int64) (content, error) {
	f, err := anonymousFile()
	if err != nil {
		return content{}, where.In("temporary file", err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	n, err := io.CopyN(w, r, size)
	if err == io.EOF {
		return content{}, where.New(where.Malformed, "ends after %d of %d bytes", n, size).At(n)
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return content{}, where.In("temporary file", err)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return content{}, where.New(where.IO, "map of a temporary file: %w", err)
	}
	return content{data: data, free: func() { unix.Munmap(data) }}, nil
}

// anonymousFile is a file without a name, so that nothing is left behind
// whatever happens.
func anonymousFile() (*os.File, error) {
	dir := os.TempDir()
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), dir+"/(anonymous)"), nil
	}
	f, err := os.CreateTemp(dir, "kpkg-btf-*") // a file system without O_TMPFILE
	if err != nil {
		return nil, err
	}
	os.Remove(f.Name())
	return f, nil
}
