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
// what is to be done about the release, and the gravest finding. certs (DER)
// count as the release's own beside those of its image.
func RecordSelf(ctx context.Context, r *release.Release, m *manifest.Manifest, certs [][]byte, jobs int) (model.Outcome, *model.Finding, error) {
	o := (&Options{Policy: policy.None(), Certificates: certs, Jobs: jobs}).begin()
	k, unread := kernel.Of(r)
	s, err := judgeSelf(ctx, r, k, unread, []*release.Release{r}, m, &o)
	if err != nil {
		return model.Outcome{}, nil, err
	}
	m.Self = &manifest.Self{Result: s.res, Findings: []manifest.SelfFinding{}}
	for i := range s.notes {
		e := &s.notes[i]
		e.Release = r.Name
		f := manifest.SelfFinding{Finding: e.Finding, First: e.first}
		if e.many {
			f.Message = e.text(1)
			f.Several = strings.TrimPrefix(e.text(2), "2")
		}
		m.Self.Findings = append(m.Self.Findings, f)
	}
	at := make(map[string]*model.ModuleDecision, len(s.bound))
	for i := range s.bound {
		at[s.bound[i].Path] = &s.bound[i]
	}
	for i := range m.Modules {
		x := &m.Modules[i]
		if x.Self = at[x.Path]; x.Self != nil {
			x.BTF.Repeated = x.Self.RepeatedBytes
		}
	}
	j := ruleOn(s.notes, r.Name, nil)
	list := j.findings()
	if len(list) == 0 {
		return j.outcome(), nil, nil
	}
	return j.outcome(), &list[0], nil
}

// selfRecorded judges a release by what record found of it on its own image.
func selfRecorded(m *manifest.Manifest, p *policy.Policy) selfAnswer {
	s := selfAnswer{res: m.Self.Result}
	for i := range m.Self.Findings {
		s.notes = append(s.notes, replay(&m.Self.Findings[i], p)...)
	}
	missing := model.Counter{}
	for i := range m.Modules {
		x := &m.Modules[i]
		d := fromManifest(x)
		if x.Self != nil {
			said := *x.Self
			said.Path, said.Name, said.BTF, said.BTFBase, said.BTFIDs, said.BTFBytes, said.RepeatedBytes = d.Path, d.Name, d.BTF, d.BTFBase, d.BTFIDs, d.BTFBytes, d.RepeatedBytes
			d = said
		}
		if d.Missing == model.Lost && p.BTFNotExpected(Spellings(x.Path)...) {
			d.Missing = model.NoneExpected
		}
		if d.Missing != model.NotMissing {
			missing.Add(string(d.Missing))
		}
		s.bound = append(s.bound, d)
	}
	if s.res.Judged {
		s.res.Missing = missing.Sorted()
	}
	return s
}

// replay adds a recorded finding as if it had just been found. Which modules
// may be without BTF is the policy's word alone.
func replay(f *manifest.SelfFinding, p *policy.Policy) []note {
	if f.Several == "" {
		return []note{said(f.Finding)}
	}
	var n gathering
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
		n.add(head, text, s, first)
	}
	return n
}
