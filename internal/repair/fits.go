package repair

import (
	"fmt"

	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/where"
)

// fits refuses a base that a module was not built on. A module mostly parses
// on the base of another build as well, its ids just lead to other types;
// distilled or stamped so it is wrong for good, and nothing in it shows it any
// more. Of the base of its own image the judge makes sure.
func (b *buildBase) fits(f *kmod.Facts) error {
	if b.own || len(f.BTF) == 0 {
		return nil
	}
	if mark, err := stamp.Parse(f.Stamp); err == nil && mark.Base != nil && mark.Base.Digest != b.id.Digest {
		return b.isNotOf("its stamp names the base %x…, this is %x…", mark.Base.Digest[:4], b.id.Digest[:4])
	}
	if len(f.BTFBase) > 0 {
		return nil // nothing in it is relative to this base
	}
	res, err := judge.EvidenceOn(f, b.raw, b.index())
	if err != nil {
		return b.isNotOf("%w", err)
	}
	if res.Conclusion == evidence.Contradicted {
		return b.isNotOf("%s", res.First().Text)
	}
	return nil
}

func (b *buildBase) isNotOf(format string, args ...any) error {
	return where.New(where.Usage, "not built on the base of %s: %w", b.where, fmt.Errorf(format, args...)).
		WithHint("give the image or base of the very build that the module is of; another build of the same version has another base")
}
