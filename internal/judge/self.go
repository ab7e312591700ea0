package judge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// selfSide is what the self encounter asks of a release. Nothing in it changes.
type selfSide struct {
	r      *release.Release
	all    []*release.Release // of the same side
	image  *release.Image
	kernel *kernel.Kernel // nil where the base cannot be read
	trust  kernel.Trust
	bases  *encounter.Bases
	jobs   int
	policy *policy.Policy
	told   bool // Options.BaseIsThisBuild
}

// selfAnswer is what a release is on its own image.
type selfAnswer struct {
	res   model.SelfResult
	mods  []moduleSelf           // as they met their kernel; nil: they did not
	bound []model.ModuleDecision // each module by its digests
	notes []note
}

// reads reports whether the kernel reads the BTF of modules: it does not
// where it has no base and should have none.
func (s *selfSide) reads() ability.Fact {
	k := s.kernel
	if k.Sum == nil && k.BTF.Is == tri.No {
		return k.BTF
	}
	return k.ReadsBTF()
}

// self judges a release's modules on its own image.
func self(ctx context.Context, r *release.Release, k *kernel.Kernel, unread error, all []*release.Release, o *Options) (selfAnswer, error) {
	s := &selfSide{r: r, all: all, image: r.BootImage(), kernel: k, trust: o.trust(), bases: o.bases, jobs: o.Jobs, policy: o.Policy, told: o.BaseIsThisBuild}
	out := selfAnswer{res: notJudged(len(r.Modules))}
	for _, err := range r.Unread {
		out.notes = append(out.notes, said(model.Finding{Rule: "self.unreadable", Severity: model.Error, Encounter: model.Self, Inconclusive: true, Message: err.Error()}))
	}
	for _, f := range releaseFindings(r, newSide, "") {
		out.notes = append(out.notes, said(f))
	}
	out.notes = append(out.notes, idsFindings(r)...)
	out.notes = append(out.notes, kfuncNotes(r)...)
	added, err := s.added(ctx)
	if err != nil {
		return out, err
	}
	out.notes = append(out.notes, added...)
	if r.Doc != nil {
		return out, nil // a manifest: selfFromManifest
	}
	made, ok := s.prepare(unread)
	out.notes = append(out.notes, made...)
	if !ok {
		return out, nil
	}
	if out.mods, err = s.modulesSelf(ctx); err != nil {
		return out, err
	}
	loads, notes := selfLoads(out.mods)
	out.res = s.summarise(out.mods)
	out.res.Loads = loads
	out.notes = slices.Concat(out.notes, notes, s.findings(&out.res, out.mods))
	return out, nil
}

func notJudged(modules int) model.SelfResult {
	return model.SelfResult{Modules: modules, Loads: model.LoadCounts{Ignored: []model.Count{}, Enforced: []model.Count{}}, Verdicts: []model.Count{}, Meanings: []model.Count{}, Missing: []model.Count{}, Evidence: []model.EvidenceCount{}}
}

// prepare judges what the release is made of; false means that its modules
// cannot be judged.
func (s *selfSide) prepare(unread error) (list []note, ok bool) {
	list = slices.Concat(oneBase(s.r), imageNames(s.r), copies(s.r))
	if s.kernel == nil {
		return append(list, inconclusive("self.base-unreadable", unread.Error(), "")), false
	}
	reads := s.reads()
	if len(s.r.Modules) == 0 {
		list = append(list, inconclusive("self.no-modules", "no modules among the inputs: 0 of 0 proves nothing", s.missingPackage("modules")))
	}
	if s.image == nil && reads.Is != tri.No {
		return append(list, s.noImage()), false
	}
	if len(s.r.Modules) == 0 {
		return list, false
	}
	if s.kernel.Base == nil && reads.Is != tri.No {
		return append(list, inconclusive("self.no-base", "the image has no BTF, yet nothing says that it should have none ("+s.kernel.BTF.Evidence+"; "+reads.Evidence+")",
			"was pahole missing when the image was built, or is the image truncated?")), false
	}
	if reads.Is != tri.No {
		list = append(list, s.ownBase()...)
	}
	return list, true
}

// ownBase: a kernel that refuses its own base refuses every module's BTF.
func (s *selfSide) ownBase() (list []note) {
	rules := s.kernel.Rules()
	if rules == nil {
		return nil
	}
	if own := rules.Own(); !own.OK {
		list = append(list, said(model.Finding{Rule: "self.base-refused", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
			Message: "the kernel refuses its own base: " + own.String()}))
	}
	list = append(list, ownKfuncs(s.r, s.kernel)...)
	if s.kernel.Assumed {
		list = append(list, said(model.Finding{Rule: "self.profile-assumed", Severity: model.Info, Encounter: model.Self,
			Message: "newer than any kernel whose rules are known here: judged by the newest rules and what the image shows"}))
	}
	return list
}

func inconclusive(rule, msg, hint string) note {
	return said(model.Finding{Rule: rule, Severity: model.Error, Encounter: model.Self, Inconclusive: true, Message: msg, Hint: hint})
}

// noImage tells two cases apart: no image at all, and one of another
// architecture under the same name.
func (s *selfSide) noImage() note {
	for _, o := range s.all {
		if o.Name == s.r.Name && o.Arch != s.r.Arch && o.BootImage() != nil {
			return inconclusive("self.image-architecture", fmt.Sprintf("the image given for %s is for %s, these modules are for %s", s.r.Name, o.Arch, s.r.Arch),
				"give image and modules of one architecture")
		}
	}
	return inconclusive("self.no-image", "no kernel image among the inputs: nothing says which base the modules must match", s.missingPackage("image"))
}

// missingPackage names the package that holds what is missing, by the names
// of those that are there (docs/kernel-rules.md, "Where packages keep things").
func (s *selfSide) missingPackage(what string) string {
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
func imageNames(r *release.Release) (list []note) {
	for _, im := range r.Images {
		if im.Facts.Release != "" && im.Facts.Release != r.Name {
			list = append(list, said(model.Finding{Rule: "self.image-name", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
				Message: fmt.Sprintf("%s calls itself %q but is shipped for %q: a machine that boots it looks for modules elsewhere", im.Source, im.Facts.Release, r.Name),
				Hint:    "the image is of another build than the modules"}))
		}
	}
	return list
}

// copies: a module that is there twice (udeb, unsigned, debug) is one module
// if its BTF and allocated sections agree (of a debug copy what it has of the
// code), and two builds if not.
func copies(r *release.Release) []note {
	var n gathering
	f := model.Finding{Rule: "self.copies-differ", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
		Hint: "two builds share one name: build all packages in one run"}
	for _, m := range r.Modules {
		for _, d := range m.Differ {
			n.add(f, modulesText("{is|are} in more than one package with different content"), m.Path, m.Source.String()+" and "+d.String())
		}
	}
	return n
}
