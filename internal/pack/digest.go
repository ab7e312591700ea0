package pack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"kpkg-btf/internal/where"
)

// hashChunk is read at a time, so that cancelling does not wait.
const hashChunk = 1 << 20

// SHA256 is the digest of the whole file in hex, computed at the first call.
// A tree has none.
func (p *Package) SHA256(ctx context.Context) (string, error) {
	if p.sha256 != "" {
		return p.sha256, nil
	}
	if p.file == nil {
		return "", where.In(p.Path, where.New(where.Unsupported, "a directory has no digest"))
	}
	h := sha256.New()
	if err := hashRange(ctx, h, p.file, 0, p.size); err != nil {
		return "", where.In(p.Path, err)
	}
	p.sha256 = hex.EncodeToString(h.Sum(nil))
	return p.sha256, nil
}

// hashRange feeds size bytes of ra from off to h.
func hashRange(ctx context.Context, h hash.Hash, ra io.ReaderAt, off, size int64) error {
	buf := make([]byte, min(hashChunk, size))
	for done := int64(0); done < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := ra.ReadAt(buf[:min(int64(len(buf)), size-done)], off+done)
		h.Write(buf[:n])
		done += int64(n)
		if err == io.EOF && done < size {
			return where.New(where.IO, "file became shorter while it was read").At(off + done)
		}
		if err != nil && err != io.EOF {
			return ioError(err)
		}
	}
	return nil
}

// summer computes one digest beside the walk.
type summer struct {
	what, want string
	got        string
	err        error
	done       chan struct{}
}

// summers starts every digest that the whole walk must confirm.
func (p *Package) summers(ctx context.Context) []*summer {
	var sums []*summer
	if p.opts.SHA256 != "" && p.file != nil {
		sums = append(sums, p.sum(ctx, "SHA-256 of the file", sha256.New(), 0, p.opts.SHA256))
	}
	for _, c := range p.checks {
		sums = append(sums, p.sum(ctx, c.what, c.hash(), c.off, c.want))
	}
	return sums
}

// sum starts the digest of the file from off to its end.
func (p *Package) sum(ctx context.Context, what string, h hash.Hash, off int64, want string) *summer {
	s := &summer{what: what, want: strings.ToLower(want), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = hashRange(ctx, h, p.file, off, p.size-off)
		s.got = hex.EncodeToString(h.Sum(nil))
	}()
	return s
}

func (s *summer) wait() { <-s.done }

// verify waits and compares.
func (s *summer) verify() error {
	s.wait()
	if s.err != nil {
		return s.err
	}
	if s.got != s.want {
		return where.New(where.Malformed, "%s is %s, expected %s", s.what, s.got, shown(s.want))
	}
	return nil
}
