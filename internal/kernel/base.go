package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// Base is a vmlinux BTF with its checksum.
type Base struct {
	Raw   *btf.Raw
	Sum   [32]byte // of Raw.Bytes
	Where string   // where it was found, in words

	once  sync.Once
	index *evidence.Base
}

// Index is the base prepared for checks of the modules that may have been
// encoded against it; made when it is first asked for.
func (b *Base) Index() *evidence.Base {
	b.once.Do(func() { b.index = evidence.Index(b.Raw) })
	return b.index
}

// Ref names the base in figures.
func (b *Base) Ref() model.BaseRef {
	return model.BaseRef{SHA256: hex.EncodeToString(b.Sum[:]), Types: b.Raw.NumTypes(), StringBytes: b.Raw.StrLen(), Where: b.Where}
}

// BaseOf finds the base of a release: that of its boot image, else that of the
// vmlinux in its headers or debug package, or what lies beside its manifest.
// nil when there is none.

func BaseOf(r *release.Release) (*Base, error) {
	blob, err := r.WholeBase()
	if err != nil || blob == nil {
		return nil, err
	}
	raw, err := btf.Parse(blob)
	_, im := r.Base()
	if err != nil {
		if im != nil {
			return nil, im.Source.In(err)
		}
		return nil, where.In(r.Name, err)
	}
	b := &Base{Raw: raw, Sum: sha256.Sum256(raw.Bytes())}
	if im != nil {
		b.Where = im.Source.Path + " (" + im.Facts.BTFWhere + ")"
	} else {
		b.Where = r.Doc.Base.Where
	}
	return b, nil
}
