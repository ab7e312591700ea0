package judge

import (
	"fmt"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

const ruleSigner = "window.signer"

// signer: the old kernel trusts the certificates in its own image. Modules
// that none of them signed are refused where signatures are enforced; where
// nobody knows which it trusts, nobody knows that.
func (w *window) signer(p *policy.Policy) []note {
	var refused, open []string
	key, unsigned := "", 0
	for i := range w.forth.cells {
		m := &w.new.Modules[i]
		id := w.forth.mods[i].Key()
		switch know := w.forth.cells[i].KnowsKey; {
		case !m.Intree || know == tri.Yes:
		case know == tri.Unknown:
			if id != "" || w.oldK.Abilities.SigModule.Is == tri.Yes {
				open = append(open, m.Path)
			}
		default:
			if refused = append(refused, m.Path); id == "" {
				unsigned++
			}
			key = firstOf(key, id)
		}
	}
	list := signerOpen(open, p)
	if len(refused) == 0 {
		return list
	}
	f := model.Finding{Rule: ruleSigner, Severity: model.Error, Action: model.Bump, Count: len(refused), Subjects: refused,
		Message: fmt.Sprintf("%s: the old kernel refuses %s where signatures are enforced (module.sig_enforce, lockdown)",
			keyText(key, unsigned, len(refused)), model.Plural(len(refused), "module", "modules")),
		Hint: "if no machine with the old kernel enforces signatures: policy `signatures: ignored`"}
	if p.Signatures == policy.Ignored {
		f.Severity, f.Action, f.Asked, f.Waived, f.Hint = model.Warning, model.Keep, f.Action, "policy signatures: ignored", ""
	}
	return append(list, said(f))
}

// keyText says why the old kernel does not know who signed the modules.
func keyText(key string, unsigned, all int) string {
	switch {
	case unsigned == all:
		return "the new modules are not signed, and the old kernel carries keys"
	case unsigned > 0:
		return fmt.Sprintf("the signing key changed to %s, which the old kernel does not know, and %d of these are not signed", shortKey(key), unsigned)
	}
	return "the signing key changed to " + shortKey(key) + ", which the old kernel does not know"
}

// signerOpen: whether the old kernel refuses modules is not known, and decides
// where signatures are enforced.
func signerOpen(list []string, p *policy.Policy) []note {
	if len(list) == 0 {
		return nil
	}
	f := model.Finding{Rule: "window.signer-unknown", Severity: model.Error, Inconclusive: true, Count: len(list), Subjects: list,
		Close: []string{"give the older package with the image, whose keys it carries (--against)",
			"where no machine with the old kernel enforces signatures: policy `signatures: ignored`"}}
	if p.Signatures == policy.Ignored {
		f.Severity, f.Inconclusive, f.Waived, f.Close = model.Info, false, "policy signatures: ignored", nil
	}
	return []note{provided(f, func(n int) string {
		return fmt.Sprintf("which keys the old kernel trusts is not known: whether it refuses %s where signatures are enforced is open", model.Plural(n, "module", "modules"))
	}, func(n int) string {
		return model.Plural(n, "module is", "modules are") + " signed by a key that the old kernel trusts"
	})}
}

func shortKey(k string) string { return k[:min(len(k), 16)] + "…" }
