// Package policy turns findings into a decision. A policy is a strict YAML
// file; the embedded default is documented in itself. The package does no I/O:
// files are read by its callers.
package policy

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"kpkg-btf/internal/where"
)

// Schema is the first key of every policy file.
const Schema = "kpkg-btf/policy/1.0"

//go:embed default.yaml
var defaultText []byte

// Signatures says whether the older kernel can refuse foreign signatures.
type Signatures string

const (
	Enforced Signatures = "enforced"
	Ignored  Signatures = "ignored"
)

// Weight is how much a class of findings counts.
type Weight string

const (
	Note Weight = "note"
	Bump Weight = "bump"
)

// Policy is a decoded policy. The zero value is not valid; start from Default.
type Policy struct {
	SchemaWord   string     `yaml:"schema"`
	Signatures   Signatures `yaml:"signatures"`
	Vanished     Weight     `yaml:"vanished-modules"`
	Reverse      Weight     `yaml:"reverse"`
	Certificates []string   `yaml:"certificates"`

	source string
	digest [32]byte
}

// Default is the embedded policy.
func Default() *Policy {
	p, err := Parse("embedded default", defaultText)
	if err != nil {
		panic(err) // the embedded file is a part of the program
	}
	return p
}

// DefaultText is the embedded policy with its comments.
func DefaultText() []byte { return append([]byte(nil), defaultText...) }

// Parse reads a policy over the default. Errors are of kind usage and quote
// the line. An empty text is the default, said so in Source.
func Parse(name string, text []byte) (*Policy, error) {
	p := &Policy{SchemaWord: Schema, Signatures: Enforced, Vanished: Bump, Reverse: Note}
	p.source, p.digest = name, sha256.Sum256(text)
	if len(strings.TrimSpace(string(text))) == 0 {
		p.source = name + " (empty: the embedded default)"
		return p, nil
	}
	if file, err := parser.ParseBytes(text, 0); err == nil && len(file.Docs) > 1 {
		return nil, bad(name, "%d YAML documents: a policy is one", len(file.Docs))
	}
	var keyed struct {
		Schema *string `yaml:"schema"`
	}
	if err := yaml.Unmarshal(text, &keyed); err == nil && keyed.Schema == nil {
		return nil, bad(name, "no schema line").WithHint("begin the file with `schema: %s`", Schema)
	}
	if err := yaml.UnmarshalWithOptions(text, p, yaml.Strict()); err != nil {
		return nil, bad(name, "%s", strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	if err := p.validate(); err != nil {
		return nil, bad(name, "%v", err)
	}
	return p, nil
}

func bad(name, format string, args ...any) *where.Error {
	e := where.New(where.Usage, format, args...)
	e.Steps = []string{name}
	return e
}

func (p *Policy) validate() error {
	if p.SchemaWord != Schema {
		return fmt.Errorf("schema %q: this version reads %s", p.SchemaWord, Schema)
	}
	if p.Signatures != Enforced && p.Signatures != Ignored {
		return fmt.Errorf("signatures: %q is neither enforced nor ignored", p.Signatures)
	}
	for _, v := range []struct {
		key    string
		weight Weight
	}{{"vanished-modules", p.Vanished}, {"reverse", p.Reverse}} {
		if v.weight != Note && v.weight != Bump {
			return fmt.Errorf("%s: %q is neither note nor bump", v.key, v.weight)
		}
	}
	_, err := p.CertificatesDER()
	return err
}

// CertificatesDER are the certificates of the policy as DER.
func (p *Policy) CertificatesDER() ([][]byte, error) {
	var out [][]byte
	for i, text := range p.Certificates {
		b, _ := pem.Decode([]byte(text))
		if b == nil || b.Type != "CERTIFICATE" {
			return nil, errors.New("certificates: entry " + fmt.Sprint(i+1) + " is not a PEM certificate")
		}
		out = append(out, b.Bytes)
	}
	return out, nil
}

// Source is the file the policy was read from, or "embedded default".
func (p *Policy) Source() string { return p.source }

// Digest is the SHA-256 of the policy's text, in hex.
func (p *Policy) Digest() string { return hex.EncodeToString(p.digest[:]) }

// WithSignatures is the policy with another value of signatures, as the
// command line may ask for; Source says so.
func (p *Policy) WithSignatures(s Signatures) *Policy {
	out := *p
	out.Signatures = s
	out.source += ", --signatures " + string(s)
	return &out
}
