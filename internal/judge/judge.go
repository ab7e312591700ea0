// Package judge judges encounters from facts alone: a release's modules on
// its own image (self), on an older kernel still booted (window), and what
// was built on the old base on the new kernel (reverse). The inputs are
// closed before it begins; the order of packages and members has no part.
package judge

import (
	"context"
	"encoding/hex"

	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/release"
	"kpkg-btf/policy"
)

// Options of Check.
type Options struct {
	Policy *policy.Policy
	// AsIfSameRelease judges the window although the names differ: could the
	// name have been kept?
	AsIfSameRelease bool
	// BaseIsThisBuild: whoever asks says that each image is of the very build that
	// its modules were encoded in. That closes doubts; it proves nothing, and
	// outranks no contradiction.
	BaseIsThisBuild bool
	Jobs            int
	// Day (YYYY-MM-DD, UTC) is the day by which waivers expire.
	Day string
	// Imported are symbols that external modules import, which the kernels
	// may load: exports of these can decide about the interface too.
	Imported []string
	// Certificates (DER) count as the release's own beside those of its image.
	Certificates [][]byte

	// what the encounters of one run share
	verifier *modsig.Verifier
	bases    *encounter.Bases
}

// begin readies what a run shares.
func (o Options) begin() Options {
	o.verifier, o.bases = new(modsig.Verifier), new(encounter.Bases)
	return o
}

// trust is what counts as a release's own beside the certificates in its image.
func (o *Options) trust() kernel.Trust {
	return kernel.Trust{Own: o.Certificates, Verifier: o.verifier}
}

// Check judges every new release on its own image and against the older sets.
func Check(ctx context.Context, news *release.Loaded, olds []*release.Loaded, o Options) (*model.Report, error) {
	o = o.begin()
	use := o.Policy.On(o.Day)
	rep := newReport(news, olds, use, o)
	refs, err := Refs(olds)
	if err != nil {
		return nil, err
	}
	rep.Old = append(rep.Old, refs...)
	for _, r := range news.Releases {
		v, err := checkRelease(ctx, r, news.Releases, olds, o, use)
		if err != nil {
			return nil, err
		}
		join(rep, v)
	}
	finish(rep, use)
	return rep, nil
}

// newReport is a report in which nothing was judged yet.
func newReport(news *release.Loaded, others []*release.Loaded, use *policy.Use, o Options) *model.Report {
	return &model.Report{
		Schema: model.DecisionSchema,
		Policy: model.PolicyRef{Source: o.Policy.Source(), SHA256: o.Policy.Digest(), Effective: o.Policy.EffectiveDigest(), Day: use.Day()},
		New:    []model.ReleaseRef{}, Old: []model.ReleaseRef{}, Ignored: ignored(news, others), Releases: []model.ReleaseVerdict{},
		Findings: []model.Finding{},
	}
}

// join adds a release that was judged.
func join(rep *model.Report, v *model.ReleaseVerdict) {
	rep.New = append(rep.New, v.Release)
	rep.Releases = append(rep.Releases, *v)
	rep.Outcome = rep.Outcome.Join(v.Outcome)
}

// finish adds what the policy says of itself, and the decision.
func finish(rep *model.Report, use *policy.Use) {
	if len(rep.Releases) == 0 {
		rep.Outcome.Inconclusive = true
	}
	rep.Findings = append(rep.Findings, use.Findings()...)
	rep.Decision, rep.ExitCode = rep.DecisionOf(rep.Outcome), rep.Outcome.ExitCode()
}

// Refs names the releases of some sets in figures.
func Refs(sets []*release.Loaded) ([]model.ReleaseRef, error) {
	var out []model.ReleaseRef
	for _, set := range sets {
		for _, r := range set.Releases {
			m, err := r.Record("")
			if err != nil {
				return nil, err
			}
			out = append(out, refOf(r, m))
		}
	}
	return out, nil
}

func ignored(news *release.Loaded, olds []*release.Loaded) []model.IgnoredInput {
	out := []model.IgnoredInput{}
	for _, set := range append([]*release.Loaded{news}, olds...) {
		for _, i := range set.Ignored {
			out = append(out, model.IgnoredInput{File: i.File, Why: i.Why})
		}
	}
	return out
}

func checkRelease(ctx context.Context, r *release.Release, all []*release.Release, olds []*release.Loaded, o Options, use *policy.Use) (*model.ReleaseVerdict, error) {
	m, err := r.Record("")
	if err != nil {
		return nil, err
	}
	k, unread := kernel.Of(r)
	s, err := judgeSelf(ctx, r, k, unread, all, m, &o)
	if err != nil {
		return nil, err
	}
	list := s.notes
	var windows []*window
	for _, p := range pair(r, olds, o.AsIfSameRelease) {
		if unread != nil {
			return nil, unread
		}
		w, err := meetWindow(ctx, p, r, k, m, s.mods, &o)
		if err != nil {
			return nil, err
		}
		list = append(list, w.notes(o.Policy)...)
		windows = append(windows, w)
	}
	j := ruleOn(list, r.Name, use)
	v := &model.ReleaseVerdict{Release: refOf(r, m), Self: s.res, Windows: []model.WindowResult{}, Findings: j.findings(), Outcome: j.outcome()}
	v.Decision = model.DecisionOf(v.Outcome, v.Findings)
	for _, w := range windows {
		v.Windows = append(v.Windows, w.concluded(&j, o.Policy))
	}
	v.Modules = moduleDecisions(&j, s.bound, windows, v.Outcome.Action)
	return v, nil
}

// judgeSelf judges a release on its own image, or by its manifest, and binds
// each module by its digests.
func judgeSelf(ctx context.Context, r *release.Release, k *kernel.Kernel, unread error, all []*release.Release, m *manifest.Manifest, o *Options) (selfAnswer, error) {
	s, err := self(ctx, r, k, unread, all, o)
	switch {
	case err != nil:
		return s, err
	case r.Doc != nil && m.Self != nil:
		recorded := selfRecorded(m, o.Policy)
		recorded.notes = append(s.notes, recorded.notes...)
		return recorded, nil
	case r.Doc != nil:
		s.res.Modules = len(m.Modules)
		bound, notes := selfFromManifest(m, k, o.Policy)
		s.bound, s.notes = bound, append(s.notes, notes...)
		return s, nil
	}
	s.bound = make([]model.ModuleDecision, 0, len(s.mods))
	for i := range s.mods {
		s.bound = append(s.bound, fromFacts(&s.mods[i]))
	}
	return s, nil
}

// fromFacts binds a module to its digests.
func fromFacts(x *moduleSelf) model.ModuleDecision {
	d := bind(x.m)
	c := &x.cell
	d.RepeatedBytes = x.repeats.Bytes
	d.BuildBase, d.BuildBaseBy = x.mod.Build.Grade, x.mod.Build.By
	d.Verdict, d.Meaning, d.Missing, d.Words, d.Load = c.Verdict, c.Meaning, x.missing, c.Words, encounter.ModuleLoad(c.Load)
	if x.cell.Verdict == model.Blocked {
		d.Words = c.Load.Why(false).String()
	}
	if x.missing == model.NotMissing {
		d.MissingWhy = "" // none are meant to have it here
	}
	return d
}

// bind names a module by what survives stripping, signing and compression.
func bind(m *release.Module) model.ModuleDecision {
	f := m.Facts
	d := model.ModuleDecision{Path: m.Path, Name: m.Name(), BTF: digest(f.BTF), BTFBase: digest(f.BTFBase), BTFBytes: int64(f.BTF.Len() + f.BTFBase.Len()), Reasons: []string{},
		Verdict: model.VerdictUnknown, Meaning: model.MeaningUnknown, BuildBase: model.BaseUnknown, BuildBaseBy: model.ByAssumed, Load: encounter.ModuleLoad(nil)}
	if f.IDs != nil {
		d.BTFIDs = digest(kmod.BlobOf(f.IDs.Data))
	}
	var stripped bool
	if d.MissingWhy, stripped = f.WhyNoBTF(); stripped {
		d.Missing = model.Stripped
	}
	return d
}

// moduleDecisions says what is to be done with each module, and why.
func moduleDecisions(j *judged, bound []model.ModuleDecision, windows []*window, release model.Action) []model.ModuleDecision {
	all := j.reasons()
	for i := range bound {
		d := &bound[i]
		j.explain(all, d, meeting{}, model.Rebuild)
		for k, w := range windows {
			if !w.p.judged {
				continue
			}
			mw := w.needs.each[i]
			mw.Old, mw.Action = k, j.explain(all, d, meeting{window: w}, mw.Action)
			d.Windows = append(d.Windows, mw)
			d.DistilledBytes = max(d.DistilledBytes, w.forth.cells[i].Distilled.Bytes)
			d.Action = max(d.Action, mw.Action)
		}
		if release >= model.RebuildFor {
			d.Action = model.Keep // nothing a module's rewriting could repair
		}
	}
	return bound
}

func digest(b kmod.Blob) string {
	if b.Len() == 0 {
		return ""
	}
	sum := b.Sum()
	return hex.EncodeToString(sum[:])
}

// refOf names a release in figures.
func refOf(r *release.Release, m *manifest.Manifest) model.ReleaseRef {
	ref := model.ReleaseRef{Name: r.Name, Arch: r.Arch, Packages: []string{}, Scope: string(m.Scope), Modules: len(m.Modules)}
	for _, p := range r.Packages {
		ref.Packages = append(ref.Packages, p.Label())
	}
	for i := range m.Modules {
		ref.BTFBytes += m.Modules[i].BTF.Size
	}
	if m.Base != nil {
		ref.Base = model.BaseRef{SHA256: hex.EncodeToString(m.Base.SHA256[:]), Types: uint32(m.Base.Types), StringBytes: uint32(m.Base.StrLen), Where: m.Base.Where}
	}
	return ref
}
