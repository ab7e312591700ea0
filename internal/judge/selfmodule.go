package judge

import (
	"context"

	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/health"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// moduleSelf is one module on its own image.
type moduleSelf struct {
	m       *release.Module
	mod     encounter.Module
	proof   encounter.Proof
	cell    encounter.Cell
	repeats health.Repeats
	missing model.Missing
}

// modulesOf are the modules of a release as they meet kernels, in path order.
func modulesOf(r *release.Release) []encounter.Module {
	out := make([]encounter.Module, len(r.Modules))
	for i, m := range r.Modules {
		out[i] = encounter.Module{Path: m.Path, Name: m.Name(), Facts: m.Facts}
	}
	return out
}

// modulesSelf asks the kernel about every module of its own, in path order.
func (s *selfSide) modulesSelf(ctx context.Context) ([]moduleSelf, error) {
	mods := modulesOf(s.r)
	out := make([]moduleSelf, len(mods))
	signers := encounter.SignersOf(s.kernel, s.trust)
	merger := s.r.Merger()
	err := encounter.Each(ctx, len(mods), s.jobs, func(i int, _ *distill.Distiller) error {
		m := *s.r.Modules[i]
		m.Facts = m.Facts.Opened() // each of the two reads the BTF
		out[i].proof = encounter.ProofOf(s.kernel, m.Facts, signers)
		if r := out[i].proof.Result; r == nil || r.Conclusion != evidence.Contradicted {
			out[i].repeats, _ = m.Repeats(merger)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	proofs := make([]*encounter.Proof, len(out))
	for i := range out {
		proofs[i] = &out[i].proof
	}
	encounter.Doubts(s.kernel, mods, proofs)
	for i := range out {
		mods[i].Build = proofs[i].Build(s.kernel, s.told)
	}
	loads := encounter.Loads(s.kernel, mods, encounter.Around{Trust: s.trust}, s.jobs)
	cells, err := encounter.All(ctx, s.kernel, mods, loads, s.bases, s.jobs)
	if err != nil {
		return nil, err
	}
	reads := s.reads().Is != tri.No
	for i := range out {
		out[i].m, out[i].mod, out[i].cell = s.r.Modules[i], mods[i], cells[i]
		if reads && mods[i].Facts.BTF.Len() == 0 {
			out[i].missing = missing(s.r.Modules[i], s.policy)
		}
	}
	return out, nil
}

// missing says why a module of a kernel with module BTF has none.
func missing(m *release.Module, p *policy.Policy) model.Missing {
	f := m.Facts
	_, stripped := f.WhyNoBTF()
	switch {
	case p.BTFNotExpected(Spellings(m.Path)...):
		return model.NoneExpected
	case stripped:
		return model.Stripped
	case !f.Modinfo.Intree:
		return model.NoneExpected
	}
	return model.Lost
}
