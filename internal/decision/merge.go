package decision

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
)

// Source is one report with the name it goes by in messages.
type Source struct {
	Name   string
	Report *model.Report
}

// Merge puts together what separate machines decided, whatever the order of
// the sources. A release that several of them judged is one if its base and
// all modules agree, with the windows of all; if not, two builds share a name.
// Settle makes one decision of the result.
func Merge(sources []Source) *model.Report {
	sources = slices.Clone(sources)
	slices.SortStableFunc(sources, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	out := &model.Report{Schema: model.DecisionSchema, New: []model.ReleaseRef{}, Old: []model.ReleaseRef{}, Ignored: []model.IgnoredInput{},
		Releases: []model.ReleaseVerdict{}, Findings: []model.Finding{}}
	out.Policy, out.Findings = mergePolicies(sources)
	where := map[string]string{} // releaseText -> source
	for _, s := range sources {
		out.Old = append(out.Old, s.Report.Old...)
		out.Kernels = append(out.Kernels, s.Report.Kernels...)
		out.Ignored = append(out.Ignored, s.Report.Ignored...)
		for i := range s.Report.Releases {
			v := cloneRelease(&s.Report.Releases[i])
			key := releaseText(&v)
			k := slices.IndexFunc(out.Releases, func(o model.ReleaseVerdict) bool { return releaseText(&o) == key })
			if k < 0 {
				where[key] = s.Name
				out.Releases = append(out.Releases, v)
				continue
			}
			joinRelease(&out.Releases[k], &v, where[key], s.Name)
		}
	}
	slices.SortFunc(out.Releases, func(a, b model.ReleaseVerdict) int {
		return cmp.Or(compareRefs(&a.Release, &b.Release), strings.Compare(releaseText(&a), releaseText(&b)))
	})
	for i := range out.Releases {
		out.New = append(out.New, out.Releases[i].Release)
	}
	for _, refs := range []*[]model.ReleaseRef{&out.Old, &out.Kernels} {
		slices.SortStableFunc(*refs, func(a, b model.ReleaseRef) int { return compareRefs(&a, &b) })
		*refs = slices.CompactFunc(*refs, func(a, b model.ReleaseRef) bool { return reflect.DeepEqual(a, b) })
	}
	slices.SortFunc(out.Ignored, func(a, b model.IgnoredInput) int {
		return cmp.Or(strings.Compare(a.File, b.File), strings.Compare(a.Why, b.Why))
	})
	out.Ignored = slices.Compact(out.Ignored)
	conclude(out)
	return out
}

// releaseText names a release; what was built elsewhere for a kernel goes by
// the kernel's name and is another thing.
func releaseText(v *model.ReleaseVerdict) string {
	if v.Elsewhere() {
		return "modules for " + refText(&v.Release)
	}
	return refText(&v.Release)
}

func compareRefs(a, b *model.ReleaseRef) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.Arch), string(b.Arch)),
		strings.Compare(a.Base.SHA256, b.Base.SHA256), strings.Compare(strings.Join(a.Packages, "\n"), strings.Join(b.Packages, "\n")))
}

// cloneRelease copies what joining changes.
func cloneRelease(v *model.ReleaseVerdict) model.ReleaseVerdict {
	out := *v
	out.Windows, out.Findings, out.Modules, out.On = slices.Clone(v.Windows), slices.Clone(v.Findings), slices.Clone(v.Modules), slices.Clone(v.On)
	for i := range out.Modules {
		out.Modules[i].Windows, out.Modules[i].On = slices.Clone(out.Modules[i].Windows), slices.Clone(out.Modules[i].On)
		out.Modules[i].Reasons = slices.Clone(out.Modules[i].Reasons)
	}
	return out
}

// joinRelease adds what another source says of a release.
func joinRelease(v, more *model.ReleaseVerdict, from, fromMore string) {
	if why := otherBuild(v, more); why != "" {
		v.Findings = slices.Insert(v.Findings, 0, model.Finding{Rule: "set.two-builds", Severity: model.Error, Encounter: model.Run, Release: v.Release.Name, Action: model.Rebuild, Count: 1,
			Message: fmt.Sprintf("two builds are called %s: %s and %s differ in %s", releaseText(v), from, fromMore, why),
			Hint:    "build all packages of one architecture and flavour in one run"})
		concludeRelease(v)
		return
	}
	index := make([]int, len(more.Windows))
	for i := range more.Windows {
		w := &more.Windows[i]
		k := slices.IndexFunc(v.Windows, func(o model.WindowResult) bool { return reflect.DeepEqual(o, *w) })
		if k < 0 {
			k = len(v.Windows)
			v.Windows = append(v.Windows, *w)
		}
		index[i] = k
	}
	for _, f := range more.Findings {
		if !slices.ContainsFunc(v.Findings, func(o model.Finding) bool { return reflect.DeepEqual(o, f) }) {
			v.Findings = append(v.Findings, f)
		}
	}
	for i := range v.Modules {
		joinModule(&v.Modules[i], &more.Modules[i], index)
	}
	joinKernels(v, more)
	concludeRelease(v)
}

// joinKernels adds the kernels that another source judged the modules on.
func joinKernels(v, more *model.ReleaseVerdict) {
	for k := range more.On {
		if slices.ContainsFunc(v.On, func(o model.KernelResult) bool { return reflect.DeepEqual(o.Kernel, more.On[k].Kernel) }) {
			continue
		}
		for i := range v.Modules {
			c := more.Modules[i].On[k]
			c.Kernel = len(v.On)
			v.Modules[i].On = append(v.Modules[i].On, c)
		}
		v.On = append(v.On, more.On[k])
	}
}

func joinModule(m, more *model.ModuleDecision, index []int) {
	m.Action = max(m.Action, more.Action)
	m.SetBy, m.BuiltOn = cmp.Or(m.SetBy, more.SetBy), cmp.Or(m.BuiltOn, more.BuiltOn)
	for _, r := range more.Reasons {
		if !slices.Contains(m.Reasons, r) {
			m.Reasons = append(m.Reasons, r)
		}
	}
	for _, w := range more.Windows {
		w.Old = index[w.Old]
		if !slices.ContainsFunc(m.Windows, func(o model.ModuleWindow) bool { return o.Old == w.Old }) {
			m.Windows = append(m.Windows, w)
		}
	}
}

// otherBuild says in what two records of one release differ, "" if in nothing.
func otherBuild(a, b *model.ReleaseVerdict) string {
	if a.Release.Base.SHA256 != b.Release.Base.SHA256 {
		return "the base"
	}
	if len(a.Modules) != len(b.Modules) {
		return fmt.Sprintf("the number of modules, %d and %d", len(a.Modules), len(b.Modules))
	}
	for i := range a.Modules {
		x, y := &a.Modules[i], &b.Modules[i]
		if x.Path != y.Path || x.BTF != y.BTF || x.BTFBase != y.BTFBase || x.BTFIDs != y.BTFIDs {
			return "module " + x.Path
		}
	}
	return ""
}

// mergePolicies: one decision has one policy. Waivers are unused when no
// source used them.
func mergePolicies(sources []Source) (model.PolicyRef, []model.Finding) {
	findings := []model.Finding{}
	if len(sources) == 0 {
		return model.PolicyRef{}, findings
	}
	ref := sources[0].Report.Policy
	var others []string
	for _, s := range sources[1:] {
		p := s.Report.Policy
		if p.Effective != ref.Effective {
			others = append(others, s.Name+": "+p.Source)
		}
		ref.Day = max(ref.Day, p.Day)
	}
	if len(others) > 0 {
		f := model.Finding{Rule: "set.policies", Severity: model.Error, Encounter: model.Run, Inconclusive: true, Count: len(others), Subjects: others,
			Message: fmt.Sprintf("%s was decided by the policy %s, others by another", sources[0].Name, ref.Source),
			Hint:    "give every run the same --policy"}
		f.NameSubjects()
		findings = append(findings, f)
	}
	return ref, append(findings, waiverFindings(sources)...)
}

// waiverFindings joins what the sources say of the policy's waivers: expired
// for one is expired, unused is what all found unused.
func waiverFindings(sources []Source) []model.Finding {
	var out []model.Finding
	for i := range sources[0].Report.Findings {
		f := sources[0].Report.Findings[i]
		switch f.Rule {
		case "policy.waiver-expired":
			out = append(out, f)
		case "policy.waiver-unused":
			f.Subjects = slices.DeleteFunc(slices.Clone(f.Subjects), func(w string) bool { return !unusedInAll(sources, w) })
			if f.Count = len(f.Subjects); f.Count > 0 {
				f.Message = "waivers of the policy were not needed by any of the decisions: remove them"
				f.NameSubjects()
				out = append(out, f)
			}
		}
	}
	return out
}

func unusedInAll(sources []Source, waiver string) bool {
	return !slices.ContainsFunc(sources, func(s Source) bool {
		return !slices.ContainsFunc(s.Report.Findings, func(f model.Finding) bool {
			return f.Rule == "policy.waiver-unused" && slices.Contains(f.Subjects, waiver)
		})
	})
}

// Against adds a baseline to the older releases of a merged report. A release
// that has a partner there and was not judged against it leaves the question
// open: its machine did not know of that one.
func Against(rep *model.Report, baseline []model.ReleaseRef) {
	for i := range baseline {
		b := &baseline[i]
		if !slices.ContainsFunc(rep.Old, func(o model.ReleaseRef) bool { return sameRelease(&o, b) }) {
			rep.Old = append(rep.Old, *b)
		}
		for k := range rep.Releases {
			v := &rep.Releases[k]
			if !partners(&v.Release, b) || slices.ContainsFunc(v.Windows, func(w model.WindowResult) bool { return sameRelease(&w.Old, b) }) {
				continue
			}
			v.Findings = append(v.Findings, model.Finding{Rule: "set.not-compared", Severity: model.Error, Encounter: model.Run, Release: v.Release.Name, Against: b.Name, Inconclusive: true, Count: 1,
				Message: fmt.Sprintf("%s was not judged against %s of the baseline", refText(&v.Release), refText(b)),
				Hint:    "run check --against with it where the packages are"})
			concludeRelease(v)
		}
	}
	slices.SortStableFunc(rep.Old, func(a, b model.ReleaseRef) int { return compareRefs(&a, &b) })
	conclude(rep)
}

func sameRelease(a, b *model.ReleaseRef) bool {
	return a.Name == b.Name && a.Arch == b.Arch && a.Base.SHA256 == b.Base.SHA256
}
