package encounter

import (
	"strings"

	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
)

// Around are the modules around those that are loaded.
type Around struct {
	// SameRelease: the kernel goes by the name that the modules were built for.
	SameRelease bool
	// Loaded: modules of the kernel's own release may be loaded already, and
	// modprobe does not replace them.
	Loaded bool
	// Found: modprobe finds the kernel's own modules too.
	Found bool
	Trust kernel.Trust
}

// Loads asks the kernel's loader about modules that lie beside each other; an
// entry is nil for a module that is not at hand.
func Loads(k *kernel.Kernel, list []Module, a Around, jobs int) []*loadcheck.Result {
	out := make([]*loadcheck.Result, len(list))
	var facts []*kmod.Facts
	var names []string
	var at []int
	for i := range list {
		if list[i].Facts != nil {
			facts, names, at = append(facts, list[i].Facts), append(names, list[i].Name), append(at, i)
		}
	}
	if len(facts) == 0 {
		return out
	}
	scene := loadcheck.Environment{Kernel: k.Loader(a.Trust, a.SameRelease), Peers: loadcheck.Of(facts, names)}
	if a.Found {
		scene.Peers = scene.Peers.With(k.Modules())
	}
	if a.Loaded && (k.HasSymbols() || a.Found) {
		scene.AlreadyLoaded = k.Modules()
	}
	answers := scene.All(facts, names, jobs)
	for j, i := range at {
		out[i] = &answers[j]
	}
	return out
}

// ModuleLoad puts an answer in the words of the report; nil is nothing known.
func ModuleLoad(r *loadcheck.Result) model.ModuleLoad {
	if r == nil {
		return model.ModuleLoad{Loads: model.LoadsUnknown, IfEnforced: model.LoadsUnknown, Signature: "unknown"}
	}
	l := model.ModuleLoad{Loads: loads(r, false), IfEnforced: loads(r, true), Signature: string(r.Signature), More: r.More, Open: r.Gaps}
	for i := range r.Reasons {
		l.Says = append(l.Says, r.Reasons[i].String())
	}
	return l
}

func loads(r *loadcheck.Result, enforced bool) model.Loads {
	switch why := r.Why(enforced); {
	case why != nil && why.When == loadcheck.IfLoaded:
		return model.LoadsMaybe
	case why != nil:
		return model.LoadsNo
	case len(r.Gaps) > 0:
		return model.LoadsUnknown
	}
	return model.LoadsYes
}

// knowsKey reports whether the kernel knows the key that signed a module, or
// does not look at signatures. An unsigned module has no key that it knows.
func knowsKey(k *kernel.Kernel, m *Module) tri.State {
	if k.Abilities.SigModule.Is == tri.No {
		return tri.Yes
	}
	key := m.Key()
	ids, known := k.Trusted()
	switch {
	case key == "" && (k.Abilities.SigModule.Is == tri.Yes || len(ids) > 0):
		return tri.No
	case !known || len(ids) == 0:
		return tri.Unknown
	}
	return tri.Of(ids[strings.TrimLeft(key, "0")])
}

// Key is the id of the key that signed a module, in hex; "" for none.
func (m *Module) Key() string {
	switch {
	case m.Facts != nil && m.Facts.Sig != nil:
		return m.Facts.Sig.KeyID
	case m.Facts == nil && m.Record.Signer != nil:
		return m.Record.Signer.KeyID
	}
	return ""
}
