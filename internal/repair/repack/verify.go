package repack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/where"
)

func (r *rewrite) publish(perm uint32, write func(io.Writer) error, verify func(io.ReaderAt, int64) error) error {
	return fsx.WriteFile(r.out, os.FileMode(perm), write, verify, r.fsOptions())
}

// verify reads the output as a stranger would: the same package, a payload
// that decodes to what was handed to the compressor, each changed file with
// its new content, and dpkg-deb or rpm see the same.
func (r *rewrite) verify(ctx context.Context) func(io.ReaderAt, int64) error {
	return func(ra io.ReaderAt, size int64) error {
		p, err := pack.OpenReader(ctx, "as written", ra, size, pack.Options{Jobs: r.o.Jobs})
		if err != nil {
			return bad(err)
		}
		defer p.Close()
		if (p.Kind == pack.Rpm) != (r.p.Kind == pack.Rpm) || p.Name != r.p.Name || p.Version != r.p.Version || p.Arch != r.p.Arch {
			return bad(fmt.Errorf("it is the package %s %s %s now", p.Name, p.Version, p.Arch))
		}
		decoded, err := r.crossCheck(ctx, p, ra, size)
		if err != nil {
			return bad(err)
		}
		if err := r.verifyFiles(ctx, p, decoded); r.refused.Load() {
			return err // in the words of Options.Verify
		} else if err != nil {
			return bad(err)
		}
		r.report.SHA256, err = p.SHA256(ctx)
		return err
	}
}

// bad says that what was written is wrong, which is a fault of this program or
// of the compressor; faults of the machine stay what they are.
func bad(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || where.KindOf(err) == where.IO {
		return err
	}
	return where.New(where.Internal, "verification of own output failed, it is discarded: %w", err)
}

// verifyFiles reads the payload once: all of it by its digest, if another
// program has not decoded it to that, and each changed file by its size and the
// judgement of Verify, or by its digest where there is none.
func (r *rewrite) verifyFiles(ctx context.Context, p *pack.Package, decoded bool) error {
	want := make(map[string]*Changed, len(r.report.Changed))
	for i := range r.report.Changed {
		want[r.report.Changed[i].Path] = &r.report.Changed[i]
	}
	left := len(want)
	all := sha256.New()
	ed := Editor{
		Select: func(e *pack.Entry) bool { return want[e.Path] != nil },
		Edit: func(ctx context.Context, e *pack.Entry, content []byte, _ func(int) []byte) ([]byte, error) {
			return nil, r.verifyFile(ctx, want[e.Path], e, content)
		},
	}
	err := r.pipeline(ctx, p, ed, func(u *unit) error {
		if u.file {
			left--
		}
		if decoded {
			return nil
		}
		all.Write(u.raw.Gap)
		all.Write(u.raw.Head)
		all.Write(u.content)
		_, err := io.CopyN(all, zeros{}, u.raw.Zeros)
		return err
	})
	switch {
	case err != nil:
		return err
	case left != 0:
		return fmt.Errorf("%d changed files are not in it", left)
	case !decoded && !bytes.Equal(all.Sum(nil), r.sum):
		return fmt.Errorf("the payload decodes to SHA-256 %x, %x was compressed", all.Sum(nil), r.sum)
	}
	return nil
}

func (r *rewrite) verifyFile(ctx context.Context, c *Changed, e *pack.Entry, content []byte) error {
	if e.Size != c.NewSize {
		return fmt.Errorf("%d bytes, not %d", e.Size, c.NewSize)
	}
	if r.o.Verify == nil {
		h := r.digest()
		h.Write(content)
		if got := hex.EncodeToString(h.Sum(nil)); got != c.NewSum {
			return fmt.Errorf("digest %s, not %s", got, c.NewSum)
		}
		return nil
	}
	err := r.o.Verify(ctx, e, content)
	if err != nil {
		r.refused.Store(true)
	}
	return err
}

// crossCheck lets the format's own program read the output, if it is here.
// decoded says that it has seen the payload that was compressed.
func (r *rewrite) crossCheck(ctx context.Context, p *pack.Package, ra io.ReaderAt, size int64) (decoded bool, err error) {
	args := []string{"dpkg-deb", "--fsys-tarfile", "-"}
	if p.Kind == pack.Rpm {
		args = []string{"rpm", "-K", "--nosignature", "/dev/stdin"}
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		return false, r.otherLibrary(ctx, p, args[0], io.NewSectionReader(ra, 0, size))
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin = io.NewSectionReader(ra, 0, size)
	if f := fsx.Descriptor(ra); f != nil { // nobody moved its offset: all else reads at offsets
		cmd.Stdin = f
	}
	sum := sha256.New()
	var said bytes.Buffer
	cmd.Stderr, cmd.Stdout = &said, sum
	if p.Kind == pack.Rpm {
		cmd.Stdout = &said
	}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		return false, fmt.Errorf("%s: %w: %s", args[0], err, strings.Join(strings.Fields(said.String()), " "))
	}
	decoded = p.Kind != pack.Rpm
	if decoded && !bytes.Equal(sum.Sum(nil), r.sum) {
		return false, fmt.Errorf("dpkg-deb reads a payload of SHA-256 %x, %x was compressed", sum.Sum(nil), r.sum)
	}
	r.report.CrossChecked = args[0]
	return decoded, nil
}
