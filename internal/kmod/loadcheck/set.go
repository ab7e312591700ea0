package loadcheck

import (
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
)

// Provider is an exported symbol and the module that exports it.
type Provider struct {
	Symbol *symvers.Symbol
	Module string
}

// Modules is what modules export, by symbol and by name.
type Modules struct {
	exports map[string]Provider
	names   map[string]bool
	// Proprietary modules hand their taint on (inherit_taint, 5.9+).
	proprietary map[string]bool
}

// Of collects the exports of modules at hand. Of two that export one symbol
// the first stands.
func Of(list []*kmod.Facts, names []string) *Modules {
	m := &Modules{exports: map[string]Provider{}, names: map[string]bool{}, proprietary: map[string]bool{}}
	for i, f := range list {
		name := names[i]
		m.names[name] = true
		if !gplCompatible(f.Modinfo.License) {
			m.proprietary[name] = true
		}
		for j := range f.Exports {
			if e := &f.Exports[j]; m.exports[e.Name].Symbol == nil {
				m.exports[e.Name] = Provider{e, name}
			}
		}
	}
	return m
}

// InTable collects what a table says that modules export; names are the
// modules that are present, those without exports too.
func InTable(t *symvers.Table, names []string) *Modules {
	m := &Modules{exports: map[string]Provider{}, names: map[string]bool{}}
	list := t.Symbols()
	for i := range list {
		if list[i].Owner != symvers.Vmlinux {
			m.exports[list[i].Name] = Provider{&list[i], model.ModuleName(list[i].Owner)}
		}
	}
	for _, n := range names {
		m.names[n] = true
	}
	return m
}

// With adds other modules behind: of two that export one symbol, or have one
// name, those of m stand.
func (m *Modules) With(other *Modules) *Modules {
	for name, p := range other.exports {
		if m.exports[name].Symbol == nil && !m.names[p.Module] {
			m.exports[name] = p
		}
	}
	for name := range other.names {
		m.names[name] = true
	}
	for name := range other.proprietary {
		m.proprietary[name] = true
	}
	return m
}

func (m *Modules) lookup(symbol string) (Provider, bool) {
	if m == nil {
		return Provider{}, false
	}
	p, ok := m.exports[symbol]
	return p, ok
}

func (m *Modules) has(name string) bool { return m != nil && m.names[name] }

// gplCompatible mirrors license_is_gpl_compatible (include/linux/license.h).
// A module without a licence is "unspecified", which is none of these.
func gplCompatible(license string) bool {
	switch license {
	case "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL":
		return true
	}
	return false
}
