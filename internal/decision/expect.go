package decision

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"kpkg-btf/internal/abiname"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Member is one release that a set must hold.
type Member struct {
	word string     // a release name or a flavour, with * and ? as path.Match has them
	arch model.Arch // ArchUnknown: any
}

// ParseMember reads NAME or FLAVOUR, or either with an architecture in any
// packaging's or the kernel's word: "6.1.0-56-amd64", "cloud-amd64",
// "generic/arm64", "*/riscv64".
func ParseMember(text string) (Member, error) {
	word, arch, found := strings.Cut(strings.TrimSpace(text), "/")
	m := Member{word: word}
	if _, err := path.Match(word, ""); err != nil || word == "" {
		return m, where.New(where.Usage, "%q is neither a release nor a flavour", text)
	}
	if found {
		if m.arch = model.ArchOfPackage(arch); m.arch == model.ArchUnknown {
			return m, where.New(where.Usage, "%q: no architecture is called %q", text, arch)
		}
	}
	return m, nil
}

func (m Member) String() string {
	if m.arch == model.ArchUnknown {
		return m.word
	}
	return m.word + "/" + string(m.arch)
}

func (m Member) is(r *model.ReleaseRef) bool {
	name, _ := path.Match(m.word, r.Name)
	flavour, _ := path.Match(m.word, abiname.Flavour(r.Name))
	return (name || flavour) && (m.arch == model.ArchUnknown || m.arch == r.Arch)
}

// partners reports whether two releases are the same member of their sets.
func partners(a, b *model.ReleaseRef) bool {
	if a.Arch != b.Arch && a.Arch != model.ArchUnknown && b.Arch != model.ArchUnknown {
		return false
	}
	return a.Name == b.Name || abiname.Flavour(a.Name) == abiname.Flavour(b.Name)
}

// expected compares the releases with what the set must hold: the members
// given, or where none are those of the baseline.
func expected(rep *model.Report, members []Member) []model.Finding {
	var missing, removed, added []string
	news := kernelsOf(rep)
	for _, m := range members {
		if !slices.ContainsFunc(news, func(r model.ReleaseRef) bool { return m.is(&r) }) {
			missing = append(missing, m.String())
		}
	}
	for i := range rep.Old {
		o := &rep.Old[i]
		if slices.ContainsFunc(news, func(r model.ReleaseRef) bool { return partners(o, &r) }) {
			continue
		}
		switch {
		case len(members) == 0:
			missing = append(missing, refText(o))
		case !slices.ContainsFunc(members, func(m Member) bool { return m.is(o) }):
			removed = append(removed, refText(o))
		}
	}
	for i := range news {
		r := &news[i]
		if len(rep.Old) > 0 && !slices.ContainsFunc(rep.Old, func(o model.ReleaseRef) bool { return partners(r, &o) }) ||
			len(members) > 0 && !slices.ContainsFunc(members, func(m Member) bool { return m.is(r) }) {
			added = append(added, refText(r))
		}
	}
	return setFindings(missing, removed, added)
}

// kernelsOf are the new releases that are kernels: external modules are
// no members of a set.
func kernelsOf(rep *model.Report) []model.ReleaseRef {
	var out []model.ReleaseRef
	for i := range rep.Releases {
		if v := &rep.Releases[i]; !v.Elsewhere() {
			out = append(out, v.Release)
		}
	}
	return out
}

func setFindings(missing, removed, added []string) []model.Finding {
	var out []model.Finding
	add := func(f model.Finding, list []string, one, many string) {
		if len(list) == 0 {
			return
		}
		slices.Sort(list)
		f.Encounter, f.Subjects = model.Run, slices.Compact(list)
		f.Count, f.Message = len(f.Subjects), one
		if f.Count > 1 {
			f.Message = fmt.Sprintf("%d %s", f.Count, many)
		}
		f.Message += ": " + strings.Join(f.Subjects[:min(f.Count, 4)], ", ")
		if f.Count > 4 {
			f.Message += ", …"
		}
		out = append(out, f)
	}
	add(model.Finding{Rule: "set.missing", Severity: model.Error, Inconclusive: true,
		Hint: "one ABI name serves all architectures and flavours: give all of them (the older side of the same architecture and flavour), or say with --expect what the set consists of"},
		missing, "a release that the set must hold is not among the new ones", "releases that the set must hold are not among the new ones")
	add(model.Finding{Rule: "set.removed", Severity: model.Warning, Hint: "machines that run it get no more updates"},
		removed, "a release of the baseline is no longer in the set", "releases of the baseline are no longer in the set")
	add(model.Finding{Rule: "set.new", Severity: model.Info},
		added, "a release that the set did not have before was judged on its own image alone", "releases that the set did not have before were judged on their own images alone")
	return out
}

func refText(r *model.ReleaseRef) string {
	return strings.TrimSpace(r.Name + " " + string(r.Arch))
}
