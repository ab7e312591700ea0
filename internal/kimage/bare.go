package kimage

import (
	"bytes"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/where"
)

// A base by itself: /sys/kernel/btf/vmlinux, what bpftool or objcopy dumps, what
// people put in the place of a headers' vmlinux, and btfhub's archives, a tar of
// one such file.

// IsBTF reports whether head begins like raw BTF, in either byte order.
func IsBTF(head []byte) bool {
	_, err := btf.ReadHeader(append(bytes.Clone(head[:min(len(head), 64)]), make([]byte, 64)...))
	return err == nil
}

// bare makes the facts of a base without an image: what functions and types in it
// tell, and no more.
func (p *parser) bare(n node) (*Facts, error) {
	p.broken = true
	raw, err := btf.Parse(n.data)
	if err != nil {
		return nil, where.In("BTF", err)
	}
	f := &Facts{Format: append(n.chain[:len(n.chain):len(n.chain)], "BTF"), BigEndian: raw.BigEndian(),
		BTF: bytes.Clone(raw.Bytes()), BTFWhere: "the file itself", BTFSize: int64(len(n.data)), BTFOnly: true}
	f.Abilities = new(kernel).abilities(f, raw)
	return f, nil
}

// tarHead is the size of a tar's header, tarMagic where "ustar" stands in it
// (tar(5)).
const (
	tarHead  = 512
	tarMagic = 257
)

func isTar(b []byte) bool {
	return len(b) >= tarHead && string(b[tarMagic:tarMagic+5]) == "ustar"
}

// openTar returns the first file of a tar, if it is a base.
func openTar(b []byte) ([]node, error) {
	size, err := strconv.ParseUint(strings.Trim(string(b[124:136]), "\x00 "), 8, 64)
	if err != nil {
		return nil, where.New(where.Malformed, "size of the first file in the tar: %q", b[124:136]).At(124)
	}
	data, err := span(b, tarHead, size, "the first file in the tar", 124)
	if err != nil {
		return nil, err
	}
	if !IsBTF(data) {
		return nil, where.New(where.Unsupported, "a tar whose first file is no BTF").At(tarHead)
	}
	return []node{{data: data, off: tarHead, claim: -1, packed: codec.None}}, nil
}
