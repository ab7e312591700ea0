package explain

import (
	"context"
	"errors"
	"io"
	"os"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// maxUnpacked bounds what a compressed log may become: it is read as a stream,
// so this is a bound of time, not of memory.
const maxUnpacked = 64 << 30

// Open opens a log; one that was rotated and compressed (kern.log.2.gz) is
// read as what it was.
func Open(ctx context.Context, path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, where.In(path, err)
	}
	return Unpacked(ctx, f, path)
}

// Unpacked is what an open file holds, decompressed where it is a regular one that
// is compressed; name is for messages. Closing it closes the file.
func Unpacked(ctx context.Context, f *os.File, path string) (io.ReadCloser, error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return f, where.In(path, err) // a FIFO or device: as it comes
	}
	head := make([]byte, codec.HeadSize)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, where.In(path, where.New(where.IO, "%w", err))
	}
	packed := codec.Detect(head[:n])
	if packed == codec.None {
		return f, nil
	}
	r, err := codec.NewReader(ctx, packed, f, info.Size(), codec.Options{Budget: limits.NewBudget("a log", maxUnpacked)})
	if err != nil {
		f.Close()
		return nil, where.In(path, err)
	}
	return &unpacked{ReadCloser: r, file: f}, nil
}

// unpacked closes the file below a decoder too.
type unpacked struct {
	io.ReadCloser
	file *os.File
}

func (u *unpacked) Close() error {
	err := u.ReadCloser.Close()
	return errors.Join(err, u.file.Close())
}
