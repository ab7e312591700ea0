package judge

import (
	"context"
	"fmt"
	"strings"

	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/policy"
)

// RecordSelf judges a release on its own image and puts the answer into its
// manifest, as no policy has changed it: a later decide rules on it. It returns
// what is to be done about the release, and the gravest finding.
func RecordSelf(ctx context.Context, r *release.Release, m *manifest.Manifest, jobs int) (model.Outcome, *model.Finding, error) {
	o := (&Options{Policy: policy.None(), Jobs: jobs}).begin()
	n := newNotes(r.Name, nil)
	v := &model.ReleaseVerdict{}
	k, unread := kernel.Of(r)
	bound, _, err := judgeSelf(ctx, v, r, k, unread, []*release.Release{r}, m, n, &o)
	if err != nil {
		return model.Outcome{}, nil, err
	}
	m.Self = &manifest.Self{Result: v.Self, Findings: []manifest.SelfFinding{}}
	for _, e := range n.list {
		f := manifest.SelfFinding{Finding: e.Finding, First: e.first}
		if e.many {
			f.Message = e.text(1)
			f.Several = strings.TrimPrefix(e.text(2), "2")
		}
		m.Self.Findings = append(m.Self.Findings, f)
	}
	at := make(map[string]*model.ModuleDecision, len(bound))
	for i := range bound {
		at[bound[i].Path] = &bound[i]
	}
	for i := range m.Modules {
		m.Modules[i].Self = at[m.Modules[i].Path]
	}
	n.settle()
	list := n.findings()
	if len(list) == 0 {
		return n.outcome(), nil, nil
	}
	return n.outcome(), &list[0], nil
}

// selfRecorded judges a release by what record found of it on its own image.
func selfRecorded(v *model.ReleaseVerdict, m *manifest.Manifest, n *notes, p *policy.Policy) []model.ModuleDecision {
	v.Self = m.Self.Result
	for i := range m.Self.Findings {
		replay(&m.Self.Findings[i], n, p)
	}
	missing := model.Counter{}
	out := make([]model.ModuleDecision, 0, len(m.Modules))
	for i := range m.Modules {
		x := &m.Modules[i]
		d := fromManifest(x)
		if x.Self != nil {
			said := *x.Self
			said.Path, said.Name, said.BTF, said.BTFBase, said.BTFIDs = d.Path, d.Name, d.BTF, d.BTFBase, d.BTFIDs
			d = said
		}
		if d.Missing == model.Lost && p.BTFNotExpected(Spellings(x.Path)...) {
			d.Missing = model.NoneExpected
		}
		if d.Missing != model.NotMissing {
			missing.Add(string(d.Missing))
		}
		out = append(out, d)
	}
	if v.Self.Judged {
		v.Self.Missing = missing.Sorted()
	}
	return out
}

// replay adds a recorded finding as if it had just been found. Which modules
// may be without BTF is the policy's word alone.
func replay(f *manifest.SelfFinding, n *notes, p *policy.Policy) {
	if f.Several == "" {
		n.add(meeting{}, f.Finding, nil)
		return
	}
	head := f.Finding
	head.Subjects = nil
	text := func(count int) string {
		if count == 1 {
			return f.Message
		}
		return fmt.Sprint(count) + f.Several
	}
	first := f.First
	for _, s := range f.Subjects {
		if f.Rule == "self.btf-lost" && p.BTFNotExpected(Spellings(s)...) {
			first = "" // it may be of this one
			continue
		}
		n.many(head, text, s, first)
	}
}
