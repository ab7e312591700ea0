package modsig

import (
	"crypto/sha256"
	"sync"
)

// Verifier verifies each signature once by each certificate, however often it
// is asked: a signature by an elliptic curve takes a millisecond. The zero
// value is ready, also for several goroutines. A signature must not change
// once it was asked about.
type Verifier struct{ known sync.Map } // question -> Result

type question struct {
	signature   *Signature
	certificate [32]byte // SHA-256 of its DER
}

// Verify is c.Verify(s). A nil Verifier remembers nothing.
func (v *Verifier) Verify(c *Certificate, s *Signature) Result {
	if v == nil {
		return c.Verify(s)
	}
	q := question{s, sha256.Sum256(c.DER)}
	if r, ok := v.known.Load(q); ok {
		return r.(Result)
	}
	r := c.Verify(s)
	v.known.Store(q, r)
	return r
}
