package manifest

import (
	"io"
	"slices"
	"strings"

	"kpkg-btf/internal/document"
	"kpkg-btf/internal/model"
)

// Document is a manifest as its text has it.
type Document struct {
	Manifest
	// Vermagic is that of most modules.
	Vermagic string `json:"vermagic,omitempty"`
	// Signers are those that modules name by number.
	Signers []Signer `json:"signers,omitempty" doc:"sorted"`
	// Answers are what was found of modules on their own image, which they name by
	// number.
	Answers []model.ModuleDecision `json:"self_answers,omitempty" doc:"lines"`
	Lines   []line                 `json:"modules,omitempty" doc:"sorted,lines"`
}

// line is one module. What it shares with others stands elsewhere.
type line struct {
	Module
	// Own is its vermagic, where that is another one.
	Own *string `json:"vermagic,omitempty"`
	// By is its signer's number.
	By *uint32 `json:"signer,omitempty"`
	// Says is the number of what was found of it.
	Says *uint32 `json:"self,omitempty"`
}

// Marshal returns the canonical text of m. It is the same for equal contents
// whatever the order of m's lists, and it does not change m. Contents that a
// manifest cannot hold (no release, two modules of one path) are an error of
// kind Internal: the caller made them.
func Marshal(m *Manifest) ([]byte, error) {
	text, _, err := marshal(m)
	return text, err
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

// Write writes the canonical text of m.
func Write(w io.Writer, m *Manifest) error {
	text, err := Marshal(m)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// WriteCompressed writes the canonical text of m as one zstd frame.
func WriteCompressed(w io.Writer, m *Manifest) error {
	text, err := Marshal(m)
	if err != nil {
		return err
	}
	frame, err := deflate(text)
	if err != nil {
		return err
	}
	_, err = w.Write(frame)
	return err
}

// ContentDigest is the digest of what the release is, without its packages and
// the tool: equal for one kernel in two packagings.
func (m *Manifest) ContentDigest() ([32]byte, error) {
	c := *m
	c.Packages, c.digest = nil, [32]byte{}
	return c.Digest()
}

func marshal(m *Manifest) (text []byte, digest [32]byte, err error) {
	d, err := toDocument(m)
	if err != nil {
		return nil, digest, err
	}
	return document.Marshal(Schema, m.Tool, d)
}

// toDocument parts what modules share from what is their own.
func toDocument(m *Manifest) (*Document, error) {
	w := &Document{Manifest: *m, Lines: make([]line, len(m.Modules))}
	w.Packages = mergePackages(m.Packages)
	w.Vermagic, w.Signers = shared(m.Modules)
	number := make(map[Signer]*uint32, len(w.Signers))
	for i := range w.Signers {
		n := uint32(i)
		number[w.Signers[i]] = &n
	}
	list, which, err := answers(m.Modules)
	if err != nil {
		return nil, err
	}
	w.Answers = list
	for i := range m.Modules {
		l := &w.Lines[i]
		l.Module, l.Says = m.Modules[i], which[i]
		if l.Vermagic != w.Vermagic {
			l.Own = &l.Vermagic
		}
		if l.Signer != nil {
			l.By = number[*l.Signer]
		}
	}
	return w, nil
}

// mergePackages makes one of inputs that have the same names, as loose files and
// directories do, in order.
func mergePackages(list []Package) []Package {
	var out []Package
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b Package) int { return strings.Compare(a.Key(), b.Key()) })
	for _, p := range sorted {
		if n := len(out); n > 0 && out[n-1].Key() == p.Key() {
			out[n-1].Gives = slices.Concat(out[n-1].Gives, p.Gives)
			continue
		}
		out = append(out, p)
	}
	return out
}

// shared is the commonest vermagic of some modules, the first by the alphabet
// of several, and their signers in order.
func shared(modules []Module) (vermagic string, signers []Signer) {
	count := map[string]int{}
	seen := map[Signer]bool{}
	for i := range modules {
		m := &modules[i]
		count[m.Vermagic]++
		if n, best := count[m.Vermagic], count[vermagic]; n > best || n == best && m.Vermagic < vermagic {
			vermagic = m.Vermagic
		}
		if m.Signer != nil && !seen[*m.Signer] {
			seen[*m.Signer] = true
			signers = append(signers, *m.Signer)
		}
	}
	slices.SortFunc(signers, func(a, b Signer) int { return strings.Compare(a.Key(), b.Key()) })
	return vermagic, signers
}
