package manifest

import (
	"crypto/sha256"
	"fmt"
	"path"
	"strings"

	"kpkg-btf/internal/document"
	"kpkg-btf/internal/tri"
)

// The rules of contents, the same for what is written and what is read. Each
// Fault returns "" or what is wrong; Key is what a list is in order by.

// Key implements the order of a document's list.
func (p Package) Key() string { return p.Name + "\x00" + p.Version + "\x00" + p.Arch + "\x00" + p.Kind }

// Key implements the order of a document's list.
func (a Ability) Key() string { return a.Name }

// Key implements the order of a document's list.
func (o Option) Key() string { return o.Name }

// Key implements the order of a document's list.
func (c Cert) Key() string { return string(c.SHA256[:]) }

// Key implements the order of a document's list.
func (s Symbol) Key() string { return s.Name }

// Key implements the order of a document's list.
func (s KfuncSet) Key() string { return fmt.Sprintf("%s\x00%s\x00%08d", s.Owner, s.Name, s.Number) }

// Key implements the order of a document's list.
func (k Kfunc) Key() string { return k.Name }

// Key implements the order of a document's list.
func (m Module) Key() string { return m.Path }

// Key implements the order of a document's list.
func (s Signer) Key() string { return s.KeyID + "\x00" + s.Hash + "\x00" + s.Algorithm }

// Fault implements the rules of contents.
func (m *Manifest) Fault() string {
	if m.Release == "" {
		return "no release"
	}
	for _, p := range m.BuiltIn {
		if msg := pathFault(p); msg != "" {
			return "builtin: " + msg
		}
	}
	return ""
}

// Fault implements the rules of contents.
func (b *Base) Fault() string {
	switch {
	case b.SHA256 == [32]byte{}:
		return "base without checksum"
	case !natural(b.Size, b.Types, b.StrLen, b.HdrLen):
		return "number out of range"
	}
	return ""
}

// Fault implements the rules of contents.
func (x *Exports) Fault() string {
	if x.Source == "" {
		return "symbols without a source"
	}
	return ""
}

func natural(numbers ...int64) bool {
	for _, n := range numbers {
		if n < 0 || n > document.MaxInt {
			return false
		}
	}
	return true
}

// Fault implements the rules of contents.
func (p *Package) Fault() string {
	if p.Name == "" && p.Kind == "" {
		return "neither name nor kind"
	}
	return ""
}

// Fault implements the rules of contents.
func (a *Ability) Fault() string {
	switch {
	case a.Name == "":
		return "no name"
	case a.Is > tri.Yes:
		return "unknown answer " + a.Is.String()
	case !natural(a.Value):
		return "number out of range"
	}
	return ""
}

// Fault implements the rules of contents.
func (o *Option) Fault() string {
	if o.Name == "" {
		return "no name"
	}
	return ""
}

// Fault implements the rules of contents.
func (c *Cert) Fault() string {
	switch {
	case c.SHA256 == [32]byte{}:
		return "no checksum"
	case len(c.DER) > 0 && sha256.Sum256(c.DER) != c.SHA256:
		return "a certificate that is not the one of its checksum"
	}
	return ""
}

// Fault implements the rules of contents.
func (s *Symbol) Fault() string {
	switch {
	case s.Name == "":
		return "no name"
	case s.Owner == "":
		return "no owner"
	}
	return ""
}

// Fault implements the rules of contents.
func (s *KfuncSet) Fault() string {
	switch {
	case s.Owner == "":
		return "no owner"
	case !natural(s.Number):
		return "number out of range"
	}
	return ""
}

// Fault implements the rules of contents.
func (k *Kfunc) Fault() string {
	if k.Name == "" {
		return "no name"
	}
	return ""
}

// Fault implements the rules of contents.
func (m *Module) Fault() string {
	if msg := pathFault(m.Path); msg != "" {
		return msg
	}
	switch {
	case m.Name == "":
		return "no name"
	case m.SHA256 == [32]byte{}:
		return "no checksum"
	case m.IDs != nil && !natural(m.IDs.Sets, m.IDs.Words),
		!natural(m.Size, m.BTF.Size, m.BTF.BaseSize):
		return "number out of range"
	}
	return ""
}

// Fault implements the rules of contents.
func (s *Signer) Fault() string {
	if *s == (Signer{}) {
		return "empty signer"
	}
	return ""
}

// Fault implements the rules of contents.
func (b *BTF) Fault() string {
	none, noBase := [32]byte{}, b.BaseSHA256 == [32]byte{} && b.BaseSize == 0
	switch b.Kind {
	case BTFNone:
		if b.SHA256 != none || b.Size != 0 || !noBase {
			return "btf of kind none with contents"
		}
	case BTFSplit:
		if b.SHA256 == none || !noBase {
			return "btf of kind split without checksum or with a base"
		}
	case BTFDistilled:
		if b.SHA256 == none || b.BaseSHA256 == none {
			return "btf of kind distilled without checksums"
		}
	}
	return ""
}

// pathFault wants a clean path below lib/modules/<release>.
func pathFault(p string) string {
	switch {
	case p == "":
		return "no path"
	case path.IsAbs(p), path.Clean(p) != p, p == ".", p == "..", strings.HasPrefix(p, "../"):
		return fmt.Sprintf("path %q is not clean and relative", p)
	}
	return ""
}
