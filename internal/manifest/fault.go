package manifest

import (
	"fmt"
	"path"
	"strings"

	"kpkg-btf/internal/strictjson"
	"kpkg-btf/internal/tri"
)

// The rules of contents, the same for what is written and what is read. Each
// function gives "" or what is wrong.

// maxModules and maxSymbols bound what one release may hold; the largest seen
// have 4 500 and 33 000.
const (
	maxModules = 1 << 17
	maxSymbols = 1 << 20
)

func (m *Manifest) fault() string {
	if msg := m.headFault(); msg != "" {
		return msg
	}
	switch {
	case len(m.Modules) > maxModules:
		return fmt.Sprintf("more than %d modules", maxModules)
	case m.Exports != nil && len(m.Exports.Symbols) > maxSymbols:
		return fmt.Sprintf("more than %d symbols", maxSymbols)
	}
	if msg := each("package", m.Packages, orderPackage, Package.fault); msg != "" {
		return msg
	}
	if msg := each("ability", m.Abilities, orderAbility, Ability.fault); msg != "" {
		return msg
	}
	if msg := each("option", m.Config, orderOption, Option.fault); msg != "" {
		return msg
	}
	if msg := each("certificate", m.Certs, orderCert, Cert.fault); msg != "" {
		return msg
	}
	if msg := each("built-in module", m.BuiltIn, strings.Compare, pathFault); msg != "" {
		return msg
	}
	if msg := each("module", m.Modules, orderModule, Module.fault); msg != "" {
		return msg
	}
	if m.Exports != nil {
		return each("symbol", m.Exports.Symbols, orderSymbol, Symbol.fault)
	}
	return ""
}

// headFault is about what is not a list.
func (m *Manifest) headFault() string {
	switch {
	case m.Release == "":
		return "no release"
	case m.Scope != Full && m.Scope != BaseSymvers:
		return fmt.Sprintf("unknown scope %q", m.Scope)
	case m.Exports != nil && m.Exports.Source == "":
		return "symbols without a source"
	}
	if b := m.Base; b != nil {
		switch {
		case b.SHA256 == [32]byte{}:
			return "base without checksum"
		case !natural(b.Size, b.Types, b.StrLen, b.HdrLen):
			return "base: number out of range"
		}
	}
	return ""
}

// each checks the elements of a list and that it is strictly in order.
func each[T any](what string, list []T, order func(a, b T) int, fault func(T) string) string {
	for i := range list {
		if msg := fault(list[i]); msg != "" {
			return fmt.Sprintf("%s %d: %s", what, i, msg)
		}
		if i > 0 {
			if msg := orderFault(order(list[i-1], list[i])); msg != "" {
				return fmt.Sprintf("%s %d: %s", what, i, msg)
			}
		}
	}
	return ""
}

func orderFault(c int) string {
	switch {
	case c == 0:
		return "twice"
	case c > 0:
		return "not in order"
	}
	return ""
}

func natural(numbers ...int64) bool {
	for _, n := range numbers {
		if n < 0 || n > strictjson.MaxInt {
			return false
		}
	}
	return true
}

func (p Package) fault() string {
	if p.Name == "" && p.Kind == "" {
		return "neither name nor kind"
	}
	return ""
}

func (a Ability) fault() string {
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

func (o Option) fault() string {
	if o.Name == "" {
		return "no name"
	}
	return ""
}

func (c Cert) fault() string {
	if c.SHA256 == [32]byte{} {
		return "no checksum"
	}
	return ""
}

func (s Symbol) fault() string {
	switch {
	case s.Name == "":
		return "no name"
	case s.Owner == "":
		return "no owner"
	case s.Export != ExportAny && s.Export != ExportGPL && s.Export != ExportUnknown:
		return fmt.Sprintf("unknown export type %q", s.Export)
	}
	return ""
}

func (m Module) fault() string {
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
	if m.Signer != nil {
		if msg := m.Signer.fault(); msg != "" {
			return msg
		}
	}
	return m.BTF.fault()
}

func (s Signer) fault() string {
	if s == (Signer{}) {
		return "empty signer"
	}
	return ""
}

func (b BTF) fault() string {
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
	default:
		return fmt.Sprintf("unknown kind of btf %q", b.Kind)
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
