package signing

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"kpkg-btf/internal/where"
)

// Schema is the first field of an exchange document.
const Schema = "kpkg-btf/sign/1.0"

const schemaMajor = "kpkg-btf/sign/1."

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

// document is what goes out and, with signatures filled in, comes back.
type document struct {
	Schema         string    `json:"schema"`
	Tool           string    `json:"tool"`
	MustUnderstand []string  `json:"must_understand,omitempty"`
	Requests       []Request `json:"requests"`
}

// WriteRequests writes an exchange document: canonical JSON, one request a
// line, sorted.
func WriteRequests(w io.Writer, tool string, list []Request) error {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Request) int {
		return strings.Compare(a.Input+"\x00"+a.Module, b.Input+"\x00"+b.Module)
	})
	head, err := json.Marshal(struct {
		Schema string `json:"schema"`
		Tool   string `json:"tool"`
	}{Schema, tool})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s,\"requests\":[", bytes.TrimSuffix(head, []byte("}"))); err != nil {
		return err
	}
	for i, r := range list {
		line, err := marshal(r)
		if err != nil {
			return err
		}
		sep := ",\n"
		if i == 0 {
			sep = "\n"
		}
		if _, err := fmt.Fprintf(w, "%s%s", sep, line); err != nil {
			return err
		}
	}
	_, err = io.WriteString(w, "\n]}\n")
	return err
}

func marshal(r Request) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(r)
	return bytes.TrimSpace(b.Bytes()), err
}

// Imported is a Signer that has the answers of a signing service.
type Imported struct{ values map[string][]byte }

// ReadSignatures reads an exchange document that came back. It need not be
// read with suspicion beyond its form: each signature is verified with the
// certificate before it is used.
func ReadSignatures(file []byte) (*Imported, error) {
	d := json.NewDecoder(bytes.NewReader(file))
	var doc document
	if err := d.Decode(&doc); err != nil {
		return nil, where.New(where.Malformed, "signatures: %v", err).At(d.InputOffset())
	}
	if !strings.HasPrefix(doc.Schema, schemaMajor) {
		return nil, where.New(where.Malformed, "schema %q: this version reads %s", doc.Schema, Schema)
	}
	if len(doc.MustUnderstand) > 0 {
		return nil, where.New(where.Unsupported, "%q must be understood and is not", doc.MustUnderstand)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, where.New(where.Malformed, "more after the document").At(d.InputOffset())
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
