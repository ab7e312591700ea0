package repair

import (
	"encoding/hex"
	"fmt"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// RefusedError is a decision that nothing here can carry out; Code is the
// exit code of that decision.
type RefusedError struct {
	Code int
	Err  error
}

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// refuseDecision refuses the decisions that rewriting modules cannot carry
// out, and a decision and an action together.
func (j *job) refuseDecision() error {
	d := j.o.Decision
	if d == nil {
		return nil
	}
	why, hint := "", ""
	switch code := d.Outcome.ExitCode(); code {
	case model.ExitRebuild:
		why, hint = "the decision is rebuild: the release is wrong in itself, and no rewriting of modules repairs it", "build it again"
	case model.ExitInconclusive:
		why, hint = "the decision is inconclusive: what it left open, apply cannot know either", "give check what it asked for"
	case model.ExitBump:
		if d.Outcome.Action == model.RebuildFor {
			why, hint = "the decision is "+d.Decision+": no rewriting makes these modules load there", "build them against that kernel's headers"
			break
		}
		why, hint = "the decision is bump: what is to be changed is the ABI name, not the modules", "after the name is changed, check says what else is needed"
	}
	if why == "" {
		return nil
	}
	return &RefusedError{d.Outcome.ExitCode(), where.In(j.o.Source, where.New(where.Unsupported, "%s", why).WithHint("%s", hint))}
}

// decisionFor finds the modules of a release in the decision; nil without a
// decision.
func (j *job) decisionFor(r *release.Release, base *buildBase) (map[string]*model.ModuleDecision, error) {
	if j.o.Decision == nil {
		return nil, nil
	}
	var out map[string]*model.ModuleDecision
	for i := range j.o.Decision.Releases {
		v := &j.o.Decision.Releases[i]
		if v.Release.Name != r.Name || v.Release.Arch != r.Arch {
			continue
		}
		if base != nil && v.Release.Base.SHA256 != "" && v.Release.Base.SHA256 != hex.EncodeToString(base.id.Digest[:]) {
			return nil, where.In(r.Name, usage("the decision was made for the base %s…, the image here has %x…", v.Release.Base.SHA256[:8], base.id.Digest[:4]).
				WithHint("these are other builds under the same name: run check on them"))
		}
		if out == nil {
			out = make(map[string]*model.ModuleDecision, len(v.Modules))
		}
		for k := range v.Modules {
			out[v.Modules[k].Path] = &v.Modules[k]
		}
	}
	if out != nil {
		return out, nil
	}
	return nil, where.In(r.Name, usage("release %s is not in the decision", r.Key))
}

// decided returns the action for a module, or an error if the module is not the
// one that was decided about. A module that already is what the decision
// makes of it is fine: an interrupted run is finished that way.
func (j *job) decided(d *model.ModuleDecision, now binding, f *kmod.Facts, base *buildBase) (Action, error) {
	var action Action
	switch d.Action {
	case model.Keep:
		action = Keep
	case model.Strip:
		action = Strip
	case model.Distill:
		action = Distill
	case model.Rebase:
		action = Rebase
	default:
		return "", usage("module %s: the action %s cannot be carried out", d.Path, d.Action)
	}
	if then := (binding{d.BTF, d.BTFBase, d.BTFIDs}); then != now && !alreadyDone(action, now, f, base) {
		return "", usage("module %s is not the one that was decided about: %s", d.Path, then.difference(now)).
			WithHint("run check on these packages, or apply the decision to those it was made for")
	}
	return action, nil
}

// alreadyDone says that the action was carried out before: the stamp says so.
func alreadyDone(a Action, now binding, f *kmod.Facts, base *buildBase) bool {
	switch a {
	case Strip:
		if now.btf != "" || now.base != "" {
			return false
		}
		s, err := stamp.Parse(f.Stamp)
		return err == nil && s.Left == stamp.Stripped || f.Neutralized
	case Distill:
		s, err := stamp.Parse(f.Stamp)
		return err == nil && s.Left == stamp.Distilled && now.base != "" && (base == nil || s.Base.Digest == base.id.Digest)
	}
	return false
}

// difference names the first section of which the digests differ.
func (b binding) difference(now binding) string {
	for _, s := range []struct{ name, then, now string }{{".BTF", b.btf, now.btf}, {".BTF.base", b.base, now.base}, {".BTF_ids", b.ids, now.ids}} {
		if s.then != s.now {
			return fmt.Sprintf("its %s was %s and is %s", s.name, short(s.then), short(s.now))
		}
	}
	return "equal"
}

func short(digest string) string {
	if digest == "" {
		return "not there"
	}
	return digest[:min(len(digest), 12)] + "…"
}
