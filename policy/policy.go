// Package policy turns findings into a decision. A policy is a strict YAML
// file; the embedded default is documented in itself. The package does no I/O:
// files are read by its callers.
package policy

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"kpkg-btf/internal/where"
)

// Schema is the first key of every policy file.
const Schema = "kpkg-btf/policy/1.0"

//go:embed default.yaml
var defaultText []byte

// Policy is a decoded policy. The zero value is not valid; start from Default.
type Policy struct {
	SchemaWord   string      `yaml:"schema"`
	Signatures   Signatures  `yaml:"signatures"`
	Vanished     Weight      `yaml:"vanished-modules"`
	Reverse      Weight      `yaml:"reverse"`
	Window       Window      `yaml:"window"`
	Undescribed  Undescribed `yaml:"undescribed-exports"`
	BuildBase    BuildBase   `yaml:"build-base"`
	Health       Health      `yaml:"health"`
	ZeroIDs      Words       `yaml:"zero-id-lists"`
	NoneExpected Words       `yaml:"none-expected"`
	Certificates []string    `yaml:"certificates"`
	Rules        []Rule      `yaml:"rules"`
	Waivers      []Waiver    `yaml:"waivers"`

	zeroIDs, noneExpected []*Glob
	source                string
	text                  []byte
}

// Default is the embedded policy.
func Default() *Policy {
	p, err := Parse("embedded default", defaultText)
	if err != nil {
		panic(err) // the embedded file is a part of the program
	}
	return p
}

// None is the policy that expects nothing and waives nothing: what is found by
// it is what there is.
func None() *Policy { return initial() }

// DefaultText is the embedded policy with its comments.
func DefaultText() []byte { return bytes.Clone(defaultText) }

// initial is the policy before a file is read over it.
func initial() *Policy {
	return &Policy{SchemaWord: Schema, Signatures: Enforced, Vanished: Bump, Reverse: Note,
		Window: Window{Dropped: DroppedKeep}, Undescribed: UndescribedOpen, BuildBase: BaseConsistent, Health: Health{Repeated: 10, Growth: 25}, ZeroIDs: Words{modulePrefix + "**"}}
}

// Parse reads a policy over the default. Errors are of kind usage, name the
// line and quote it. An empty text is the default, said so in Source.
func Parse(name string, text []byte) (*Policy, error) {
	p := initial()
	p.source, p.text = name, bytes.Clone(text)
	if len(strings.TrimSpace(string(text))) == 0 {
		p.source = name + " (empty: the embedded default)"
		return p, p.compileGlobs()
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
		return nil, syntaxError(name, err)
	}
	if err := p.validate(); err != nil {
		var f located
		if errors.As(err, &f) {
			return nil, f.at(name, text)
		}
		return nil, bad(name, "%v", err)
	}
	return p, nil
}

func bad(name, format string, args ...any) *where.Error {
	e := where.New(where.Usage, format, args...)
	e.Steps = []string{name}
	return e
}

// position is what go-yaml puts before a message.
var position = regexp.MustCompile(`^\[(\d+):(\d+)\] `)

// syntaxError takes the YAML library's error apart: message, line, excerpt.
func syntaxError(name string, err error) *where.Error {
	msg, excerpt, _ := strings.Cut(strings.TrimRight(yaml.FormatError(err, false, true), "\n "), "\n")
	if m := position.FindStringSubmatch(msg); m != nil {
		msg = "line " + m[1] + " column " + m[2] + ": " + msg[len(m[0]):]
	}
	return bad(name, "%s", msg).WithExcerpt(excerpt)
}

// located is a fault of the value at a YAML path: "$.rules[2].action".
type located struct {
	path string
	msg  string
}

func (l located) Error() string { return l.msg }

// at finds line and excerpt of the path. A key that is missing is that of
// what holds it.
func (l located) at(name string, text []byte) *where.Error {
	key := strings.TrimPrefix(l.path, "$.")
	for path := l.path; path != "$"; path = path[:strings.LastIndexAny(path, ".[")] {
		p, err := yaml.PathString(path)
		if err != nil {
			break
		}
		node, err := p.ReadNode(bytes.NewReader(text))
		if err != nil || node == nil || node.GetToken() == nil {
			continue
		}
		excerpt, err := p.AnnotateSource(text, false)
		if err != nil {
			continue
		}
		pos := node.GetToken().Position
		return bad(name, "line %d column %d: %s: %s", pos.Line, pos.Column, key, l.msg).WithExcerpt(strings.TrimRight(string(excerpt), "\n "))
	}
	return bad(name, "%s: %s", key, l.msg)
}

func (p *Policy) validate() error {
	if p.SchemaWord != Schema {
		return located{"$.schema", fmt.Sprintf("%q: this version reads %s", p.SchemaWord, Schema)}
	}
	for _, v := range []struct {
		key, value string
		of         []string
	}{
		{"signatures", string(p.Signatures), []string{string(Enforced), string(Ignored)}},
		{"build-base", string(p.BuildBase), []string{string(BaseConsistent), string(BaseProven)}},
		{"vanished-modules", string(p.Vanished), []string{string(Note), string(Bump)}},
		{"reverse", string(p.Reverse), []string{string(Note), string(Bump)}},
		{"window.dropped", string(p.Window.Dropped), []string{string(DroppedKeep), string(DroppedRepair)}},
		{"undescribed-exports", string(p.Undescribed), []string{string(UndescribedOpen), string(UndescribedAccept)}},
	} {
		if !slices.Contains(v.of, v.value) {
			return located{"$." + v.key, fmt.Sprintf("%q is neither %s", v.value, strings.Join(v.of, " nor "))}
		}
	}
	for key, value := range map[string]int{"repeated": p.Health.Repeated, "growth": p.Health.Growth} {
		if value < 0 || value > maxPercent {
			return located{"$.health." + key, fmt.Sprintf("%d is no number of percent from 0 to %d", value, maxPercent)}
		}
	}
	if _, err := p.CertificatesDER(); err != nil {
		return err
	}
	if err := p.compileGlobs(); err != nil {
		return err
	}
	return p.compileRules()
}

func (p *Policy) compileGlobs() error {
	for _, l := range []struct {
		key  string
		from Words
		to   *[]*Glob
	}{{"zero-id-lists", p.ZeroIDs, &p.zeroIDs}, {"none-expected", p.NoneExpected, &p.noneExpected}} {
		list, err := globs(l.from)
		if err != nil {
			return located{"$." + l.key, err.Error()}
		}
		for _, g := range list {
			if !g.module {
				return located{"$." + l.key, fmt.Sprintf("%q: write %s%s", g.text, modulePrefix, g.text)}
			}
		}
		*l.to = list
	}
	return nil
}

func (p *Policy) compileRules() error {
	names := map[string]bool{}
	one := func(what string, i int, s *Selector, compile func() error) error {
		path := "$." + what + "s[" + strconv.Itoa(i) + "]"
		if err := compile(); err != nil {
			var f fault
			if errors.As(err, &f) && f.key != "" {
				path += "." + f.key
			}
			return located{path, err.Error()}
		}
		s.label = what + " " + strconv.Itoa(i+1)
		if s.Name != "" {
			s.label = what + " " + strconv.Quote(s.Name)
			if names[s.label] {
				return located{path + ".name", fmt.Sprintf("%q is there twice", s.Name)}
			}
			names[s.label] = true
		}
		return nil
	}
	for i := range p.Rules {
		if err := one("rule", i, &p.Rules[i].Selector, p.Rules[i].compile); err != nil {
			return err
		}
	}
	for i := range p.Waivers {
		if err := one("waiver", i, &p.Waivers[i].Selector, p.Waivers[i].compile); err != nil {
			return err
		}
	}
	return nil
}

// CertificatesDER are the certificates of the policy as DER.
func (p *Policy) CertificatesDER() ([][]byte, error) {
	var out [][]byte
	for i, text := range p.Certificates {
		b, _ := pem.Decode([]byte(text))
		if b == nil || b.Type != "CERTIFICATE" {
			return nil, located{"$.certificates[" + strconv.Itoa(i) + "]", "not a PEM certificate"}
		}
		out = append(out, b.Bytes)
	}
	return out, nil
}

// Source is the file the policy was read from, or "embedded default".
func (p *Policy) Source() string { return p.source }

// Digest is the SHA-256 of the policy's text, in hex: what sha256sum says of
// the file.
func (p *Policy) Digest() string { return hexSum(p.text) }

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// WithSignatures is the policy with another value of signatures, as the
// command line may ask for; Source says so.
func (p *Policy) WithSignatures(s Signatures) *Policy {
	out := *p
	out.Signatures = s
	out.source += ", --signatures " + string(s)
	return &out
}
