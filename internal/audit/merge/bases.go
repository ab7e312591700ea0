package merge

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ulikunitz/xz"

	"kpkg-btf/internal/audit/plan"
	"kpkg-btf/internal/audit/store"
	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Bases writes the bases of kernels as btfhub keeps them: ARCH/UNAME.btf.tar.xz
// below a folder that the caller names after distribution and release.
type Bases struct {
	Folder string
	Store  store.Store
	// Written counts the files that were not there.
	Written int

	held  *held
	names map[string]bool
}

// held is a kernel whose file has no name yet: the next row reports whether a newer
// upload of the same name follows.
type held struct {
	side      *plan.Side
	dir, base string
}

// btfhubArch are btfhub's words for architectures where they are not uname -m's.
var btfhubArch = map[model.Arch]string{model.ARM64: "arm64"}

// Row implements Sink. Of several uploads under one name, which follow each other in
// a plan, the newest has the plain name and those before it _VERSION behind it.
func (b *Bases) Row(ctx context.Context, r *Row) error {
	if r.Unit.Kind != plan.Kernel || r.Result == nil || r.Result.Record == nil || r.Result.Record.Base == "" {
		return nil
	}
	side := &r.Unit.New
	arch := model.ArchOfPackage(side.Arch)
	word := btfhubArch[arch]
	if word == "" {
		word = string(arch)
	}
	if word == "" || strings.ContainsAny(side.Name+side.Version, "/\x00") || strings.HasPrefix(side.Name, ".") {
		return where.In(side.Title(), where.New(where.Unsupported, "a release or architecture that cannot be the name of a file"))
	}
	next := &held{side, filepath.Join(b.Folder, word), r.Result.Record.Base}
	if err := b.settle(ctx, next); err != nil {
		return err
	}
	b.held = next
	return nil
}

// Flush writes the last one.
func (b *Bases) Flush(ctx context.Context) error { return b.settle(ctx, nil) }

// settle writes the kernel that is held, now that the next one is known.
func (b *Bases) settle(ctx context.Context, next *held) error {
	h := b.held
	if h == nil {
		return nil
	}
	name := h.side.Name
	if next != nil && next.dir == h.dir && next.side.Name == name {
		name += "_" + strings.ReplaceAll(h.side.Version, ":", "%3a")
	}
	if b.names == nil {
		b.names = map[string]bool{}
	}
	for b.names[h.dir+"/"+name] { // two builds under one name and version
		name += "_" + h.base[:8]
	}
	b.names[h.dir+"/"+name] = true
	return where.In(h.side.Title(), b.write(ctx, h, name))
}

func (b *Bases) write(ctx context.Context, h *held, name string) error {
	packed, err := b.Store.Get(ctx, store.Records+"/"+h.base)
	if err != nil {
		return err
	}
	sum, err := hex.DecodeString(strings.TrimSuffix(h.base, manifest.BaseName([32]byte{})[64:]))
	if err != nil || len(sum) != 32 {
		return where.New(where.Malformed, "a base named %s", where.Clean(h.base))
	}
	base, err := manifest.ReadBase(bytes.NewReader(packed), [32]byte(sum))
	if err != nil {
		return err
	}
	text, err := archive(h.side.Name, base)
	if err != nil {
		return where.New(where.Internal, "%w", err)
	}
	file := filepath.Join(h.dir, name+".btf.tar.xz")
	have, err := os.ReadFile(file)
	if err == nil && bytes.Equal(have, text) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return where.In(file, where.New(where.IO, "%w", err))
	}
	if err := os.MkdirAll(h.dir, 0o777); err != nil {
		return where.In(h.dir, where.New(where.IO, "%w", err))
	}
	b.Written++
	return fsx.WriteFile(file, 0o644, func(w io.Writer) error { _, err := w.Write(text); return err }, nil, fsx.Options{Force: true})
}

// archive packs a base as btfhub does: one file UNAME.btf in a tar, xz. The same
// base returns the same bytes.
func archive(name string, base []byte) ([]byte, error) {
	var out bytes.Buffer
	x, err := xz.NewWriter(&out)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(x)
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name + ".btf", Size: int64(len(base)), Mode: 0o644}); err != nil {
		return nil, err
	}
	if _, err := t.Write(base); err != nil {
		return nil, err
	}
	if err := errors.Join(t.Close(), x.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
