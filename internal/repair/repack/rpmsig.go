package repack

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"kpkg-btf/internal/pack/rpmhdr"
	"kpkg-btf/internal/where"
)

// signatures of the whole package, which end with its content.
var packageSignatures = []rpmhdr.Tag{
	rpmhdr.SigDSA, rpmhdr.SigRSA, rpmhdr.SigOpenPGP, rpmhdr.SigPGP, rpmhdr.SigGPG, rpmhdr.SigPGP5,
}

// rpmSigHeader is the signature header over a new header and payload: sizes
// and digests that were there are set, signatures left out or made anew.
func (r *rewrite) rpmSigHeader(ctx context.Context, s *stream, hdr *rpmhdr.Header) (*rpmhdr.Header, error) {
	old := r.p.Header().Sig
	change, err := r.fileSignatures(old)
	if err != nil {
		return nil, err
	}
	dropped := 0
	for _, t := range packageSignatures {
		if old.Has(t) {
			change[t] = nil
			dropped++
		}
	}
	if r.o.Sign != nil {
		t, sig, err := r.sign(ctx, hdr.Raw())
		if err != nil {
			return nil, err
		}
		change[t] = rpmhdr.BinValue(sig)
	}
	switch {
	case r.o.Sign != nil && dropped > 0:
		r.note("the package is signed anew: the old signature was made over the old content")
	case dropped > 0:
		r.note("package signature dropped: it was made over the old content; sign the package again")
	}
	laid, err := old.Relay(change)
	if err != nil {
		return nil, err
	}
	e, err := laid.Edit()
	if err != nil {
		return nil, err
	}
	if err := r.sigDigests(laid, e, s, hdr); err != nil {
		return nil, err
	}
	return e.Header()
}

// sigDigests sets the sizes and digests that the signature header has.
func (r *rewrite) sigDigests(h *rpmhdr.Header, e *rpmhdr.Edit, s *stream, hdr *rpmhdr.Header) error {
	all := uint64(len(hdr.Raw())) + uint64(r.packed.Size())
	for _, t := range []rpmhdr.Tag{rpmhdr.SigSize, rpmhdr.SigLongSize} {
		if h.Has(t) {
			if err := e.SetInt(t, 0, all); err != nil {
				return err
			}
		}
	}
	for _, t := range []rpmhdr.Tag{rpmhdr.SigPayloadSize, rpmhdr.SigLongArchiveSize} {
		if err := move(h, e, t, s.written-s.at); err != nil {
			return err
		}
	}
	if h.Has(rpmhdr.SigSHA1) {
		if err := e.SetText(rpmhdr.SigSHA1, 0, fmt.Sprintf("%x", sha1.Sum(hdr.Raw()))); err != nil {
			return err
		}
	}
	if h.Has(rpmhdr.SigSHA256) {
		if err := e.SetText(rpmhdr.SigSHA256, 0, fmt.Sprintf("%x", sha256.Sum256(hdr.Raw()))); err != nil {
			return err
		}
	}
	if !h.Has(rpmhdr.SigMD5) {
		return nil
	}
	sum := md5.New()
	sum.Write(hdr.Raw())
	if err := copyRange(sum, r.packed, 0, r.packed.Size()); err != nil {
		return err
	}
	return e.SetData(rpmhdr.SigMD5, sum.Sum(nil))
}

// fileSignatures takes the IMA and fs-verity signatures of changed files out:
// an empty one means that there is none (lib/rpmfi.c, plugins/ima.c). The tags
// go with the last.
func (r *rewrite) fileSignatures(h *rpmhdr.Header) (map[rpmhdr.Tag]*rpmhdr.Value, error) {
	change := map[rpmhdr.Tag]*rpmhdr.Value{}
	for _, kind := range []struct {
		tag, beside rpmhdr.Tag
		name        string
	}{{rpmhdr.FileSignatures, rpmhdr.FileSignatureLen, "IMA"}, {rpmhdr.VeritySignatures, rpmhdr.VeritySigAlgo, "fs-verity"}} {
		all, err := h.Texts(kind.tag)
		if err != nil {
			return nil, err
		}
		gone := 0
		for _, c := range r.report.Changed {
			for _, i := range r.p.HardLinks(c.index) {
				if i < len(all) && all[i] != "" {
					all[i] = ""
					gone++
				}
			}
		}
		if gone == 0 {
			continue
		}
		r.note(fmt.Sprintf("%s signatures of %d changed files dropped: they were made over the old content", kind.name, gone))
		change[kind.tag] = rpmhdr.TextsValue(all)
		if !slices.ContainsFunc(all, func(s string) bool { return s != "" }) {
			maps.Copy(change, map[rpmhdr.Tag]*rpmhdr.Value{kind.tag: nil, kind.beside: nil})
		}
	}
	return change, nil
}

// sign lets the caller sign the header, and looks that it was this header.
func (r *rewrite) sign(ctx context.Context, header []byte) (rpmhdr.Tag, []byte, error) {
	sig, err := r.o.Sign(ctx, header)
	if err != nil {
		return 0, nil, where.In("signing", err)
	}
	tag, err := checkSignature(sig, header)
	return tag, sig, where.In("signing", err)
}
