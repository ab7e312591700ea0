package repair

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"kpkg-btf/internal/modsig/modsigtest"
	"kpkg-btf/internal/repair/signing"
)

// answer is a signing service: it fills in the signatures of the requests.
func answer(t *testing.T, key *modsigtest.Key, list []signing.Request) *signing.Imported {
	t.Helper()
	done := make([]signing.Request, len(list))
	for i, r := range list {
		digest, err := hex.DecodeString(r.Digest)
		if err != nil {
			t.Fatal(err)
		}
		value, err := key.Signer.Sign(rand.Reader, digest, crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		r.Signature = base64.StdEncoding.EncodeToString(value)
		done[i] = r
	}
	var out bytes.Buffer
	if err := signing.WriteRequests(&out, "test", done); err != nil {
		t.Fatal(err)
	}
	im, err := signing.ReadSignatures(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return im
}
