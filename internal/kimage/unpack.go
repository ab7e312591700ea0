package kimage

import (
	"errors"
	"fmt"
	"strings"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// sizeRatio bounds the buffer that a claimed size gets beforehand: no kernel
// compresses better, and what a false claim can take stays in proportion to
// the bytes that are really there.
const sizeRatio = 16

// slack is room behind the output in which decoders copy in wide steps.
const slack = 64

// totalRatio times the bound of one container bounds all that an image's
// candidates decompress to.
const totalRatio = 3

// unpack decompresses a candidate and pushes what comes out.
func (p *parser) unpack(n node) (*Facts, error) {
	room := min(n.claim, int64(len(n.data))*sizeRatio, p.max)
	dst := p.spare
	p.spare = nil
	if room > int64(cap(dst)) {
		dst = make([]byte, 0, room+slack)
	}
	most := min(limits.Cap(int64(len(n.data)), p.max), p.left) // false streams state sizes of gigabytes
	out, _, err := p.dec.DecodePrefix(dst, n.packed, n.data, most)
	if err != nil {
		p.spare = dst
		if n.loose && most < min(p.max, p.left) && where.KindOf(err) == where.Limit {
			err = where.New(where.Malformed, "states more than any kernel of %d bytes holds: %w", len(n.data), err)
		}
		return nil, err
	}
	p.left -= int64(len(out))
	if n.claim >= 0 && int64(len(out)) != n.claim {
		p.spare = out
		return nil, where.New(where.Malformed, "%d bytes decompressed, %d stated", len(out), n.claim).At(int64(len(n.data)))
	}
	if len(out) < minKernel {
		p.spare = out
		return nil, where.New(where.Malformed, "a kernel of %d bytes decompressed", len(out)).At(0)
	}
	p.stack = append(p.stack, node{
		chain: append(n.chain[:len(n.chain):len(n.chain)], n.packed.String()),
		data:  out, owned: true, claim: -1, hint: n.hint,
	})
	return nil, nil
}

// minKernel is the size below which nothing is a kernel; false magics often
// decode to a few bytes.
const minKernel = 64

// attempt is a candidate that held no kernel.
type attempt struct {
	n   node
	err error
}

// where is the candidate in words: "bzImage: xz at 0x4f00".
func (a attempt) where() string {
	var b strings.Builder
	for _, f := range a.n.chain {
		b.WriteString(f)
		b.WriteString(": ")
	}
	if a.n.packed != 0 {
		fmt.Fprintf(&b, "%v at 0x%x: ", a.n.packed, a.n.off)
	}
	return b.String()
}

// located returns the attempt's error with the containers as its steps and the
// offset within the innermost one.
func (a attempt) located() error {
	var e *where.Error
	if !errors.As(a.err, &e) {
		return a.err
	}
	moved := *e
	if a.n.packed != 0 {
		moved.Off = a.n.off + max(e.Off, 0)
		moved.Msg = a.n.packed.String() + ": " + e.Msg
	}
	var err error = &moved
	for i := len(a.n.chain) - 1; i >= 0; i-- {
		err = where.In(a.n.chain[i], err)
	}
	return err
}

// listed is the number of candidates an error names.
const listed = 12

// nothing is the error of an image in which no candidate held a kernel: the
// only one's own error, else all of them in the order they were tried. A limit
// that was hit on the way goes before everything else, for the kernel may have
// been behind it.
func (p *parser) nothing() error {
	if len(p.tried) == 1 {
		return p.tried[0].located()
	}
	kind, off := where.Malformed, int64(-1)
	var b strings.Builder
	for i, a := range p.tried {
		if where.KindOf(a.err) == where.Limit {
			kind = where.Limit
		}
		if i < listed {
			if i > 0 {
				b.WriteString("; ")
			}
			fmt.Fprintf(&b, "%s%v", a.where(), a.err)
		}
	}
	if n := len(p.tried) - listed; n > 0 {
		fmt.Fprintf(&b, "; and %d more", n)
	}
	for _, a := range p.tried {
		if len(a.n.chain) <= 1 && a.n.packed != 0 {
			off = a.n.off
			break
		}
	}
	return where.New(kind, "no kernel in %d candidates: %s", len(p.tried), b.String()).At(off)
}
