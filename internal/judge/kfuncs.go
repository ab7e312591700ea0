package judge

import (
	"fmt"
	"maps"
	"slices"

	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/health"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
)

// kfuncRule is how one kind of fault of a kfunc is told.
type kfuncRule struct {
	kind      health.WrongKind
	id        string
	severity  model.Severity
	action    model.Action
	one, many string // "kfunc …"; what fails follows
	hint      string
}

// kfuncRules are in the order of their weight. Of a kfunc with several faults the
// first one is told.
var kfuncRules = []kfuncRule{
	{health.NotThere, "health.kfunc-prototype", model.Error, model.Rebuild, "kfunc is no function with a prototype in BTF", "kfuncs are no functions with a prototype in BTF",
		"resolve .BTF_ids again, on the BTF that is shipped"},
	{health.Implicit, "health.kfunc-argument", model.Error, model.Rebuild,
		"kfunc still has the argument that the kernel adds itself, so no program that calls it loads (libbpf: func_proto incompatible with vmlinux)",
		"kfuncs still have the argument that the kernel adds itself, so no program that calls one loads (libbpf: func_proto incompatible with vmlinux)",
		"resolve_btfids of this kernel takes the argument out of kfuncs with the flag KF_IMPLICIT_ARGS: build vmlinux again, with another version of pahole"},
	{health.Flagged, "health.kfunc-flags", model.Error, model.Rebuild, "kfunc has flags that contradict its prototype", "kfuncs have flags that contradict their prototypes",
		"built incrementally? resolve_btfids ran twice over the file: build modules again from their objects"},
	{health.Unusable, "health.kfunc-prototype", model.Error, model.Rebuild, "kfunc has a prototype that no program can call", "kfuncs have a prototype that no program can call",
		"the kernel refuses such a call when it reads the prototype"},
	{health.Twice, "health.kfunc-twice", model.Error, model.Rebuild, "kfunc shares its name with another function of the same BTF", "kfuncs share their names with other functions of the same BTF",
		"programs find a kfunc by its name and get the first: a merge of types failed, build again"},
	{health.Untagged, "health.kfunc-untagged", model.Warning, model.Keep, "kfunc has no tag bpf_kfunc, which this build gives to others", "kfuncs have no tag bpf_kfunc, which this build gives to others",
		"bpftool leaves them out of vmlinux.h, so programs that rely on it do not compile"},
}

// kfuncNotes are about the kfuncs of the release's own image and modules.
func kfuncNotes(r *release.Release) (out []note) {
	list := r.Kfuncs()
	for i := range kfuncRules {
		rule := &kfuncRules[i]
		why := map[string]string{} // by subject: the same kfunc may be in several sets
		for k := range list {
			if x := &list[k]; firstFault(x) == rule {
				why[x.Subject()] = x.Owner + ": " + x.Why(rule.kind)
			}
		}
		if len(why) == 0 {
			continue
		}
		f := model.Finding{Rule: rule.id, Encounter: model.Self, Severity: rule.severity, Action: rule.action, Hint: rule.hint,
			Subjects: slices.Sorted(maps.Keys(why)), Count: len(why)}
		first, lost := f.Subjects[0], ""
		if what := health.Lost(f.Subjects); rule.action > model.Keep && what != "" {
			lost = ": " + what
		}
		out = append(out, worded(f, func(n int) string {
			return model.Plural(n, rule.one, rule.many) + lost + " (first: " + first + " in " + why[first] + ")"
		}))
	}
	return out
}

// firstFault is the rule of the gravest fault of a kfunc, nil for none.
func firstFault(k *release.Kfunc) *kfuncRule {
	for i := range kfuncRules {
		if k.Is(kfuncRules[i].kind) {
			return &kfuncRules[i]
		}
	}
	return nil
}

// ownKfuncs: at boot the kernel looks at its own sets of kfuncs by the rules for
// those of modules.
func ownKfuncs(r *release.Release, k *kernel.Kernel) []note {
	own := encounter.OwnKfuncs(k, r.ImageKfuncSets())
	if own.OK {
		return nil
	}
	return []note{said(model.Finding{Rule: "health.own-kfuncs", Encounter: model.Self, Severity: model.Error, Action: model.Rebuild,
		Message: "the kernel refuses a set of its own kfuncs at boot (\"error while registering … kfuncs\"), so none of that set can be called: " + own.String(),
		Hint:    "the base was changed after its ids were resolved, or an iterator has not the form that its flag promises"})}
}

// kfuncNotes compares the flags of kfuncs with those of the older release. That
// the same flags are spread over other kfuncs of a set is how .BTF_ids looks that
// was resolved twice; any other difference is one of the sources.
func (w *window) kfuncNotes() []note {
	var changed, moved, details []string
	for i := range w.new.Kfuncs {
		s := &w.new.Kfuncs[i]
		o := olderSet(w.old.Kfuncs, s)
		if o == nil {
			continue
		}
		differ, spread := flagsMoved(o, s)
		for _, k := range differ {
			if !spread {
				changed = append(changed, k.name)
				continue
			}
			moved = append(moved, k.name)
			details = append(details, fmt.Sprintf("%s in %s has %s, had %s", k.name, s.Owner, health.FlagNames(k.new), health.FlagNames(k.old)))
		}
	}
	return slices.Concat(
		aboutFlags(model.Finding{Rule: "health.kfunc-flags-moved", Severity: model.Error, Action: model.Rebuild,
			Hint: "resolve_btfids ran twice over the file, as incremental builds do: build modules again from their objects. Programs may leak or free what these kfuncs handle"},
			moved, func(n int) string {
				return model.Plural(n, "kfunc has the flags of another one of its set", "kfuncs have the flags of others of their set") + ", by the older release (first: " + details[0] + ")"
			}),
		aboutFlags(model.Finding{Rule: "health.kfunc-flags-changed", Severity: model.Info,
			Hint: "programs that the verifier took may be refused, or the other way round: a change of the sources"},
			changed, func(n int) string {
				return model.Plural(n, "kfunc has other flags", "kfuncs have other flags") + " than in the older release"
			}))
}

// aboutFlags is a note about kfuncs by their names, nil where there are none.
func aboutFlags(f model.Finding, names []string, text func(int) string) []note {
	slices.Sort(names)
	f.Subjects = slices.Compact(names)
	if f.Count = len(f.Subjects); f.Count == 0 {
		return nil
	}
	return []note{worded(f, text)}
}

// olderSet finds the set of the older release that a set is: by file and name, or,
// where one has no name, by file and members.
func olderSet(list []manifest.KfuncSet, s *manifest.KfuncSet) *manifest.KfuncSet {
	for i := range list {
		o := &list[i]
		switch {
		case o.Owner != s.Owner:
		case o.Name != "" && s.Name != "":
			if o.Name == s.Name {
				return o
			}
		case slices.EqualFunc(o.Kfuncs, s.Kfuncs, func(a, b manifest.Kfunc) bool { return a.Name == b.Name }):
			return o
		}
	}
	return nil
}

// flagChange is a kfunc with other flags.
type flagChange struct {
	name     string
	old, new uint32
}

// flagsMoved are the kfuncs of both sets with other flags. spread: all of both
// have the same flags together, and the older ones contradict no prototype.
func flagsMoved(old, new *manifest.KfuncSet) (differ []flagChange, spread bool) {
	var before, after []uint32
	spread = true
	for _, k := range new.Kfuncs {
		i := slices.IndexFunc(old.Kfuncs, func(o manifest.Kfunc) bool { return o.Name == k.Name })
		if i < 0 {
			continue
		}
		o := old.Kfuncs[i]
		before, after = append(before, o.Flags), append(after, k.Flags)
		spread = spread && !o.Contradicts
		if o.Flags != k.Flags {
			differ = append(differ, flagChange{k.Name, o.Flags, k.Flags})
		}
	}
	slices.Sort(before)
	slices.Sort(after)
	return differ, spread && slices.Equal(before, after)
}

// bareKfuncs is about modules that register kfuncs and load on a kernel without
// BTF: the kernel skips the kfuncs, and init does not fail. Where it fails, that is
// a finding of its own. on is the kernel, in words.
func bareKfuncs(on string, k *kernel.Kernel, mods []encounter.Module, cells []encounter.Cell) []note {
	if k.ReadsBTF().Is != tri.Yes {
		return nil
	}
	var names []string
	first := ""
	f := model.Finding{Rule: "health.kfunc-bare", Severity: model.Warning, Encounter: model.Self,
		Hint: "programs that call them do not load there; the kernel says \"missing module BTF, cannot register kfuncs\" at most"}
	for i := range cells {
		c := &cells[i]
		if !c.Kfuncs || c.Verdict != model.Dropped && c.Verdict != model.Inert {
			continue
		}
		if f.Subjects = append(f.Subjects, mods[i].Path); first == "" && len(c.KfuncNames) > 0 {
			first = " (first: " + mods[i].Path + ": " + firstNames(c.KfuncNames) + ")"
		}
		names = append(names, c.KfuncNames...)
	}
	if f.Count = len(f.Subjects); f.Count == 0 {
		return nil
	}
	lost := ""
	if what := health.Lost(names); what != "" {
		lost = ": " + what
	}
	return []note{worded(f, modulesText("that {registers|register} kfuncs {loads|load} without BTF on "+on+", where the kfuncs are then missing without an error"+lost+first))}
}

// bareKfuncs are the kfuncs of the new modules that are missing on the old kernel.
func (w *window) bareKfuncs() []note {
	list := bareKfuncs("the old kernel", w.oldK, w.forth.mods, w.forth.cells)
	for i := range list {
		list[i].Encounter, list[i].Severity = model.Window, model.Info
	}
	return list
}
