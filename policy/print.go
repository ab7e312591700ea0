package policy

import (
	"bytes"

	"github.com/goccy/go-yaml"
)

// Effective is the policy as it applies, the default's values included, in
// canonical YAML that Parse reads to the same.
func (p *Policy) Effective() []byte {
	c := *p
	for _, l := range []*Words{&c.ZeroIDs, &c.NoneExpected} {
		if *l == nil {
			*l = Words{}
		}
	}
	if c.Certificates == nil {
		c.Certificates = []string{}
	}
	if c.Rules == nil {
		c.Rules = []Rule{}
	}
	if c.Waivers == nil {
		c.Waivers = []Waiver{}
	}
	var out bytes.Buffer
	if err := yaml.NewEncoder(&out, yaml.UseLiteralStyleIfMultiline(true)).Encode(&c); err != nil {
		panic(err) // every value came out of YAML
	}
	return out.Bytes()
}

// EffectiveDigest is the SHA-256 of Effective, in hex: it tells apart what one
// file means to two versions of this program, and what flags made of it.
func (p *Policy) EffectiveDigest() string { return hexSum(p.Effective()) }
