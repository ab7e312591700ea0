package kmod

import (
	"bytes"
	"crypto/sha256"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/codec"
)

// Blob is the content of a section that is kept, as it is or packed. The
// zero Blob is that of a module without the section; one of size 0 is another.
type Blob struct {
	data   []byte // packed, or the content
	size   int    // bytes of the content
	packed bool
	there  bool
	sum    [32]byte // of the content, where it is packed
}

// BlobOf keeps b as it is; nil stands for no section.
func BlobOf(b []byte) Blob { return Blob{data: b, size: len(b), there: b != nil} }

// PackedBlob keeps a copy of b packed. buf is scratch memory, which it returns,
// grown or not.
func PackedBlob(b, buf []byte) (Blob, []byte) {
	if len(b) == 0 {
		return BlobOf(b), buf
	}
	buf = codec.PutAside(buf[:0], b)
	return Blob{data: bytes.Clone(buf), size: len(b), packed: true, there: true, sum: sha256.Sum256(b)}, buf
}

// Len is the size of the content in bytes, 0 without the section.
func (b Blob) Len() int { return b.size }

// Missing reports whether the module has no such section.
func (b Blob) Missing() bool { return !b.there }

// Bytes is the content, nil without the section. A packed one is opened anew
// each time: whoever reads it more than once takes Facts.Opened.
func (b Blob) Bytes() []byte {
	if !b.packed {
		return b.data
	}
	return codec.TakeBack(b.data, b.size)
}

// Sum is the SHA-256 of the content.
func (b Blob) Sum() [32]byte {
	if b.packed {
		return b.sum
	}
	return sha256.Sum256(b.data)
}

// SumOrZero is Sum, and zero where there is no content: as stamps and
// manifests have it.
func (b Blob) SumOrZero() [32]byte {
	if b.size == 0 {
		return [32]byte{}
	}
	return b.Sum()
}

// Equal reports whether both have the same content; none is as good as empty.
func (b Blob) Equal(c Blob) bool {
	switch {
	case b.size != c.size:
		return false
	case b.packed || c.packed:
		return b.Sum() == c.Sum()
	}
	return bytes.Equal(b.data, c.data)
}

// Opened are the facts with the BTF as it is; f itself where nothing is packed.
func (f *Facts) Opened() *Facts {
	if !f.BTF.packed && !f.BTFBase.packed {
		return f
	}
	out := *f
	out.BTF, out.BTFBase = BlobOf(f.BTF.Bytes()), BlobOf(f.BTFBase.Bytes())
	return &out
}

// Packed is a copy of the facts with the BTF packed. buf is scratch memory, as
// in PackedBlob.
func (f *Facts) Packed(buf []byte) (*Facts, []byte) {
	out := *f
	for _, b := range [...]*Blob{&out.BTF, &out.BTFBase} {
		if !b.packed {
			*b, buf = PackedBlob(b.data, buf)
		}
	}
	return &out, buf
}

// Fits reports whether a stamp speaks of the very sections that the module has.
func (f *Facts) Fits(mark *stamp.Stamp) bool {
	return mark.Fits(f.BTF.Sum(), f.BTFBase.SumOrZero())
}
