// Package store keeps the results of units under the names of what they answer.
// An object is there whole or not at all, and one that is there never changes:
// whoever computes it again gets the same bytes, and storing those is success.
package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

// Store is a folder, or something that behaves like one. Names have slashes and
// are made by this program alone.
type Store interface {
	// Get returns an object, ErrMissing when there is none.
	Get(ctx context.Context, name string) ([]byte, error)
	// Put stores an object that is missing, or is present already with this very
	// content; with another one it fails with ErrDiffers and changes nothing.
	Put(ctx context.Context, name string, data []byte) error
	// Replace stores an object whatever is present.
	Replace(ctx context.Context, name string, data []byte) error
	// Remove removes an object; that there is none is success.
	Remove(ctx context.Context, name string) error
	// Check fails where there is no such store to read from.
	Check(ctx context.Context) error
	// String names the store in messages.
	String() string
}

// ErrMissing is an object that is missing; ErrDiffers one that is there with
// another content, which no two runs of one version can give.
var (
	ErrMissing = errors.New("not in the store")
	ErrDiffers = errors.New("in the store already with another content: two runs of one version gave different answers")
)

// MaxObject bounds an object, in bytes.
const MaxObject = 256 << 20

// Folder is a store in a folder, which many machines may have mounted: a file gets
// its name by a link or a rename, which NFS does on its server.
type Folder struct{ Path string }

func (f *Folder) String() string { return f.Path }

// Check implements Store.
func (f *Folder) Check(context.Context) error {
	info, err := os.Stat(f.Path)
	if err == nil && !info.IsDir() {
		err = errors.New("not a folder")
	}
	if err != nil {
		return where.In(f.Path, where.New(where.IO, "store: %w", err))
	}
	return nil
}

func (f *Folder) file(name string) string { return filepath.Join(f.Path, filepath.FromSlash(name)) }

// Get implements Store.
func (f *Folder) Get(_ context.Context, name string) ([]byte, error) {
	file := f.file(name)
	r, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, where.In(file, where.New(where.IO, "%w", err))
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, MaxObject+1))
	if err != nil {
		return nil, where.In(file, where.New(where.IO, "%w", err))
	}
	if len(data) > MaxObject {
		return nil, where.In(file, where.New(where.Limit, "more than the %d bytes allowed", MaxObject))
	}
	return data, nil
}

// Put implements Store.
func (f *Folder) Put(ctx context.Context, name string, data []byte) error {
	if there, err := f.same(ctx, name, data); there || err != nil {
		return err
	}
	err := f.write(name, data, fsx.Options{})
	if err == nil {
		return nil
	}
	// Another run may have been faster.
	if there, differs := f.same(ctx, name, data); there || differs != nil {
		return differs
	}
	return err
}

// same reports whether an object is there with this content.
func (f *Folder) same(ctx context.Context, name string, data []byte) (bool, error) {
	have, err := f.Get(ctx, name)
	switch {
	case errors.Is(err, ErrMissing):
		return false, nil
	case err != nil:
		return false, err
	case !bytes.Equal(have, data):
		return false, where.In(f.file(name), where.New(where.Internal, "%w", ErrDiffers))
	}
	return true, nil
}

func (f *Folder) write(name string, data []byte, o fsx.Options) error {
	file := f.file(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return where.In(filepath.Dir(file), where.New(where.IO, "%w", err))
	}
	o.Size = int64(len(data))
	return fsx.WriteFile(file, 0o644, func(w io.Writer) error { _, err := w.Write(data); return err }, nil, o)
}

// Replace implements Store.
func (f *Folder) Replace(_ context.Context, name string, data []byte) error {
	return f.write(name, data, fsx.Options{Force: true})
}

// Remove implements Store.
func (f *Folder) Remove(_ context.Context, name string) error {
	if err := os.Remove(f.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return where.In(f.file(name), where.New(where.IO, "%w", err))
	}
	return nil
}

// Records is the folder of a store that holds manifests, bases and references
// side by side, as every command reads them.
const Records = "records"

// Spread puts a name into one of 256 folders below another by its first digits.
func Spread(folder, digest, ending string) string {
	return strings.Join([]string{folder, digest[:2], digest + ending}, "/")
}
