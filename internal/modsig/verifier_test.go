package modsig_test

import (
	"testing"

	"kpkg-btf/internal/modsig"
)

// A question is asked once, of each certificate and signature its own.
func TestVerifier(t *testing.T) {
	own, other := certificate(t, ecKey), certificate(t, rsaKey)
	s, twin := parse(t, ecKey.Sign(module)), parse(t, ecKey.Sign(module))
	var v modsig.Verifier
	ask := func(v *modsig.Verifier, c *modsig.Certificate, s *modsig.Signature, want modsig.Result) {
		t.Helper()
		if got := v.Verify(c, s); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	for range 2 {
		ask(&v, own, s, modsig.Valid)
		ask(&v, other, s, modsig.WrongKey)
	}
	spoil := func(s *modsig.Signature) { s.Value[len(s.Value)-1] ^= 1 }
	spoil(s)
	ask(&v, certificate(t, ecKey), s, modsig.Valid) // the same certificate, parsed anew: it was asked before
	ask(nil, own, s, modsig.Mismatch)               // nobody remembers
	spoil(twin)
	ask(&v, own, twin, modsig.Mismatch)
}
