package release

import (
	"context"
	"crypto/sha256"
	"sync"

	"kpkg-btf/internal/kimage"
)

// Images keep what images hold from one Load of the same inputs to the next:
// decompressing an image is a third of reading its package. The zero value is
// ready, also for several goroutines.
type Images struct{ known sync.Map } // SHA-256 of the file -> *kimage.Facts

// parse is kimage.Parse of a file that may be known. A nil Images knows none.
func (k *Images) parse(ctx context.Context, data []byte, o kimage.Options) (*kimage.Facts, error) {
	if k == nil {
		return kimage.Parse(ctx, data, o)
	}
	sum := sha256.Sum256(data)
	if f, ok := k.known.Load(sum); ok {
		return f.(*kimage.Facts), nil
	}
	f, err := kimage.Parse(ctx, data, o)
	if err == nil {
		k.known.Store(sum, f)
	}
	return f, err
}
