package decision

import (
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Validate finds what a decision contradicts itself in: check never writes
// such a thing, so somebody changed the text.
func Validate(rep *model.Report) error {
	if err := sums(rep.Policy.SHA256, rep.Policy.Effective); err != nil {
		return where.In("policy", err)
	}
	o := outcomeOf(rep.Findings)
	if len(rep.New) != len(rep.Releases) {
		return wrong("%d new releases, %d judged", len(rep.New), len(rep.Releases))
	}
	type key struct {
		name      string
		arch      model.Arch
		elsewhere bool
	}
	seen := map[key]bool{}
	for i := range rep.Releases {
		v := &rep.Releases[i]
		k := key{v.Release.Name, v.Release.Arch, v.Elsewhere()}
		if k.name == "" || seen[k] {
			return wrong("release %q of %q without a name, or twice", k.name, k.arch)
		}
		seen[k] = true
		if err := validateRelease(v); err != nil {
			return where.In(v.Release.Name, err)
		}
		o = o.Join(v.Outcome)
	}
	if len(rep.Releases) == 0 {
		o.Inconclusive = true
	}
	switch {
	case o != rep.Outcome:
		return wrong("the releases and findings ask for %s, the document says %s", o.Word(), rep.Outcome.Word())
	case rep.Decision != rep.DecisionOf(o):
		return wrong("decision %q, but its outcome is %s", rep.Decision, rep.DecisionOf(o))
	case rep.ExitCode != o.ExitCode() && (rep.FailOn == "" || rep.ExitCode != model.ExitDone):
		return wrong("exit code %d for %s", rep.ExitCode, o.Word())
	}
	return nil
}

func outcomeOf(list []model.Finding) (o model.Outcome) {
	for i := range list {
		o = o.Join(model.Outcome{Action: list[i].Action, Inconclusive: list[i].Inconclusive})
	}
	return o
}

func validateRelease(v *model.ReleaseVerdict) error {
	if o := outcomeOf(v.Findings); o != v.Outcome || v.Decision != model.DecisionOf(o, v.Findings) {
		return wrong("its findings ask for %s, the document says %s", o.Word(), v.Decision)
	}
	if err := sums(v.Release.Base.SHA256); err != nil {
		return err
	}
	for i := range v.Windows {
		if err := sums(v.Windows[i].Old.Base.SHA256); err != nil {
			return err
		}
	}
	for i := range v.On {
		if err := sums(v.On[i].Kernel.Base.SHA256); err != nil {
			return err
		}
	}
	for i := range v.Modules {
		m := &v.Modules[i]
		if i > 0 && v.Modules[i-1].Path >= m.Path {
			return wrong("module %s is out of order or there twice", m.Path)
		}
		if err := validateModule(v, m); err != nil {
			return where.In(m.Path, err)
		}
	}
	return nil
}

func validateModule(v *model.ReleaseVerdict, m *model.ModuleDecision) error {
	if err := sums(m.BTF, m.BTFBase, m.BTFIDs, m.BuiltOn); err != nil {
		return err
	}
	if m.Path == "" {
		return wrong("a module without a path")
	}
	for _, w := range m.Windows {
		if w.Old < 0 || w.Old >= len(v.Windows) || !v.Windows[w.Old].Judged {
			return wrong("it names window %d, which was not judged", w.Old)
		}
	}
	if len(m.On) != len(v.On) {
		return wrong("it was judged on %d kernels of %d", len(m.On), len(v.On))
	}
	for i, c := range m.On {
		if c.Kernel != i {
			return wrong("it names kernel %d in place %d", c.Kernel, i)
		}
	}
	if m.Action > v.Outcome.Action {
		return wrong("its action %s is more than the release's, %s", m.Action, v.Outcome.Action)
	}
	return nil
}

// sums checks SHA-256 sums in hex; "" stands for none.
func sums(list ...string) error {
	for _, s := range list {
		if s != "" && (len(s) != 64 || strings.Trim(s, "0123456789abcdef") != "") {
			return wrong("%q is not a SHA-256 in lower-case hex", s)
		}
	}
	return nil
}

func wrong(format string, args ...any) error {
	return where.New(where.Malformed, format, args...).WithHint("the document is not as kpkg-btf wrote it: make it anew")
}
