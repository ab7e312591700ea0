package pack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"kpkg-btf/internal/pack/packtest"
	"kpkg-btf/internal/where"
)

// bombTar streams a tar with one file of size zeros through a compressor.
func bombTar(t *testing.T, size int64, open func(io.Writer) io.WriteCloser) string {
	var b bytes.Buffer
	z := open(&b)
	w := tar.NewWriter(z)
	check(t, w.WriteHeader(&tar.Header{Name: "zeros", Size: size, Mode: 0o644}))
	chunk := make([]byte, 1<<20)
	for range size >> 20 {
		_, err := w.Write(chunk)
		check(t, err)
	}
	check(t, w.Close())
	check(t, z.Close())
	return b.String()
}

// TestBombs is P11: output out of all proportion is refused, with the package
// and member named, whether content is read or skipped.
func TestBombs(t *testing.T) {
	const size = 96 << 20
	for member, open := range map[string]func(io.Writer) io.WriteCloser{
		"data.tar.zst": func(w io.Writer) io.WriteCloser { z, err := zstd.NewWriter(w); check(t, err); return z },
		"data.tar.gz":  func(w io.Writer) io.WriteCloser { z, err := gzip.NewWriterLevel(w, 9); check(t, err); return z },
	} {
		data := bombTar(t, size, open)
		path := write(t, "x.deb", arFile(arMember{name: "debian-binary", data: "2.0\n"}, arMember{name: "control.tar", data: controlTar(t)}, arMember{name: member, data: data}))
		err := skipWalk(path)
		if where.KindOf(err) != where.Limit || err == nil || !strings.Contains(err.Error(), "x.deb: "+member) {
			t.Errorf("%s of %d bytes: %v", member, len(data), err)
		}
	}
}

// TestPayloadDamage: a wrong byte in a compressed payload is an error of the
// member, even if fn swallows the read error.
func TestPayloadDamage(t *testing.T) {
	data := []byte(filter(t, sampleTar(t), "xz", "-c", "--check=crc64"))
	data[len(data)/2] ^= 1
	path := write(t, "x.deb", arFile(arMember{name: "debian-binary", data: "2.0\n"}, arMember{name: "control.tar", data: controlTar(t)}, arMember{name: "data.tar.xz", data: string(data)}))
	p, err := Open(context.Background(), path, Options{})
	check(t, err)
	defer p.Close()
	err = p.Walk(context.Background(), func(_ *Entry, r io.Reader) error {
		_, _ = io.Copy(io.Discard, r)
		return nil
	})
	if where.KindOf(err) != where.Malformed || err == nil || !strings.Contains(err.Error(), "x.deb: data.tar.xz") {
		t.Errorf("%v", err)
	}
}

// TestNothingLeft: however a walk ends, its goroutines end with it.
func TestNothingLeft(t *testing.T) {
	big := strings.Repeat("content that goes on ", 200<<10)
	deb := write(t, "x.deb", arFile(arMember{name: "debian-binary", data: "2.0\n"}, arMember{name: "control.tar", data: controlTar(t)},
		arMember{name: "data.tar.xz", data: filter(t, tarFile(t, reg("./a", big), reg("./b", big)), "xz", "-0c", "--block-size=65536")}))
	rpm := write(t, "k.rpm", (&packtest.Rpm{Digest: "sha256", Files: []packtest.File{{Path: "/a", Mode: 0o100644, Data: big}, {Path: "/b", Mode: 0o100644, Data: big}}}).Build())
	before := runtime.NumGoroutine()
	for _, path := range []string{deb, rpm} {
		p, err := Open(context.Background(), path, Options{Jobs: 4, SHA256: strings.Repeat("0", 64)})
		check(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		ends := []WalkFunc{
			func(*Entry, io.Reader) error { return fs.SkipAll },
			func(*Entry, io.Reader) error { return io.ErrClosedPipe },
			func(*Entry, io.Reader) error { cancel(); return nil },
		}
		for i, fn := range ends {
			if err := p.Walk(ctx, fn); (err == nil) != (i == 0) {
				t.Errorf("%s end %d: %v", path, i, err)
			}
		}
		cancel()
		check(t, p.Close())
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}
