package verdict

import "kpkg-btf/internal/model"

// Outcome is what becomes of a module with BTF after Module's answer, before
// its init runs: a refusal fails the load, or where a mismatch is allowed
// costs the module its BTF whatever the errno (btf_module_notify).
func (p *Profile) Outcome(r *Result) model.Verdict {
	switch {
	case !p.ModuleBTF:
		return model.Inert
	case r.OK:
		return model.Attached
	case p.AllowMismatch && !r.Undefined:
		return model.Dropped
	}
	return model.Rejected
}
