package repair

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// buildBase is the base that the modules of a release were built on.
type buildBase struct {
	raw   *btf.Raw
	id    stamp.Base
	where string
	// own: it is that of the release's image, which the judge compares with
	// every module. Any other is only said to be theirs.
	own  bool
	base *kernel.Base
}

func newBase(blob []byte, origin string) (*buildBase, error) {
	raw, err := btf.Parse(blob)
	if err != nil {
		return nil, where.In(origin, err)
	}
	id, err := stamp.BaseOf(blob, raw)
	return &buildBase{raw: raw, id: id, where: origin, base: &kernel.Base{Raw: raw, Sum: id.Digest, Where: origin}}, where.In(origin, err)
}

// bases are those of --base, by release, and one that names none; and those of
// the kernels that the result is judged on.
type bases struct {
	byKey    map[release.Key]*buildBase
	any      *buildBase
	on       map[release.Key]*buildBase
	byDigest map[string]*buildBase // all of them, by checksum in hex
}

// readBases reads --base: raw BTF (compressed or not), or whatever holds a
// release: an image, a package, a manifest with the base beside it.
func (j *job) readBases(ctx context.Context) (*bases, error) {
	out := &bases{byKey: map[release.Key]*buildBase{}, on: map[release.Key]*buildBase{}, byDigest: map[string]*buildBase{}}
	for _, set := range j.o.On {
		if err := out.addAll(set, out.on); err != nil {
			return nil, err
		}
	}
	var sets []string
	for _, path := range j.o.Base {
		blob, err := rawBTF(path)
		if err != nil {
			return nil, where.In(path, err)
		}
		if blob == nil {
			sets = append(sets, path)
			continue
		}
		if out.any != nil {
			return nil, where.In(path, usage("a second base that names no release"))
		}
		if out.any, err = newBase(blob, path); err != nil {
			return nil, err
		}
		out.byDigest[out.any.digest()] = out.any
	}
	if len(sets) == 0 {
		return out, nil
	}
	inputs, err := pack.Expand(sets)
	if err != nil {
		return nil, err
	}
	l, err := release.Load(ctx, inputs, release.Options{Jobs: j.o.Jobs, Images: &j.images})
	if err != nil {
		return nil, err
	}
	if err := out.addAll(l, out.byKey); err != nil {
		return nil, err
	}
	if len(out.byKey) == 0 {
		return nil, usage("--base: no base BTF in %s", sets[0])
	}
	return out, nil
}

// addAll takes the bases of all releases of a set.
func (b *bases) addAll(l *release.Loaded, byKey map[release.Key]*buildBase) error {
	for _, r := range l.Releases {
		own, err := baseIn(r)
		if err != nil {
			return err
		}
		if own != nil {
			byKey[r.Key], b.byDigest[own.digest()] = own, own
		}
	}
	return nil
}

// names are the releases whose bases --base gave.
func (b *bases) names() string {
	var out []string
	for k := range b.byKey {
		out = append(out, k.String())
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (b *buildBase) digest() string { return hex.EncodeToString(b.id.Digest[:]) }

// rawBTF reads a file that is BTF and nothing else; nil for another one.
func rawBTF(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, where.New(where.Usage, "%w", errors.Unwrap(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > limits.MaxBTF {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, where.New(where.IO, "%w", err)
	}
	if c := codec.Detect(b); c == codec.Zstd || c == codec.XZ || c == codec.Gzip {
		plain, err := new(codec.Decoder).Decode(nil, c, b, limits.Cap(int64(len(b)), limits.MaxPacked))
		if err != nil {
			return nil, nil // release.Load says what is wrong with it
		}
		b = plain
	}
	if len(b) < 2 || !bytes.Equal(b[:2], []byte{0x9f, 0xeb}) && !bytes.Equal(b[:2], []byte{0xeb, 0x9f}) {
		return nil, nil
	}
	return b, nil
}

// baseIn returns the base of a release: its image's, or that beside its manifest.
func baseIn(r *release.Release) (*buildBase, error) {
	blob, err := r.WholeBase()
	if err != nil || blob == nil {
		return nil, err
	}
	if _, im := r.Base(); im != nil {
		return newBase(blob, im.Source.String())
	}
	return newBase(blob, r.Name+": the base beside the manifest")
}

// of returns the base of a release that is repaired, nil if nothing holds one.
// What --base names must not contradict the image.
func (b *bases) of(r *release.Release) (*buildBase, error) {
	given := b.byKey[r.Key]
	if given == nil {
		given = b.any
	}
	own, err := baseIn(r)
	if err != nil {
		return nil, err
	}
	switch {
	case own == nil && given == nil && len(b.byKey) > 0:
		return nil, where.In(r.Name, usage("--base: no base of release %s in it, but of %s", r.Key, b.names()).
			WithHint("give the image of that very release; each flavour has a base of its own"))
	case own == nil && given == nil:
		return b.on[r.Key], nil
	case own == nil:
		return given, nil
	case given != nil && given.id.Digest != own.id.Digest:
		return nil, where.In(r.Name, usage("two bases: %s has %x…, %s has %x…", own.where, own.id.Digest[:4], given.where, given.id.Digest[:4]).
			WithHint("modules are built on one: leave out --base, or the image that is not theirs"))
	}
	own.own = true
	return own, nil
}
