package pack

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/pack/rpmhdr"
	"kpkg-btf/internal/where"
)

// rpmFormats is the closed set of payload compressors of rpm (tag
// PAYLOADCOMPRESSOR; rpmio/rpmio.c). Nothing is ever executed.
var rpmFormats = map[string]codec.Format{
	"none": codec.None, "gzip": codec.Gzip, "bzip2": codec.Bzip2, "xz": codec.XZ, "lzma": codec.LZMA, "zstd": codec.Zstd,
}

// digestAlgos are OpenPGP's numbers (RFC 9580, 9.5).
var digestAlgos = map[uint64]struct {
	name string
	hash func() hash.Hash
}{
	8: {"sha256", sha256.New}, 9: {"sha384", sha512.New384}, 10: {"sha512", sha512.New},
}

// rpmCheck is a digest over the file from off to its end.
type rpmCheck struct {
	what string
	hash func() hash.Hash
	off  int64
	want string
}

func (p *Package) openRpm() (Contents, error) {
	var err error
	if p.rpm, err = rpmhdr.Read(p.file, p.size); err != nil {
		return nil, err
	}
	if err := p.rpmNames(); err != nil {
		return nil, where.In("header", err)
	}
	format, err := p.rpm.Format()
	if err != nil {
		return nil, where.In("header", err)
	}
	if format != 4 && format != 6 {
		return nil, where.New(where.Unsupported, "rpm package format %d; formats 4 and 6 are read", format)
	}
	if p.rpm.IsSource() {
		p.Kind = SourceRpm
		return p.refuseSource, nil
	}
	p.Kind, p.Fields["Format"] = Rpm, strconv.FormatUint(format, 10)
	if err := p.rpmSize(); err != nil {
		return nil, err
	}
	rp, err := p.rpmPayload()
	if err != nil {
		return nil, where.In("header", err)
	}
	p.payload = rp
	return func(ctx context.Context, w *walker) error { return p.walkRpm(ctx, rp, w) }, nil
}

func (p *Package) refuseSource(context.Context, *walker) error {
	return where.New(where.Unsupported, "a source package: it holds no kernel").WithHint("give the binary packages that were built from it")
}

// rpmNames fills what the header says about the package.
func (p *Package) rpmNames() error {
	h := p.rpm.Hdr
	text := map[rpmhdr.Tag]string{}
	for _, tag := range []rpmhdr.Tag{rpmhdr.Name, rpmhdr.Version, rpmhdr.Release, rpmhdr.Arch, rpmhdr.SourceRpm, rpmhdr.PayloadCompressor, rpmhdr.PayloadFlags, rpmhdr.Encoding} {
		s, err := h.Text(tag)
		if err != nil {
			return err
		}
		text[tag] = s
	}
	p.Name, p.Arch = text[rpmhdr.Name], text[rpmhdr.Arch]
	p.Version = text[rpmhdr.Version] + "-" + text[rpmhdr.Release]
	if p.Name == "" || text[rpmhdr.Version] == "" || text[rpmhdr.Release] == "" {
		return where.New(where.Malformed, "rpm header without name, version or release")
	}
	epoch, ok, err := h.Int(rpmhdr.Epoch)
	if err != nil {
		return err
	}
	if ok {
		p.Version = strconv.FormatUint(epoch, 10) + ":" + p.Version
	}
	provides, err := p.rpmProvides()
	if err != nil {
		return err
	}
	p.Fields = map[string]string{
		"Provides": strings.Join(provides, ", "), "Sourcerpm": text[rpmhdr.SourceRpm], "Encoding": text[rpmhdr.Encoding],
		"Payload": strings.TrimSpace(text[rpmhdr.PayloadCompressor] + " " + text[rpmhdr.PayloadFlags]),
	}
	p.Source, p.SourceVersion = sourceOf(text[rpmhdr.SourceRpm])
	return nil
}

// sourceOf splits "name-version-release.src.rpm".
func sourceOf(file string) (name, version string) {
	file = strings.TrimSuffix(strings.TrimSuffix(file, ".rpm"), ".src")
	file = strings.TrimSuffix(file, ".nosrc")
	r := strings.LastIndexByte(file, '-')
	if r <= 0 {
		return file, ""
	}
	v := strings.LastIndexByte(file[:r], '-')
	if v <= 0 {
		return file, ""
	}
	return file[:v], file[v+1:]
}

// Sense bits of a dependency (RPMSENSE_LESS, GREATER, EQUAL; lib/rpmds.h).
var senses = [...]string{2: "<", 4: ">", 8: "=", 10: "<=", 12: ">="}

func (p *Package) rpmProvides() ([]string, error) {
	h := p.rpm.Hdr
	names, err := h.Texts(rpmhdr.ProvideName)
	if err != nil {
		return nil, err
	}
	versions, err := h.Texts(rpmhdr.ProvideVersion)
	if err != nil {
		return nil, err
	}
	flags, err := h.Ints(rpmhdr.ProvideFlags)
	if err != nil {
		return nil, err
	}
	if versions != nil && len(versions) != len(names) || flags != nil && len(flags) != len(names) {
		return nil, where.New(where.Malformed, "rpm header has %d provides, %d versions, %d flags", len(names), len(versions), len(flags))
	}
	for i := range names {
		if versions == nil || flags == nil || versions[i] == "" {
			continue
		}
		if sense := flags[i] & 14; sense < uint64(len(senses)) && senses[sense] != "" {
			names[i] += " " + senses[sense] + " " + versions[i]
		}
	}
	return names, nil
}

// rpmSize compares the file with the size in the signature header, which
// counts header and payload (tags SIZE and LONGSIZE; gone in rpm 6).
func (p *Package) rpmSize() error {
	for _, tag := range []rpmhdr.Tag{rpmhdr.SigLongSize, rpmhdr.SigSize} {
		want, ok, err := p.rpm.Sig.Int(tag)
		if err != nil {
			return where.In("signature header", err)
		}
		if have := p.size - p.rpm.HdrOff; ok && uint64(have) != want {
			what := "data after the package"
			if uint64(have) < want {
				what = "truncated"
			}
			return where.New(where.Malformed, "%s: header and payload are %d bytes, the signature header says %d", what, have, want).At(p.size)
		}
		if ok {
			return nil
		}
	}
	return nil
}

// rpmPayload reads everything the walk needs from the header.
func (p *Package) rpmPayload() (*rpmPayload, error) {
	h := p.rpm.Hdr
	format, err := h.Text(rpmhdr.PayloadFormat)
	if err != nil {
		return nil, err
	}
	if format != "cpio" && format != "" {
		return nil, where.New(where.Unsupported, "rpm payload format %s; cpio is read", shown(format))
	}
	rp := &rpmPayload{}
	if rp.format, err = p.rpmCompressor(); err != nil {
		return nil, err
	}
	if rp.files, err = readRpmFiles(h); err != nil {
		return nil, err
	}
	return rp, p.rpmDigests(rp)
}

func (p *Package) rpmCompressor() (codec.Format, error) {
	name, err := p.rpm.Hdr.Text(rpmhdr.PayloadCompressor)
	if err != nil {
		return 0, err
	}
	if name == "" { // rpm takes it for gzip, and its gzip reader passes plain data
		head := make([]byte, codec.HeadSize)
		n, _ := p.file.ReadAt(head, p.rpm.Payload)
		if codec.Detect(head[:n]) == codec.Gzip {
			return codec.Gzip, nil
		}
		return codec.None, nil
	}
	f, ok := rpmFormats[name]
	if !ok {
		return 0, where.New(where.Unsupported, "rpm payload compressor %s; none, gzip, bzip2, xz, lzma and zstd are read", shown(name))
	}
	return f, nil
}

// rpmDigests chooses what protects the payload: the digest of the compressed
// payload, or of the decompressed one, or of old packages the MD5 over header
// and payload.
func (p *Package) rpmDigests(rp *rpmPayload) error {
	h := p.rpm.Hdr
	algo, ok, err := h.Int(rpmhdr.PayloadDigestAlgo)
	if err != nil {
		return err
	}
	if !ok {
		algo = rpmhdr.AlgoSHA256
	}
	for _, tag := range []rpmhdr.Tag{rpmhdr.PayloadDigest, rpmhdr.PayloadDigestAlt} {
		all, err := h.Texts(tag)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			continue
		}
		a, known := digestAlgos[algo]
		if !known || len(all) > 1 {
			return where.New(where.Unsupported, "rpm payload digest of algorithm %d with %d values", algo, len(all))
		}
		if tag == rpmhdr.PayloadDigest {
			p.Coverage = a.name
			p.checks = []rpmCheck{{a.name + " of the rpm payload", a.hash, p.rpm.Payload, all[0]}}
		} else {
			p.Coverage, rp.alt, rp.altHash = a.name+"-alt", strings.ToLower(all[0]), a.hash
		}
		return nil
	}
	if sum := p.rpm.Sig.Data(rpmhdr.SigMD5); len(sum) == md5.Size {
		p.Coverage = "md5"
		p.checks = []rpmCheck{{"md5 of the rpm header and payload", md5.New, p.rpm.HdrOff, hex.EncodeToString(sum)}}
	}
	return nil
}
