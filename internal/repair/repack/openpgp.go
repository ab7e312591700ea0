package repack

import (
	"encoding/binary"

	"kpkg-btf/internal/pack/rpmhdr"
	"kpkg-btf/internal/where"
)

// checkSignature reads an OpenPGP signature (RFC 9580, 5.2.3) as `gpg
// --detach-sign` makes it: one packet of version 4 over a binary document. The
// first two bytes of the digest, which it carries, report whether it was made
// over data; only the key could tell more. The tag is where rpm looks for a
// signature of its algorithm.
func checkSignature(sig, data []byte) (rpmhdr.Tag, error) {
	bad := func(format string, args ...any) (rpmhdr.Tag, error) {
		return 0, where.New(where.Malformed, "not a signature for an rpm: "+format, args...).
			WithHint("a binary detached OpenPGP signature of its input is wanted, as from gpg --detach-sign --no-armor")
	}
	body, err := packet(sig)
	if err != nil {
		return bad("%w", err)
	}
	if len(body) < 6 || body[0] != 4 || body[1] != 0 {
		return bad("version 4 over a binary document is read")
	}
	hashed := 6 + int(binary.BigEndian.Uint16(body[4:]))
	if len(body) < hashed+2 {
		return bad("cut off")
	}
	unhashed := hashed + 2 + int(binary.BigEndian.Uint16(body[hashed:]))
	if len(body) < unhashed+4 {
		return bad("cut off")
	}
	algorithm := hashes[uint64(body[3])]
	if algorithm == nil || body[3] < 8 {
		return bad("hash algorithm %d", body[3])
	}
	h := algorithm()
	h.Write(data)
	h.Write(body[:hashed])
	h.Write(binary.BigEndian.AppendUint32([]byte{4, 0xff}, uint32(hashed)))
	if sum := h.Sum(nil); sum[0] != body[unhashed] || sum[1] != body[unhashed+1] {
		return bad("it was made over something else")
	}
	switch body[2] {
	case 1, 2, 3:
		return rpmhdr.SigRSA, nil
	case 17, 19, 22, 27, 28:
		return rpmhdr.SigDSA, nil
	}
	return bad("public-key algorithm %d", body[2])
}

// packet is the body of the one packet that sig must be: a signature, tag 2.
func packet(sig []byte) ([]byte, error) {
	wrong := where.New(where.Malformed, "not one signature packet")
	if len(sig) < 2 || sig[0]&0x80 == 0 {
		return nil, wrong
	}
	tag, n, at := sig[0]&0x3f, -1, 0
	if sig[0]&0x40 == 0 { // the old form
		tag = sig[0] >> 2 & 0xf
		switch width := 1 << (sig[0] & 3); {
		case width == 1:
			n, at = int(sig[1]), 2
		case width == 2 && len(sig) >= 3:
			n, at = int(binary.BigEndian.Uint16(sig[1:])), 3
		case width == 4 && len(sig) >= 5:
			n, at = int(binary.BigEndian.Uint32(sig[1:])), 5
		}
	} else {
		switch first := int(sig[1]); {
		case first < 192:
			n, at = first, 2
		case first < 224 && len(sig) >= 3:
			n, at = (first-192)<<8+int(sig[2])+192, 3
		case first == 255 && len(sig) >= 6:
			n, at = int(binary.BigEndian.Uint32(sig[2:])), 6
		}
	}
	if tag != 2 || n < 0 || n != len(sig)-at {
		return nil, wrong
	}
	return sig[at:], nil
}
