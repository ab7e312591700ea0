package release

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// RawBase reads a file that is a base itself: /sys/kernel/btf/vmlinux, what
// bpftool or objcopy dumped, the file beside a manifest; compressed or not. It
// gives a release without a name, of that base alone; nil for any other file.
func RawBase(path string) (*Release, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, nil // whoever reads it next says what is wrong
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil
	}
	packed := codec.Detect(head[:n])
	if packed == codec.None && !isBTF(head[:n]) {
		return nil, nil
	}
	if packed != codec.None && !bytes.Contains([]byte(filepath.Base(path)), []byte(".btf")) {
		return nil, nil // a compressed image: only a name tells them apart cheaply
	}
	blob, err := readRaw(f, head[:n], packed)
	if err != nil || !isBTF(blob) {
		return nil, where.In(path, err)
	}
	return BTFRelease(path, blob)
}

// BTFRelease returns the release, without a name, of raw BTF that is a base; file
// is where it came from. What is no BTF is an error.
func BTFRelease(file string, blob []byte) (*Release, error) {
	size := int64(len(blob))
	cut, err := btf.Cut(blob)
	if err != nil {
		return nil, where.In(file, err)
	}
	raw, err := btf.Parse(cut)
	if err != nil {
		return nil, where.In(file, err)
	}
	facts := &kimage.Facts{Format: []string{"BTF"}, BigEndian: raw.BigEndian(), BTF: cut, BTFWhere: "the file itself", BTFSize: size, BTFOnly: true}
	return &Release{
		Packages: []*Package{{File: file, Kind: "file"}},
		Images:   []*Image{{Source: Source{Package: file}, Origin: Headers, Facts: facts}},
	}, nil
}

func isBTF(head []byte) bool {
	_, err := btf.ReadHeader(append(bytes.Clone(head[:min(len(head), 64)]), make([]byte, 64)...))
	return err == nil
}

func readRaw(f *os.File, head []byte, packed codec.Format) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(head), f), limits.MaxBTF+1))
	switch {
	case err != nil:
		return nil, where.New(where.IO, "%w", err)
	case len(data) > limits.MaxBTF:
		return nil, where.New(where.Limit, "a base of more than %d bytes", limits.MaxBTF)
	case packed == codec.None:
		return data, nil
	}
	var dec codec.Decoder
	return dec.Decode(nil, packed, data, limits.Cap(int64(len(data)), limits.MaxBTF))
}
