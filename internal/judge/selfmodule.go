package judge

import (
	"context"
	"crypto/sha256"
	"fmt"

	"golang.org/x/sync/errgroup"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
)

// moduleSelf is one module on its own image.
type moduleSelf struct {
	m         *release.Module
	verdict   model.Verdict
	meaning   model.Meaning
	missing   model.Missing
	buildBase model.Evidence
	sign      signState
	result    *evidence.Result // nil when there was nothing to check
	malformed error            // its BTF cannot be parsed at all
	words     string           // the kernel's own, where it does not just take the module
	stamp     stampState
	load      loadcheck.Result
}

// modulesSelf looks at every module, in parallel; the result is in path order.
func (s *selfState) modulesSelf(ctx context.Context) ([]moduleSelf, error) {
	out := make([]moduleSelf, len(s.r.Modules))
	var g errgroup.Group
	jobs := max(s.jobs, 1)
	for w := range jobs {
		g.Go(func() error {
			for i := w; i < len(out); i += jobs {
				if err := ctx.Err(); err != nil {
					return err
				}
				out[i] = s.module(s.r.Modules[i])
			}
			return nil
		})
	}
	return out, g.Wait()
}

func (s *selfState) module(m *release.Module) moduleSelf {
	x := moduleSelf{m: m, verdict: model.VerdictUnknown, meaning: model.MeaningUnknown, buildBase: model.ByAssumed}
	f := m.Facts
	x.sign = s.trust.judge(f.Sig)
	if s.base != nil {
		x.stamp = stampOn(f, s.base.sum)
	}
	switch {
	case s.modules == tri.No:
		x.verdict, x.meaning = model.Inert, model.MeaningNone
		if len(f.BTF) > 0 {
			x.meaning = model.MeaningUnknown
		}
		return x
	case len(f.BTF) == 0:
		x.verdict, x.meaning = model.Inert, model.MeaningNone
		x.missing = s.missing(m)
	}
	if s.kernel != nil {
		a := s.kernel.ask(f)
		x.verdict, x.words = a.verdict, a.words
	}
	if len(f.BTF) == 0 {
		return x
	}
	raw, err := s.parse(f)
	if err != nil {
		x.malformed = err
		return x
	}
	res := s.index.Judge(raw, evidence.Module{Words: words(f.IDs), Versions: versionEntries(f)})
	x.result = &res
	switch {
	case x.stamp == stampOther || res.Conclusion == evidence.Contradicted || x.sign == signTwin:
		x.meaning = model.Different
	case x.stamp == stampProven, x.stamp == stampAsserted:
		x.meaning, x.buildBase = model.Same, model.ByStamp
	case x.sign == signOwn:
		x.meaning, x.buildBase = model.Same, model.BySignature
	default:
		x.meaning = model.Same
		for _, name := range res.Names() {
			x.buildBase = model.Evidence(name)
			break
		}
	}
	return x
}

// missing says why a module of a kernel with module BTF has none.
func (s *selfState) missing(m *release.Module) model.Missing {
	f := m.Facts
	_, stripped := f.WhyNoBTF()
	switch {
	case s.policy.BTFNotExpected(Spellings(m.Path)...):
		return model.NoneExpected
	case stripped:
		return model.Stripped
	case !f.Modinfo.Intree:
		return model.NoneExpected
	}
	return model.Lost
}

// parse opens a module's BTF on what it is a split of: its own distilled
// base, or the release's base.
func (s *selfState) parse(f *kmod.Facts) (*btf.Raw, error) {
	under := s.base.raw
	if len(f.BTFBase) > 0 {
		var err error
		if under, err = btf.Parse(f.BTFBase); err != nil {
			return nil, fmt.Errorf(".BTF.base: %w", err)
		}
	}
	raw, err := btf.ParseSplit(f.BTF, under)
	if err != nil {
		return nil, fmt.Errorf(".BTF: %w", err)
	}
	return raw, nil
}

func words(ids *kmod.IDs) []evidence.Word {
	if ids == nil {
		return nil
	}
	out := make([]evidence.Word, 0, len(ids.Words))
	for _, w := range ids.Words {
		out = append(out, evidence.Word{ID: w.ID, Kind: w.Kind, Name: w.Name, Off: uint32(w.Off), Set: w.Set})
	}
	return out
}

// versionEntries is the number of 64-byte entries of the section __versions.
func versionEntries(f *kmod.Facts) int {
	for i := range f.Sections {
		if f.Sections[i].Name == "__versions" {
			return int(f.Sections[i].Size / 64)
		}
	}
	return 0
}

// stampState compares a module's stamp with the base of its release.
type stampState uint8

const (
	stampNone     stampState = iota
	stampProven              // the encoder named this base
	stampAsserted            // somebody named this base
	stampOther               // another base is named
	stampVoid                // it speaks of another BTF than the module has
)

// stampOn compares a module's stamp with the digest of a base. One that is
// missing or cannot be read says nothing; the latter is an oddity of the module.
func stampOn(f *kmod.Facts, base [32]byte) stampState {
	if len(f.Stamp) == 0 {
		return stampNone
	}
	sum := func(section []byte) [32]byte {
		if len(section) == 0 {
			return [32]byte{}
		}
		return sha256.Sum256(section)
	}
	return stampOf(f.Stamp, sum(f.BTF), sum(f.BTFBase), base)
}

// stampOf is stampOn for the digests of .BTF and .BTF.base, zero for a section
// that the module does not have.
func stampOf(text []byte, btf, btfBase, base [32]byte) stampState {
	mark, err := stamp.Parse(text)
	switch {
	case len(text) == 0 || err != nil || mark.Base == nil:
		return stampNone
	case mark.Left != stamp.Stripped && !mark.Fits(btf, btfBase), mark.Left == stamp.Stripped && btf != [32]byte{}:
		return stampVoid
	case mark.Base.Digest != base:
		return stampOther
	case mark.By == stamp.Encoder:
		return stampProven
	}
	return stampAsserted
}
