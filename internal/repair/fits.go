package repair

import (
	"fmt"

	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/where"
)

// onItsBase refuses what needs a base and has none, or one that is not the
// module's. Stripping needs none.
func (it *item) onItsBase(f *kmod.Facts, told bool) error {
	switch {
	case it.action == Strip:
		if it.base != nil && it.base.fits(f, told) != nil {
			it.base = nil // what is left is not marked with a base that is not its own
		}
		return nil
	case it.base != nil && it.change && it.action == Stamp:
		return it.base.maySay(f, told)
	case it.base != nil && it.change:
		return it.base.fits(f, told)
	case it.base != nil && it.action == Rebase && f.BTFBase.Len() == 0:
		return it.base.fits(f, told) // on the kernel's base already, if it is
	case it.base != nil:
	case it.action == Rebase && it.change:
		return it.needsBase("rebasing")
	case it.action == Distill && it.change:
		return it.needsBase("distilling")
	case it.action == Stamp && f.BTF.Len() > 0 && f.Stamp == nil:
		return it.needsBase("stamping")
	}
	return nil
}

func (it *item) needsBase(what string) error {
	return where.New(where.Inconclusive, "%s needs the base that the module was built on: no image of %s is given", what, it.release).
		WithHint("give the package with the kernel image too, or --base FILE, or of modules built elsewhere --on KERNEL")
}

// fits refuses a base that a module was not built on. A module mostly parses
// on the base from a different build as well, its ids just lead to other types;
// distilled or stamped so it is wrong for good, and nothing in it shows it any
// more. Of the base of its own image the judge makes sure.
func (b *buildBase) fits(f *kmod.Facts, told bool) error {
	if b.own || f.BTF.Len() == 0 {
		return nil
	}
	if mark, err := stamp.Parse(f.Stamp); err == nil && mark.Base != nil && f.Fits(&mark) && mark.Base.Digest != b.id.Digest {
		return b.isNotOf("its stamp names the base %x…, this is %x…", mark.Base.Digest[:4], b.id.Digest[:4])
	}
	if f.BTFBase.Len() > 0 {
		return nil // nothing in it is relative to this base
	}
	res, err := encounter.EvidenceOn(f, b.base)
	if err != nil {
		return b.isNotOf("%w", err)
	}
	switch {
	case res.Conclusion == evidence.Contradicted:
		return b.isNotOf("%s", res.First().Text)
	case res.Conclusion == evidence.Doubtful && !told:
		return unproven("doubtful: " + evidence.Grading(&res, evidence.NoClaim, nil).Why)
	}
	return nil
}

// maySay refuses to write into a module that this is its base where nothing
// beside its own BTF speaks for that: that nothing contradicts is no reason to
// vouch for it. told: whoever runs this says so, and has it written.
func (b *buildBase) maySay(f *kmod.Facts, told bool) error {
	if err := b.fits(f, told); err != nil || told {
		return err
	}
	mark, err := stamp.Parse(f.Stamp)
	if err == nil && mark.Base != nil && f.Fits(&mark) && mark.Base.Digest == b.id.Digest {
		return nil // it says so already
	}
	what := "nothing contradicts that its BTF was encoded against the base of " + b.where + ", and nothing proves it"
	res, err := encounter.EvidenceOn(f, b.base)
	switch {
	case err != nil:
		return b.isNotOf("%w", err)
	case res.Conclusion == evidence.Contradicted:
		return b.isNotOf("%s", res.First().Text)
	case res.Conclusion == evidence.Doubtful:
		what = "doubtful: " + evidence.Grading(&res, evidence.NoClaim, nil).Why
	case res.Outside():
		return nil
	}
	return unproven(what)
}

func unproven(what string) error {
	return where.New(where.Inconclusive, "%s", what).
		WithHint("--base-is-this-build if it is the base of the very build that the module is of; the step that encodes the BTF can prove it (by=encoder)")
}

func (b *buildBase) isNotOf(format string, args ...any) error {
	return where.New(where.Usage, "not built on the base of %s: %w", b.where, fmt.Errorf(format, args...)).
		WithHint("give the image or base of the very build that the module is of; another build of the same version has another base")
}
