package signing

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"kpkg-btf/internal/document"
	"kpkg-btf/internal/where"
)

// Schema is the schema of an Exchange document.
const Schema = "kpkg-btf/sign/1.0"

// Request is one signature that is wanted.
type Request struct {
	Module string `json:"module"` // path in its package or tree
	Input  string `json:"input"`  // the package or tree
	// Before is the SHA-256 of the module as it came in, without signature and
	// compression: a signing service can look up what it signed before.
	Before string `json:"before"`
	Hash   string `json:"hash"`
	Digest string `json:"digest"` // hex: what is to be signed
	// Signature is the answer in base64, of the form of Command's.
	Signature string `json:"signature_b64,omitempty"`
}

// Exchange is what goes out and, with signatures filled in, comes back.
type Exchange struct {
	Requests []Request `json:"requests" doc:"lines"`
}

// WriteRequests writes an Exchange document: canonical JSON, one request a
// line, sorted. It has no digest, because whoever signs completes it.
func WriteRequests(w io.Writer, tool string, list []Request) error {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Request) int {
		return strings.Compare(a.Input+"\x00"+a.Module, b.Input+"\x00"+b.Module)
	})
	text, err := document.MarshalOpen(Schema, tool, Exchange{list})
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// Imported is a Signer that has the answers of a signing service.
type Imported struct{ values map[string][]byte }

// ReadSignatures reads an Exchange document that came back. It need not be
// read with suspicion beyond its form: each signature is verified with the
// certificate before it is used.
func ReadSignatures(file []byte) (*Imported, error) {
	var doc Exchange
	if _, err := document.UnmarshalOpen(file, Schema, &doc); err != nil {
		return nil, err
	}
	im := &Imported{values: map[string][]byte{}}
	for i, r := range doc.Requests {
		if r.Signature == "" {
			continue
		}
		value, err := base64.StdEncoding.DecodeString(r.Signature)
		if err != nil {
			return nil, where.New(where.Malformed, "signature %d of %s: %v", i+1, r.Module, err)
		}
		im.values[r.Hash+":"+strings.ToLower(r.Digest)] = value
	}
	if len(im.values) == 0 {
		return nil, where.New(where.Malformed, "no signature in it").WithHint("fill in signature_b64 of each request")
	}
	return im, nil
}

// Sign implements Signer.
func (im *Imported) Sign(_ context.Context, hash string, digest []byte) ([]byte, error) {
	value, ok := im.values[hash+":"+hex.EncodeToString(digest)]
	if !ok {
		return nil, where.New(where.Usage, "no signature over %s %s was imported", hash, hex.EncodeToString(digest)).
			WithHint("export the digests again: inputs, decision or options are not those of the export")
	}
	return value, nil
}
