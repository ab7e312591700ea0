package manifest

import (
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Read reads a manifest. Another major version, and a field that
// "must_understand" names and this version does not know, are Unsupported;
// other unknown fields are ignored. All else that Write would not have written
// is Malformed: a member twice, a wrong digest, a list out of order, a
// truncated text. Errors have the byte offset, line and column.
func Read(text []byte) (*Manifest, error) {
	r := &reader{m: &Manifest{}}
	if err := r.read(text, manifestKind, r.content, r.finish); err != nil {
		return nil, err
	}
	r.m.Tool, r.m.digest = r.tool, r.digest
	return r.m, nil
}

// reader fills a Manifest from a sealed text.
type reader struct {
	docReader
	m *Manifest

	modules  int // read so far
	vermagic string
	noMagic  []int // modules that have the shared vermagic
	signers  []Signer
	uses     []signerUse
}

// signerUse is a module that names a signer by index; the list of signers may
// stand behind it.
type signerUse struct {
	module     int
	signer, at int64
}

// finish resolves what modules share and checks what needs the whole.
func (r *reader) finish() {
	for _, i := range r.noMagic {
		r.m.Modules[i].Vermagic = r.vermagic
	}
	for _, u := range r.uses {
		if u.signer >= int64(len(r.signers)) {
			r.Fail(where.Malformed, u.at, "signer %d of %d", u.signer, len(r.signers))
			return
		}
		s := r.signers[u.signer]
		r.m.Modules[u.module].Signer = &s
	}
	if msg := r.m.headFault(); msg != "" {
		r.failBody(msg)
	}
}

func (r *reader) content(key string) bool {
	m := r.m
	switch key {
	case "packages":
		m.Packages = listOf(&r.docReader, key, 1<<16, r.pkg, orderPackage, Package.fault)
	case "release":
		m.Release = r.text()
	case "arch":
		m.Arch = model.Arch(r.text())
	case "scope":
		m.Scope = Scope(r.text())
	case "image":
		m.Image = r.image()
	case "base":
		m.Base = r.base()
	case "abilities":
		m.Abilities = listOf(&r.docReader, key, 1<<16, r.ability, orderAbility, Ability.fault)
	case "config":
		m.Config = listOf(&r.docReader, key, 1<<16, r.option, orderOption, Option.fault)
	case "certs":
		m.Certs = listOf(&r.docReader, key, 1<<16, r.cert, orderCert, Cert.fault)
	case "builtin":
		m.BuiltIn = listOf(&r.docReader, key, maxModules, r.element, strings.Compare, pathFault)
	case "vermagic":
		r.vermagic = r.text()
	case "signers":
		r.signers = listOf(&r.docReader, key, maxModules, r.signer, orderSigner, Signer.fault)
	case "modules":
		m.Modules = listOf(&r.docReader, key, maxModules, r.module, orderModule, Module.fault)
	case "symbols_from":
		r.exports().Source = r.text()
	case "symbols":
		r.exports().Symbols = listOf(&r.docReader, key, maxSymbols, r.symbol, orderSymbol, Symbol.fault)
	default:
		return false
	}
	return true
}

func (r *reader) exports() *Exports {
	if r.m.Exports == nil {
		r.m.Exports = &Exports{}
	}
	return r.m.Exports
}

// listOf reads an array of things that must have no fault and be strictly in
// order; it is never nil.
func listOf[T any](r *docReader, what string, most int, one func() T, order func(a, b T) int, fault func(T) string) []T {
	out := []T{}
	r.array(func(i int) {
		at := r.Next()
		v := one()
		switch {
		case r.Err != nil:
			return
		case i == most:
			r.Fail(where.Limit, at, "more than %d %s", most, what)
			return
		}
		msg := fault(v)
		if msg == "" && i > 0 {
			msg = orderFault(order(out[i-1], v))
		}
		if msg != "" {
			r.Fail(where.Malformed, at, "element %d of %s: %s", i, what, msg)
			return
		}
		out = append(out, v)
	})
	return slices.Clip(out)
}
