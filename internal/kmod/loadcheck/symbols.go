package loadcheck

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/tri"
)

// moduleList begins the namespace of EXPORT_SYMBOL_FOR_MODULES (6.16+).
const moduleList = "module:"

// importNS: setup_modinfo refuses the import of a list of modules.
func (c *checker) importNS() {
	if !c.Kernel.since(6, 16) {
		return
	}
	for _, ns := range c.f.Modinfo.ImportNS {
		if strings.HasPrefix(ns, moduleList) {
			c.refuse(RuleImportNS, eperm, "%s: module tries to import module namespace: %s", c.name, ns)
		}
	}
}

// imports: simplify_symbols goes through all undefined symbols and names each
// that it cannot resolve.
func (c *checker) imports() {
	if c.Kernel.image == nil {
		if len(c.f.Imports) > 0 {
			c.res.gap("what the kernel exports")
		}
		return
	}
	proprietary := !gplCompatible(c.f.Modinfo.License)
	var taint taint
	for i := range c.f.Imports {
		im := &c.f.Imports[i]
		if s := c.Kernel.image[im.Name]; s != nil {
			taint.gpl = taint.gpl || s.Export == symvers.ExportGPL
			c.resolved(s, im.Weak, proprietary, Always, "")
			continue
		}
		p, ok := c.Peers.lookup(im.Name)
		if !ok {
			if !im.Weak {
				c.unresolved(im.Name)
			}
			continue
		}
		if p.Module == c.name {
			continue // its own: defined and undefined in two objects
		}
		taint.gpl = taint.gpl || p.Symbol.Export == symvers.ExportGPL
		if taint.owner == "" && c.Peers.proprietary[p.Module] {
			taint.symbol, taint.owner = im.Name, p.Module
		}
		c.res.needs = append(c.res.needs, need{p.Module, im.Name})
		if c.resolved(p.Symbol, im.Weak, proprietary, Always, "") {
			c.earlier(im.Name, p.Module, im.Weak, proprietary)
		}
	}
	if !proprietary && taint.gpl && taint.owner != "" && c.Kernel.since(5, 9) {
		c.res.add(Reason{Rule: RuleGPL, Errno: enoent, Symbol: taint.symbol, Module: taint.owner,
			Text: fmt.Sprintf("%s: module using GPL-only symbols uses symbols %s from proprietary module %s.", c.name, taint.symbol, taint.owner)})
	}
}

// taint: who uses a symbol of a proprietary module becomes proprietary, and
// may not use GPL-only ones, in whatever order they come (inherit_taint).
type taint struct {
	gpl           bool
	symbol, owner string
}

// unresolved: nobody exports the symbol. With a dependency that is not among
// the modules beside, the set is incomplete and proves nothing.
func (c *checker) unresolved(name string) {
	for _, d := range c.f.Modinfo.Depends {
		if d = model.ModuleName(d); d != "" && !c.Peers.has(d) {
			c.res.gap("what %s exports, which it depends on and which is not among the inputs", d)
			return
		}
	}
	c.res.Missing++
	c.unknown(RuleSymbol, name, Always, "")
}

func (c *checker) unknown(rule Rule, symbol string, when When, loaded string) {
	c.res.add(Reason{Rule: rule, Errno: enoent, Symbol: symbol, Loaded: loaded, When: when,
		Text: fmt.Sprintf("%s: Unknown symbol %s (err %d)", c.name, symbol, enoent)})
}

// resolved: resolve_symbol, of a symbol that somebody exports.
func (c *checker) resolved(s *symvers.Symbol, weak, proprietary bool, when When, loaded string) bool {
	if s.Export == symvers.ExportGPL && proprietary {
		if !weak {
			c.unknown(RuleGPL, s.Name, when, loaded)
		}
		return weak
	}
	if s.Export == symvers.ExportUnknown && proprietary {
		c.res.gap("whether %s is exported to GPL modules only", s.Name)
	}
	if !c.version(s, RuleCRC, einval, when, loaded) {
		return false
	}
	if s.Namespace == "" || c.inNamespace(s.Namespace) {
		return true
	}
	switch c.Kernel.FreeNamespaces {
	case tri.Yes:
		return true
	case tri.Unknown:
		c.res.gap("whether the kernel asks for imported namespaces (CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS)")
		return true
	}
	c.res.add(Reason{Rule: RuleNamespace, Errno: einval, Symbol: s.Name, Loaded: loaded, When: when,
		Text: fmt.Sprintf("%s: module uses symbol (%s) from namespace %s, but does not import it.", c.name, s.Name, s.Namespace)})
	return false
}

// inNamespace: verify_namespace_is_imported. A list of modules is for those
// that came with the kernel (6.17+), "-" and "_" being the same.
func (c *checker) inNamespace(ns string) bool {
	list, ok := strings.CutPrefix(ns, moduleList)
	if ok && (c.f.Modinfo.Intree || !c.Kernel.since(6, 17)) {
		for p := range strings.SplitSeq(list, ",") {
			p = strings.ReplaceAll(p, "-", "_")
			if stem, glob := strings.CutSuffix(p, "*"); glob && strings.HasPrefix(c.name, stem) || p == c.name {
				return true
			}
		}
	}
	return slices.Contains(c.f.Modinfo.ImportNS, ns)
}

// earlier: the exporter may be loaded already, in the version of the kernel's
// own release, which modprobe does not replace.
func (c *checker) earlier(symbol, exporter string, weak, proprietary bool) {
	if c.AlreadyLoaded == nil || !c.AlreadyLoaded.has(exporter) {
		return
	}
	p, ok := c.AlreadyLoaded.lookup(symbol)
	switch {
	case ok && p.Module == exporter:
		c.resolved(p.Symbol, weak, proprietary, IfLoaded, exporter)
	case !ok && !weak:
		c.unknown(RuleSymbol, symbol, IfLoaded, exporter)
	}
}

// exports: verify_exported_symbols refuses what the image or another loaded
// module exports already.
func (c *checker) exports() {
	if c.Kernel.image == nil && len(c.f.Exports) > 0 {
		c.res.gap("what the kernel exports")
		return
	}
	for i := range c.f.Exports {
		name := c.f.Exports[i].Name
		if c.Kernel.image[name] != nil {
			c.duplicate(name, "kernel", Always, "")
			continue
		}
		if p, ok := c.AlreadyLoaded.lookup(name); ok && p.Module != c.name {
			c.duplicate(name, p.Module, IfLoaded, p.Module)
		}
	}
}

// duplicate: the owner of a symbol of the image is called "kernel"
// (module_name of no module).
func (c *checker) duplicate(symbol, owner string, when When, loaded string) {
	c.res.add(Reason{Rule: RuleDuplicate, Errno: enoexec, Symbol: symbol, Loaded: loaded, When: when,
		Text: fmt.Sprintf("%s: exports duplicate symbol %s (owned by %s)", c.name, symbol, owner)})
}
