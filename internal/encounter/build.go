package encounter

import (
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/where"
)

// Build is the base that a module was encoded against, and how that is known.
type Build struct {
	On *kernel.Kernel // whose base it was; nil: of none that is known
	// Grade is how well that is known, By what it rests on first.
	Grade model.BuildBase
	By    model.Evidence
	// Doubt is why it is improbable that it was the base of the kernel that the
	// module was said to be built with; "" for nothing. On is nil then.
	Doubt string
	// Denied is what contradicts that it was the base of the kernel that the
	// module was said to be built with; "" for nothing. On is nil then.
	Denied string
}

// StampState compares a module's stamp with a base.
type StampState uint8

const (
	StampNone     StampState = iota
	StampProven              // the encoder named this base
	StampAsserted            // somebody named this base
	StampOther               // another base is named
	StampVoid                // it speaks of another BTF than the module has
)

// stampOn compares a module's stamp with the digest of a base. One that is
// missing or cannot be read says nothing; the latter is an oddity of the module.
func stampOn(f *kmod.Facts, base [32]byte) StampState {
	if len(f.Stamp) == 0 {
		return StampNone
	}
	return StampOf(f.Stamp, f.BTF.SumOrZero(), f.BTFBase.SumOrZero(), base)
}

// StampOf compares a stamp with the digest of a base, for the digests of .BTF
// and .BTF.base, zero for a section that the module does not have.
func StampOf(text []byte, btf, btfBase, base [32]byte) StampState {
	mark, err := stamp.Parse(text)
	switch {
	case len(text) == 0 || err != nil || mark.Base == nil:
		return StampNone
	case mark.Left != stamp.Stripped && !mark.Fits(btf, btfBase), mark.Left == stamp.Stripped && btf != [32]byte{}:
		return StampVoid
	case mark.Base.Digest != base:
		return StampOther
	case mark.By == stamp.Encoder:
		return StampProven
	}
	return StampAsserted
}

// SignState is what the signature of a module says about its origin.
type SignState uint8

const (
	SignNone        SignState = iota // no signature
	SignOwn                          // verifies with a certificate of the release
	SignStale                        // names a certificate of the release but does not verify
	SignTwin                         // names the same issuer as a certificate of the image, but another key
	SignForeign                      // by a key the release does not know
	SignUnsupported                  // cryptography this program does not do
)

// Signers are the certificates that count as one release's own.
type Signers struct {
	certs    []*modsig.Certificate
	verifier *modsig.Verifier
	// issuers are the common names of the certificates of the image: a module
	// signed in such a name by another key is from another build.
	issuers map[string]bool
}

// SignersOf gathers the certificates of a kernel's images and those that are
// trusted beside them.
func SignersOf(k *kernel.Kernel, t kernel.Trust) Signers {
	s := Signers{issuers: map[string]bool{}, verifier: t.Verifier}
	add := func(der []byte, image bool) {
		c, err := modsig.ParseCertificate(der)
		if err != nil {
			return // FindCertificates and the policy have parsed it already
		}
		s.certs = append(s.certs, c)
		if image {
			s.issuers[c.Subject] = true
		}
	}
	for _, der := range k.Certificates() {
		add(der, true)
	}
	for _, der := range t.Own {
		add(der, false)
	}
	return s
}

func (s Signers) state(sig *modsig.Signature) SignState {
	if sig == nil {
		return SignNone
	}
	c := modsig.Find(sig, s.certs)
	if c == nil {
		if sig.Issuer != "" && s.issuers[sig.Issuer] {
			return SignTwin
		}
		return SignForeign
	}
	switch s.verifier.Verify(c, sig) {
	case modsig.Valid:
		return SignOwn
	case modsig.Mismatch:
		return SignStale
	case modsig.WrongKey:
		return SignForeign
	}
	return SignUnsupported
}

// Proof is what speaks for and against a module having been encoded against
// the base of one kernel.
type Proof struct {
	Stamp     StampState
	Sign      SignState
	Result    *evidence.Result // nil when there was nothing to check
	Malformed error            // its BTF cannot be parsed at all
	// Stretch is where all modules of the release together use the base's ids as
	// if they were others, if this one does too (Doubts).
	Stretch *evidence.Shift
}

// ProofOf gathers it.
func ProofOf(k *kernel.Kernel, f *kmod.Facts, s Signers) Proof {
	p := Proof{Sign: s.state(f.Sig)}
	if k.Base == nil {
		return p
	}
	p.Stamp = stampOn(f, k.Base.Sum)
	if f.BTF.Len() == 0 {
		return p
	}
	res, err := EvidenceOn(f, k.Base)
	if err != nil {
		p.Malformed = err
		return p
	}
	p.Result = &res
	return p
}

// Doubts looks at what the modules of one release, all met by the kernel that
// they were built with, show together and none of them alone.
func Doubts(k *kernel.Kernel, mods []Module, proofs []*Proof) {
	var leans []*evidence.Lean
	for _, p := range proofs {
		if p.Result != nil {
			leans = append(leans, &p.Result.Lean)
		}
	}
	if k.Base == nil || len(leans) == 0 {
		return
	}
	shifts := evidence.Together(k.Base.Raw, leans)
	if len(shifts) == 0 {
		return
	}
	for i, p := range proofs {
		if p.Result == nil || mods[i].Facts.BTFBase.Len() > 0 {
			continue
		}
		split, err := splitOn(mods[i].Facts, k.Base.Raw)
		if err != nil {
			continue // Malformed
		}
		if n := slices.IndexFunc(shifts, func(s evidence.Shift) bool { return s.Touches(split) }); n >= 0 {
			p.Stretch = &shifts[n]
		}
	}
}

// Build is what follows from it. told: whoever asks says that the kernel is of
// the very build that the module is of.
func (p *Proof) Build(k *kernel.Kernel, told bool) Build {
	claim := evidence.NoClaim
	switch {
	case p.Stamp == StampOther:
		claim = evidence.Otherwise
	case p.Stamp == StampProven:
		claim = evidence.ByEncoder
	case p.Stamp == StampAsserted, told:
		claim = evidence.ByWord
	}
	if p.Malformed != nil || p.Result == nil {
		return Build{By: model.ByAssumed, Grade: model.BaseUnknown}
	}
	known := evidence.Grading(p.Result, claim, p.Stretch)
	by := model.ByAssumed
	if len(known.By) > 0 {
		by = model.Evidence(known.By[0])
	}
	out := Build{By: by, Grade: grades[known.Grade]}
	switch {
	case known.Grade == evidence.Refuted:
		out.Denied = known.Why
	case p.Sign == SignTwin:
		return Build{By: model.BySignature, Grade: model.BaseContradicted, Denied: "it is signed by the build key of another build"}
	case known.Grade == evidence.Doubted:
		out.Doubt = known.Why
	default:
		out.On = k
	}
	return out
}

// grades are the words of documents.
var grades = [...]model.BuildBase{
	evidence.Unknown: model.BaseUnknown, evidence.Refuted: model.BaseContradicted, evidence.Doubted: model.BaseDoubtful,
	evidence.Agreed: model.BaseConsistent, evidence.Proven: model.BaseProven,
}

// named is the first check that spoke for the base.
func named(res *evidence.Result) model.Evidence {
	if names := res.Names(); len(names) > 0 {
		return model.Evidence(names[0])
	}
	return model.ByAssumed
}

// FindBuild finds the kernel, of several, whose base a module was encoded
// against: by its stamp; else the one that its vermagic names, unless its BTF
// contradicts that; else the only base among all of which its BTF is that of.
// The index of the kernel is -1 where it is none of them.
func FindBuild(f *kmod.Facts, kernels []*kernel.Kernel) (int, Build) {
	none := Build{By: model.ByAssumed, Grade: model.BaseUnknown}
	if f.BTF.Len() == 0 {
		return -1, none
	}
	if mark, err := stamp.Parse(f.Stamp); err == nil && mark.Base != nil && f.Fits(&mark) {
		i := slices.IndexFunc(kernels, func(k *kernel.Kernel) bool { return k.Sum != nil && mark.Base.Digest == *k.Sum })
		b := Build{By: model.ByStamp, Grade: model.BaseProven}
		if mark.By != stamp.Encoder {
			b = Build{By: model.ByWord, Grade: model.BaseConsistent}
		}
		if i >= 0 {
			b.On = kernels[i]
		}
		return i, b
	}
	f = f.Opened()
	word, _, _ := strings.Cut(f.Modinfo.Vermagic, " ")
	at, by, bases := -1, model.ByAssumed, map[[32]byte]bool{}
	for i, k := range kernels {
		if k.Base == nil || k.Arch != f.Arch && k.Arch != model.ArchUnknown {
			continue
		}
		res, err := EvidenceOn(f, k.Base)
		if err != nil || res.Conclusion == evidence.Contradicted {
			continue
		}
		if k.Name == word && res.Conclusion == evidence.Doubtful {
			return -1, Build{By: model.ByAssumed, Grade: model.BaseDoubtful, Doubt: evidence.Grading(&res, evidence.NoClaim, nil).Why}
		}
		if k.Name == word {
			return i, Build{On: k, By: named(&res), Grade: model.BaseConsistent}
		}
		if len(res.Names()) > 0 && f.BTFBase.Len() == 0 {
			if at < 0 {
				at, by = i, named(&res)
			}
			bases[k.Base.Sum] = true
		}
	}
	if len(bases) != 1 {
		return -1, none
	}
	return at, Build{On: kernels[at], By: by, Grade: model.BaseConsistent}
}

// MalformedBTF returns why no kernel can read a module's BTF, whatever its base:
// it is so in every encounter. nil where it can be read, where there is none,
// and where it is of a form that this program does not know.
func MalformedBTF(f *kmod.Facts) error {
	if f.BTF.Len() == 0 {
		return nil
	}
	err := btf.CheckSplit(f.BTF.Bytes())
	if err == nil && f.BTFBase.Len() > 0 {
		if _, err = btf.Parse(f.BTFBase.Bytes()); err != nil {
			err = where.In(".BTF.base", err)
		}
	}
	if where.KindOf(err) != where.Malformed {
		return nil
	}
	return err
}

// EvidenceOn asks whether a module's BTF can have been encoded against a base;
// an error where it cannot be parsed on it.
func EvidenceOn(f *kmod.Facts, base *kernel.Base) (evidence.Result, error) {
	raw, err := splitOn(f, base.Raw)
	if err != nil {
		return evidence.Result{}, err
	}
	return base.Index().Judge(raw, evidence.Module{Words: words(f.IDs), Versions: VersionEntries(f), Code: &f.Code}), nil
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

// VersionEntries is the number of 64-byte entries of the section __versions.
func VersionEntries(f *kmod.Facts) int {
	for i := range f.Sections {
		if f.Sections[i].Name == "__versions" {
			return int(f.Sections[i].Size / 64)
		}
	}
	return 0
}
