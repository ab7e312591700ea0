package pack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"strings"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack/tarstream"
	"kpkg-btf/internal/where"
)

// apkFormat is a package of Alpine's of format 2: gzip members one after the
// other, the signature, the control files, the data. The tar archives in the
// first two are cut off before their end marker (apk-package(5)).
type apkFormat struct{}

const (
	apkSignature = ".SIGN."
	apkControl   = "control"
	apkData      = "data"
	apkV3        = "ADB"    // of format 3: plain, deflated ("ADBd") or with its compression named ("ADBc")
	apkHead      = 16 << 20 // compressed bytes before the data
)

func (apkFormat) Endings() []string { return []string{".apk"} }

func (f apkFormat) Is(ctx context.Context, p *Package, head []byte) bool {
	if named, _ := claims(p.Path); named == f && bytes.HasPrefix(head, []byte(apkV3)) {
		return true
	}
	k := p.begins(ctx, head)
	if k.format != codec.Gzip {
		return false
	}
	named, _ := claims(p.Path)
	return strings.HasPrefix(k.first, apkSignature) || k.info != nil && (named == f || bytes.Contains(k.info, []byte("\ndatahash")))
}

func (apkFormat) Open(_ context.Context, p *Package) (Contents, error) {
	head := make([]byte, min(p.size, apkHead))
	if _, err := p.file.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, ioError(err)
	}
	if bytes.HasPrefix(head, []byte(apkV3)) {
		return nil, where.New(where.Unsupported, "an .apk of format 3 (ADB); format 2 is read").At(0).
			WithHint("unpack it and give the folder: apk extract --allow-untrusted --destination FOLDER FILE")
	}
	off, err := p.apkControl(head)
	if err != nil {
		return nil, err
	}
	p.Kind = Apk
	if hash := p.Fields["datahash"]; hash != "" {
		p.Coverage = "sha256"
		p.checks = []rpmCheck{{"datahash of " + pkgInfo, sha256.New, off, hash}}
	}
	part := tarPart{name: apkData, format: codec.Gzip, content: io.NewSectionReader(p.file, off, p.size-off)}
	return func(ctx context.Context, w *walker) error { return p.walkTar(ctx, part, w, hidden) }, nil
}

// apkControl reads the members before the data and returns where that begins.
func (p *Package) apkControl(head []byte) (off int64, err error) {
	var d codec.Decoder
	for p.Name == "" {
		if off >= int64(len(head)) {
			return 0, where.New(where.Malformed, "no %s before the data", pkgInfo).At(off)
		}
		out, n, err := d.DecodePrefix(nil, codec.Gzip, head[off:], limits.Cap(int64(len(head)), peekSize))
		if err != nil {
			return 0, where.In(apkControl, err)
		}
		if err := p.apkSegment(out); err != nil {
			return 0, where.In(apkControl, err)
		}
		off += int64(n)
	}
	if off == p.size {
		return 0, where.New(where.Malformed, "truncated: no data after %s", pkgInfo).At(off)
	}
	return off, nil
}

// apkSegment takes in one archive before the data.
func (p *Package) apkSegment(out []byte) error {
	if len(out) == 0 || len(out)%tarstream.BlockLen != 0 {
		return where.New(where.Malformed, "%d bytes are no part of a tar archive", len(out))
	}
	var info []byte
	signature := false
	ends := bytes.NewReader(make([]byte, 2*tarstream.BlockLen))
	err := eachEntry(tarstream.NewReader(io.MultiReader(bytes.NewReader(out), ends)), func(h *tarstream.Header, t *tarstream.Reader) (err error) {
		switch {
		case h == nil:
		case h.Name == pkgInfo:
			info, err = tarText(info, pkgInfo, h, t)
		case strings.HasPrefix(h.Name, apkSignature):
			signature = true
		case !strings.HasPrefix(h.Name, "."):
			err = where.New(where.Malformed, "%s stands before the data", shown(h.Name)).At(h.Off)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case info != nil:
		return where.In(pkgInfo, p.setPkgInfo(info, "origin"))
	case !signature:
		return where.New(where.Malformed, "neither a signature nor %s", pkgInfo)
	}
	return nil
}
