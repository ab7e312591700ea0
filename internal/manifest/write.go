package manifest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"strings"

	"kpkg-btf/internal/where"
)

// Marshal gives the canonical text of m. It is the same for equal contents
// whatever the order of m's lists, and it does not change m. Contents that a
// manifest cannot hold (no release, two modules of one path) are an error of
// kind Internal: the caller made them.
func Marshal(m *Manifest) ([]byte, error) {
	text, _, err := marshal(m)
	return text, err
}

func marshal(m *Manifest) (text []byte, digest [32]byte, err error) {
	c, err := canonical(m)
	if err != nil {
		return nil, digest, err
	}
	e := &encoder{}
	e.packages(c.Packages)
	e.content(c)
	text, digest = seal(Schema, c.Tool, e)
	return text, digest, nil
}

// Digest is the digest in the text of m: as it was read, or as Marshal writes
// it.
func (m *Manifest) Digest() ([32]byte, error) {
	if m.digest != [32]byte{} {
		return m.digest, nil
	}
	_, digest, err := marshal(m)
	return digest, err
}

// seal puts the head of a document before its members and ends it.
func seal(schema, tool string, e *encoder) ([]byte, [32]byte) {
	body := append(e.b, "\n}\n"...)
	body = body[1:] // the line of the digest brings the first line end

	head := encoder{}
	head.open('{')
	head.topStr("schema", schema)
	head.topStr("tool", tool)
	sum := bodyDigest(schema, body)
	head.topStr("digest", digestPrefix+hex.EncodeToString(sum[:]))
	out := make([]byte, 0, len(head.b)+len(body)+2)
	out = append(out, head.b...)
	out = append(out, ",\n"...)
	return append(out, body...), sum
}

// Write writes the canonical text of m.
func Write(w io.Writer, m *Manifest) error {
	text, err := Marshal(m)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// ContentDigest is the SHA-256 of what the release is, without its packages
// and the tool: equal for one kernel in two packagings.
func (m *Manifest) ContentDigest() ([32]byte, error) {
	c, err := canonical(m)
	if err != nil {
		return [32]byte{}, err
	}
	e := &encoder{first: true}
	e.content(c)
	return bodyDigest(schemaKind+strconv.Itoa(schemaMajor), e.b), nil
}

const digestPrefix = "sha256:"

func bodyDigest(schema string, body []byte) (sum [32]byte) {
	h := sha256.New()
	io.WriteString(h, schema)
	io.WriteString(h, "\n")
	h.Write(body)
	h.Sum(sum[:0])
	return sum
}

// canonical is a shallow copy of m with every list checked and in order.
func canonical(m *Manifest) (*Manifest, error) {
	c := *m
	c.Packages = mergePackages(m.Packages)
	c.Abilities = sorted(m.Abilities, orderAbility)
	c.Config = sorted(m.Config, orderOption)
	c.Certs = sorted(m.Certs, orderCert)
	c.BuiltIn = sorted(m.BuiltIn, strings.Compare)
	c.Modules = sorted(m.Modules, orderModule)
	for i := range c.Modules {
		c.Modules[i].Depends = words(c.Modules[i].Depends)
		c.Modules[i].Registers = words(c.Modules[i].Registers)
	}
	if m.Exports != nil {
		c.Exports = &Exports{Source: m.Exports.Source, Symbols: sorted(m.Exports.Symbols, orderSymbol)}
	}
	if msg := c.fault(); msg != "" {
		return nil, where.New(where.Internal, "manifest: %s", msg)
	}
	return &c, nil
}

// mergePackages sorts, and makes one of inputs that have the same names, as
// loose files and directories do.
func mergePackages(list []Package) []Package {
	var out []Package
	for _, p := range sorted(list, orderPackage) {
		if n := len(out); n > 0 && orderPackage(out[n-1], p) == 0 {
			out[n-1].Gives = slices.Concat(out[n-1].Gives, p.Gives)
			continue
		}
		out = append(out, p)
	}
	for i := range out {
		out[i].Gives = words(out[i].Gives)
	}
	return out
}

func sorted[T any](list []T, order func(a, b T) int) []T {
	out := slices.Clone(list)
	slices.SortStableFunc(out, order)
	return out
}

func words(list []string) []string {
	return slices.Compact(sorted(list, strings.Compare))
}

func orderPackage(a, b Package) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version),
		strings.Compare(a.Arch, b.Arch), strings.Compare(a.Kind, b.Kind))
}
func orderAbility(a, b Ability) int { return strings.Compare(a.Name, b.Name) }
func orderOption(a, b Option) int   { return strings.Compare(a.Name, b.Name) }
func orderCert(a, b Cert) int       { return slices.Compare(a.SHA256[:], b.SHA256[:]) }
func orderModule(a, b Module) int   { return strings.Compare(a.Path, b.Path) }
func orderSymbol(a, b Symbol) int   { return strings.Compare(a.Name, b.Name) }
func orderSigner(a, b Signer) int {
	return cmp.Or(strings.Compare(a.KeyID, b.KeyID), strings.Compare(a.Hash, b.Hash), strings.Compare(a.Algorithm, b.Algorithm))
}

func list[T any](e *encoder, key string, items []T, one func(*encoder, *T)) {
	e.top(key)
	e.open('[')
	for i := range items {
		e.item()
		one(e, &items[i])
	}
	if len(items) > 0 {
		e.b = append(e.b, '\n')
	}
	e.close(']')
}

// optional is list for what is left out when empty.
func optional[T any](e *encoder, key string, items []T, one func(*encoder, *T)) {
	if len(items) > 0 {
		list(e, key, items, one)
	}
}

func (e *encoder) packages(packages []Package) {
	e.first = true
	optional(e, "packages", packages, func(e *encoder, p *Package) {
		e.open('{')
		e.str("name", p.Name)
		e.str("version", p.Version)
		e.str("arch", p.Arch)
		e.str("kind", p.Kind)
		e.strs("gives", p.Gives)
		e.close('}')
	})
}

// content writes everything that ContentDigest covers. c is canonical.
func (e *encoder) content(c *Manifest) {
	e.topStr("release", c.Release)
	e.topStr("arch", string(c.Arch))
	e.topStr("scope", string(c.Scope))
	if c.Image != nil {
		e.top("image")
		e.image(c.Image)
	}
	if c.Base != nil {
		e.top("base")
		e.base(c.Base)
	}
	optional(e, "abilities", c.Abilities, (*encoder).ability)
	optional(e, "config", c.Config, func(e *encoder, o *Option) {
		e.open('[')
		e.element(o.Name)
		e.element(o.Value)
		e.close(']')
	})
	optional(e, "certs", c.Certs, (*encoder).cert)
	if c.BuiltIn != nil {
		list(e, "builtin", c.BuiltIn, func(e *encoder, p *string) {
			e.first = true
			e.element(*p)
		})
	}
	shared := shareOf(c.Modules)
	e.topStr("vermagic", shared.vermagic)
	optional(e, "signers", shared.signers, func(e *encoder, s *Signer) {
		e.open('{')
		e.str("key_id", s.KeyID)
		e.str("hash", s.Hash)
		e.str("algorithm", s.Algorithm)
		e.close('}')
	})
	optional(e, "modules", c.Modules, func(e *encoder, m *Module) { e.module(m, shared) })
	if c.Exports != nil {
		e.topStr("symbols_from", c.Exports.Source)
		list(e, "symbols", c.Exports.Symbols, (*encoder).symbol)
	}
}

func (e *encoder) image(i *Image) {
	e.open('{')
	e.strs("format", i.Format)
	e.str("banner", i.Banner)
	e.flag("btf_only", i.BTFOnly)
	e.close('}')
}

func (e *encoder) base(b *Base) {
	e.open('{')
	e.sum("sha256", b.SHA256)
	e.num("size", b.Size)
	e.num("types", b.Types)
	e.num("str_len", b.StrLen)
	e.num("hdr_len", b.HdrLen)
	e.flag("big_endian", b.BigEndian)
	e.str("where", b.Where)
	e.close('}')
}

func (e *encoder) ability(a *Ability) {
	e.open('{')
	e.str("name", a.Name)
	e.str("is", a.Is.String())
	e.num("value", a.Value)
	e.str("evidence", a.Evidence)
	e.close('}')
}

func (e *encoder) cert(c *Cert) {
	e.open('{')
	e.sum("sha256", c.SHA256)
	e.str("subject", c.Subject)
	e.str("key_id", c.KeyID)
	e.str("serial", c.Serial)
	e.close('}')
}

func (e *encoder) module(m *Module, s shared) {
	e.open('{')
	e.str("path", m.Path)
	e.str("name", m.Name)
	e.sum("sha256", m.SHA256)
	e.num("size", m.Size)
	e.key("btf")
	e.open('{')
	e.str("kind", string(m.BTF.Kind))
	e.sum("sha256", m.BTF.SHA256)
	e.num("size", m.BTF.Size)
	e.sum("base_sha256", m.BTF.BaseSHA256)
	e.num("base_size", m.BTF.BaseSize)
	e.close('}')
	if m.IDs != nil {
		e.key("ids")
		e.open('{')
		e.sum("sha256", m.IDs.SHA256)
		e.num("sets", m.IDs.Sets)
		e.num("words", m.IDs.Words)
		e.flag("located", m.IDs.Located)
		e.close('}')
	}
	if m.Vermagic != s.vermagic {
		if m.Vermagic == "" {
			e.key("vermagic")
			e.b = append(e.b, `""`...)
		} else {
			e.str("vermagic", m.Vermagic)
		}
	}
	e.flag("intree", m.Intree)
	e.str("srcversion", m.Srcversion)
	e.strs("depends", m.Depends)
	e.strs("registers", m.Registers)
	if m.Signer != nil {
		i, _ := slices.BinarySearchFunc(s.signers, *m.Signer, orderSigner)
		e.key("signer")
		e.b = strconv.AppendInt(e.b, int64(i), 10)
	}
	e.str("stamp", string(m.Stamp))
	e.close('}')
}

func (e *encoder) symbol(s *Symbol) {
	e.open('[')
	e.element(s.Name)
	e.element(s.Owner)
	e.element(string(s.Export))
	e.comma()
	e.b = strconv.AppendUint(e.b, uint64(s.CRC), 10)
	if s.Namespace != "" {
		e.element(s.Namespace)
	}
	e.close(']')
}

// shared is what modules have in common and is therefore written once: the
// vermagic of most of them, and the signers that they name by index.
type shared struct {
	vermagic string
	signers  []Signer
}

func shareOf(modules []Module) (s shared) {
	count := map[string]int{}
	seen := map[Signer]bool{}
	for i := range modules {
		m := &modules[i]
		count[m.Vermagic]++
		if n, best := count[m.Vermagic], count[s.vermagic]; n > best || n == best && m.Vermagic < s.vermagic {
			s.vermagic = m.Vermagic
		}
		if m.Signer != nil && !seen[*m.Signer] {
			seen[*m.Signer] = true
			s.signers = append(s.signers, *m.Signer)
		}
	}
	slices.SortFunc(s.signers, orderSigner)
	return s
}
