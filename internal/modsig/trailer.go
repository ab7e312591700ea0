package modsig

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"

	"kpkg-btf/internal/where"
)

const (
	magic     = "~Module signature appended~\n"
	infoSize  = 12 // struct module_signature
	idPKCS7   = 2  // enum pkey_id_type
	maxCMS    = 1 << 20
	tailAfter = 64 // bytes after a trailer within which the trailer is still recognised
)

// Split cuts the signature trailer off a module: content is what is signed,
// cms the signature message (a part of the input), nil when there is none. The
// rules are those of the kernel's mod_check_sig (kernel/module_signature.c);
// a trailer that the kernel would overlook because bytes follow it, and a
// module signed twice, are Malformed too: somebody meant to sign it.
func Split(module []byte) (content, cms []byte, err error) {
	content, ok := bytes.CutSuffix(module, []byte(magic))
	if !ok {
		if err := misplaced(module); err != nil {
			return nil, nil, err
		}
		return module, nil, nil
	}
	at := int64(len(content)) - infoSize
	if at < 0 {
		return nil, nil, bad(0, "signature trailer cut short: %d bytes before its magic string", len(content))
	}
	info := content[at:]
	if info[2] != idPKCS7 {
		return nil, nil, bad(at+2, "signature of type %d, not PKCS#7", info[2])
	}
	for i := range infoSize - 4 {
		if i != 2 && info[i] != 0 {
			return nil, nil, bad(at+int64(i), "signature trailer: byte %d is 0x%02x, not 0", i, info[i])
		}
	}
	n := int64(binary.BigEndian.Uint32(info[8:]))
	if n == 0 || n >= at || n > maxCMS {
		return nil, nil, bad(at+8, "signature of %d bytes in a file of %d", n, len(module))
	}
	content, cms = content[:at-n:at-n], content[at-n:at]
	if bytes.HasSuffix(content, []byte(magic)) {
		return nil, nil, bad(at-n-int64(len(magic)), "a second signature trailer before the first")
	}
	return content, cms, nil
}

// misplaced fails if a trailer is there but not at the very end.
func misplaced(module []byte) error {
	tail := module[max(0, len(module)-len(magic)-tailAfter):]
	i := bytes.LastIndex(tail, []byte(magic))
	if i < 0 {
		return nil
	}
	end := len(module) - len(tail) + i + len(magic)
	return where.New(where.Malformed, "%d bytes after the signature trailer: the kernel takes the module for unsigned", len(module)-end).At(int64(end))
}

// Parse reads the signature of a module and computes the digest it covers.
// Without a trailer sig is nil and content all of the module. Nothing that is
// returned but content refers to the input.
func Parse(module []byte) (content []byte, sig *Signature, err error) {
	content, cms, err := Split(module)
	if err != nil || cms == nil {
		return content, nil, err
	}
	sig, err = ParseCMS(cms, int64(len(content)))
	if err != nil {
		return nil, nil, err
	}
	sig.Measure(content, nil)
	return content, sig, nil
}

// Measure sets the digest of the signed content. A caller that has its SHA-256
// already gives it as sum.
func (s *Signature) Measure(content []byte, sum *[32]byte) {
	h := hashOf(s.Hash)
	switch {
	case h == 0:
		s.Digest = nil
	case s.Hash == "sha256" && sum != nil:
		s.Digest = bytes.Clone(sum[:])
	default:
		w := h.New()
		w.Write(content)
		s.Digest = w.Sum(nil)
	}
}

func keyID(s *Signature) string {
	if s.SKID != nil {
		return hex.EncodeToString(s.SKID)
	}
	return hex.EncodeToString(s.Serial)
}

func bad(off int64, format string, args ...any) error {
	return where.New(where.Malformed, format, args...).At(off)
}
