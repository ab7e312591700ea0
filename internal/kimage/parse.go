package kimage

import (
	"context"
	"slices"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// Options are the means and budgets of one Parse; the zero value is usable.
type Options struct {
	// Decoder decompresses; nil for a new one. A decoder is used again from
	// image to image by one goroutine.
	Decoder *codec.Decoder
	// MaxImage bounds the bytes of each decompressed container; 0 stands for
	// limits.MaxUnpacked.
	MaxImage int64
}

const (
	// maxDepth is the number of containers that may lie in one another. Real
	// images have at most four: PE-UKI, bzImage, xz, ELF.
	maxDepth = 6
	// maxTries bounds the candidates looked at in one image. Debian's s390x
	// image has 8 places that look like a compressed stream, and one is.
	maxTries = 256
)

// A node is one candidate: bytes that may be a container, a kernel or nothing.
type node struct {
	chain []string // formats around it, outermost first
	data  []byte
	// packed is the compression that data begins with; codec.None when data is
	// to be looked at as it is. data may go on after the compressed stream.
	packed codec.Format
	// claim is the decompressed size that the container states, -1 for none.
	claim int64
	// loose says that the magic alone speaks for packed.
	loose bool
	// owned says that data is a buffer of this Parse, which nothing else needs
	// when the candidate turns out to hold no kernel.
	owned bool
	// off is where data begins in the container, for errors.
	off int64
	// hint is what the container tells of the kernel inside.
	hint hint
}

// Parse opens the image data to the kernel inside. Containers may be nested;
// where one has several places a kernel may be at, they are tried in file
// order, and when none holds a kernel the error lists them. The Facts do not
// refer to data.
func Parse(ctx context.Context, data []byte, o Options) (*Facts, error) {
	p := parser{ctx: ctx, dec: o.Decoder, max: o.MaxImage}
	if p.dec == nil {
		p.dec = new(codec.Decoder)
	}
	if p.max <= 0 {
		p.max = limits.MaxUnpacked
	}
	p.left = min(p.max, 1<<60) * totalRatio
	p.stack = []node{{data: data, claim: -1}}
	for len(p.stack) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := p.stack[len(p.stack)-1]
		p.stack = p.stack[:len(p.stack)-1]
		f, err := p.step(n)
		switch {
		case f != nil:
			return f, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case p.broken:
			return nil, attempt{n, err}.located()
		case err != nil:
			p.tried = append(p.tried, attempt{n, err})
		}
	}
	return nil, p.nothing()
}

// parser is the state of one Parse: a stack of candidates in place of
// recursion, the next one on top.
type parser struct {
	ctx   context.Context
	dec   *codec.Decoder
	max   int64 // bytes of one decompressed container
	left  int64 // bytes that may still be decompressed in all
	stack []node
	seen  int
	tried []attempt
	spare []byte // buffer of a candidate that was none
	// broken says that the last candidate is a kernel, so its error is final.
	broken bool
}

// step opens one candidate: it is a kernel, or it pushes what is inside, or it
// is neither and the error says why.
func (p *parser) step(n node) (*Facts, error) {
	p.seen++
	if p.seen > maxTries {
		p.stack = nil
		return nil, where.New(where.Limit, "more than %d places that may hold a kernel", maxTries)
	}
	if len(n.chain) >= maxDepth {
		return nil, where.New(where.Limit, "containers are nested deeper than %d", maxDepth)
	}
	if n.packed != codec.None {
		return p.unpack(n)
	}
	c := classify(n.data)
	if c == nil {
		if rawImage(n.data) == nil && !elfx.Is(n.data) {
			if n.packed = codec.Detect(n.data); n.packed != codec.None {
				return p.unpack(n)
			}
		}
		return p.kernel(n)
	}
	inner, err := c.open(n.data)
	if err != nil {
		return nil, where.In(c.name, err)
	}
	p.push(n, c.name, inner)
	return nil, nil
}

// push puts the candidates inside container n, called name, onto the stack,
// the first on top.
func (p *parser) push(n node, name string, inner []node) {
	chain := append(n.chain[:len(n.chain):len(n.chain)], name)
	for _, in := range slices.Backward(inner) {
		in.chain, in.hint = chain, in.hint.or(n.hint)
		p.stack = append(p.stack, in)
	}
}
