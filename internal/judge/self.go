package judge

import (
	"context"
	"fmt"
	"strings"

	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// selfState is what the self encounter needs of a release while its modules
// are looked at.
type selfState struct {
	r      *release.Release
	all    []*release.Release // of the same side
	n      *notes
	image  *release.Image
	kernel *kernel.Kernel // nil where the base cannot be read
	trust  kernel.Trust
	bases  *encounter.Bases
	jobs   int
	policy *policy.Policy
	told   bool // Options.BaseIsThisBuild
}

// reads reports whether the kernel reads the BTF of modules: it does not
// where it has no base and should have none.
func (s *selfState) reads() ability.Fact {
	k := s.kernel
	if k.Sum == nil && k.BTF.Is == tri.No {
		return k.BTF
	}
	return k.ReadsBTF()
}

// self judges a release's modules on its own image.
func self(ctx context.Context, r *release.Release, k *kernel.Kernel, unread error, all []*release.Release, n *notes, o *Options) (model.SelfResult, []moduleSelf, error) {
	s := &selfState{r: r, all: all, n: n, image: r.BootImage(), kernel: k, trust: o.trust(), bases: o.bases, jobs: o.Jobs, policy: o.Policy, told: o.BaseIsThisBuild}
	res := notJudged(len(r.Modules))
	for _, err := range r.Unread {
		n.one(model.Finding{Rule: "self.unreadable", Severity: model.Error, Encounter: model.Self, Inconclusive: true, Message: err.Error()})
	}
	for _, f := range releaseFindings(r, newSide, "") {
		n.one(f)
	}
	idsFindings(n, r)
	if err := s.added(ctx); err != nil {
		return res, nil, err
	}
	if r.Doc != nil || !s.prepare(unread) {
		return res, nil, nil // a manifest: selfFromManifest
	}
	res.Judged = true
	mods, err := s.modulesSelf(ctx)
	if err != nil {
		return res, nil, err
	}
	s.loads(&res, mods)
	s.summarise(&res, mods)
	return res, mods, nil
}

func notJudged(modules int) model.SelfResult {
	return model.SelfResult{Modules: modules, Loads: model.LoadCounts{Ignored: []model.Count{}, Enforced: []model.Count{}}, Verdicts: []model.Count{}, Meanings: []model.Count{}, Missing: []model.Count{}, Evidence: []model.EvidenceCount{}}
}

// prepare judges what the release is made of; false means that its modules
// cannot be judged.
func (s *selfState) prepare(unread error) bool {
	oneBase(s.n, s.r)
	imageNames(s.n, s.r)
	s.copies()
	if s.kernel == nil {
		s.inconclusive("self.base-unreadable", unread.Error(), "")
		return false
	}
	reads := s.reads()
	if len(s.r.Modules) == 0 {
		s.inconclusive("self.no-modules", "no modules among the inputs: 0 of 0 proves nothing", s.missingPackage("modules"))
	}
	if s.image == nil && reads.Is != tri.No {
		s.noImage()
		return false
	}
	if len(s.r.Modules) == 0 {
		return false
	}
	if s.kernel.Base == nil && reads.Is != tri.No {
		s.inconclusive("self.no-base", "the image has no BTF, yet nothing says that it should have none ("+s.kernel.BTF.Evidence+"; "+reads.Evidence+")",
			"was pahole missing when the image was built, or is the image truncated?")
		return false
	}
	if reads.Is != tri.No {
		s.ownBase()
	}
	return true
}

// ownBase: a kernel that refuses its own base refuses every module's BTF.
func (s *selfState) ownBase() {
	rules := s.kernel.Rules()
	if rules == nil {
		return
	}
	if own := rules.Own(); !own.OK {
		s.n.one(model.Finding{Rule: "self.base-refused", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
			Message: "the kernel refuses its own base: " + own.String()})
	}
	if s.kernel.Assumed {
		s.n.one(model.Finding{Rule: "self.profile-assumed", Severity: model.Info, Encounter: model.Self,
			Message: "newer than any kernel whose rules are known here: judged by the newest rules and what the image shows"})
	}
}

func (s *selfState) inconclusive(rule, msg, hint string) {
	s.n.one(model.Finding{Rule: rule, Severity: model.Error, Encounter: model.Self, Inconclusive: true, Message: msg, Hint: hint})
}

// noImage tells two cases apart: no image at all, and one of another
// architecture under the same name.
func (s *selfState) noImage() {
	for _, o := range s.all {
		if o.Name == s.r.Name && o.Arch != s.r.Arch && o.BootImage() != nil {
			s.inconclusive("self.image-architecture", fmt.Sprintf("the image given for %s is for %s, these modules are for %s", s.r.Name, o.Arch, s.r.Arch),
				"give image and modules of one architecture")
			return
		}
	}
	s.inconclusive("self.no-image", "no kernel image among the inputs: nothing says which base the modules must match", s.missingPackage("image"))
}

// missingPackage names the package that holds what is missing, by the names
// of those that are there (docs/kernel-rules.md, "Where packages keep things").
func (s *selfState) missingPackage(what string) string {
	image := what == "image"
	for _, p := range s.r.Packages {
		pick := func(i, m string) string {
			if image {
				return "give the package that holds it: " + i
			}
			return "give the package that holds them: " + m
		}
		switch n := p.Name; {
		case strings.HasPrefix(n, "linux-modules-"):
			rel := strings.TrimPrefix(strings.TrimPrefix(n, "linux-modules-"), "extra-")
			return pick("linux-binary-"+rel+" (Debian) or linux-image-"+rel+" (Ubuntu)", n)
		case strings.HasPrefix(n, "linux-binary-"):
			return pick(n, "linux-modules-"+strings.TrimPrefix(n, "linux-binary-"))
		case strings.HasPrefix(n, "linux-base-"):
			rel := strings.TrimPrefix(n, "linux-base-")
			return pick("linux-binary-"+rel, "linux-modules-"+rel)
		case strings.HasPrefix(n, "linux-headers-"):
			rel := strings.TrimPrefix(n, "linux-headers-")
			return pick("linux-image-"+rel+" or linux-binary-"+rel, "linux-image-"+rel+" or linux-modules-"+rel)
		case strings.HasPrefix(n, "kernel-") && p.Kind == "rpm":
			return pick("kernel-core-"+p.Version, "kernel-modules-core and kernel-modules "+p.Version)
		}
	}
	if image {
		return "give the package or folder that holds vmlinuz for " + s.r.Name
	}
	return "give the package or folder that holds lib/modules/" + s.r.Name
}

// imageNames: the name in an image's banner is what `uname -r` says; it must
// be the release it is shipped for.
func imageNames(n *notes, r *release.Release) {
	for _, im := range r.Images {
		if im.Facts.Release != "" && im.Facts.Release != r.Name {
			n.one(model.Finding{Rule: "self.image-name", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
				Message: fmt.Sprintf("%s calls itself %q but is shipped for %q: a machine that boots it looks for modules elsewhere", im.Source, im.Facts.Release, r.Name),
				Hint:    "the image is of another build than the modules"})
		}
	}
}

// copies: a module that is there twice (udeb, unsigned, debug) is one module
// if its BTF and allocated sections agree (of a debug copy what it has of the
// code), and two builds if not.
func (s *selfState) copies() {
	f := model.Finding{Rule: "self.copies-differ", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
		Hint: "two builds share one name: build all packages in one run"}
	for _, m := range s.r.Modules {
		for _, d := range m.Differ {
			s.n.many(f, modulesText("{is|are} in more than one package with different content"), m.Path, m.Source.String()+" and "+d.String())
		}
	}
}
