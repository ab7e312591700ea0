package judge

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/health"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// summarise counts what the modules said.
func (s *selfSide) summarise(mods []moduleSelf) model.SelfResult {
	res := notJudged(len(mods))
	res.Judged = true
	verdicts, meanings, missing := model.Counter{}, model.Counter{}, model.Counter{}
	for i := range mods {
		x := &mods[i]
		if x.m.Facts.BTF.Len() > 0 {
			res.WithBTF++
		}
		verdicts.Add(string(x.cell.Verdict))
		meanings.Add(string(x.cell.Meaning))
		if x.missing != model.NotMissing {
			missing.Add(string(x.missing))
		}
	}
	res.Verdicts, res.Meanings, res.Missing = verdicts.Sorted(), meanings.Sorted(), missing.Sorted()
	res.Evidence = evidenceCounts(mods)
	res.BuildBase = s.buildBase(mods)
	repeats := make([]health.Repeats, len(mods))
	for i := range mods {
		repeats[i] = mods[i].repeats
	}
	res.Health = s.r.Health(repeats)
	return res
}

// findings are what the modules show.
func (s *selfSide) findings(res *model.SelfResult, mods []moduleSelf) []note {
	var signs gathering
	signed := slices.ContainsFunc(mods, func(x moduleSelf) bool { return x.proof.Sign != encounter.SignNone })
	for i := range mods {
		signFindings(&signs, mods[i].m, mods[i].proof.Sign, signed)
	}
	list := slices.Concat(s.btfFindings(mods), s.nameFindings(mods), signs, s.healthNotes(res.Health), s.bareKfuncs(mods))
	if s.reads().Is == tri.No && res.WithBTF > 0 && s.kernel.Base == nil {
		list = append(list, said(model.Finding{Rule: "self.btf-unused", Severity: model.Info, Encounter: model.Self, Count: res.WithBTF,
			Message: model.Plural(res.WithBTF, "module carries", "modules carry") + " BTF that this kernel does not read (" + s.reads().Evidence + ")"}))
	}
	return list
}

// btfFindings: BTF that is missing, cannot be read, or is of another base.
func (s *selfSide) btfFindings(mods []moduleSelf) []note {
	var n gathering
	f := model.Finding{Encounter: model.Self, Severity: model.Error, Action: model.Rebuild}
	for i := range mods {
		x := &mods[i]
		switch {
		case x.missing == model.Lost:
			f.Rule = "self.btf-lost"
			f.Hint = "build modules with vmlinux there, and keep .BTF when stripping (find-debuginfo --keep-section .BTF)"
			why, _ := x.m.Facts.WhyNoBTF()
			n.add(f, modulesText("in-tree {has|have} no BTF, although this kernel has a base"), x.m.Path, x.m.Path+": "+why)
		case encounter.MalformedBTF(x.m.Facts) != nil:
			f.Rule, f.Hint = "self.btf-malformed", ""
			n.add(f, modulesText("{has|have} BTF that cannot be parsed"), x.m.Path, x.m.Path+": "+encounter.MalformedBTF(x.m.Facts).Error())
		case x.cell.Verdict == model.Rejected || x.cell.Verdict == model.Dropped || x.cell.Verdict == model.InitFails:
			f.Rule, f.Hint = "self."+string(x.cell.Verdict), ""
			n.add(f, modulesText(selfWords[x.cell.Verdict]), x.m.Path, x.m.Path+": "+x.cell.Words)
		case x.proof.Malformed != nil:
			f.Rule, f.Hint = "self.btf-malformed", ""
			n.add(f, modulesText("{has|have} BTF that cannot be parsed"), x.m.Path, x.m.Path+": "+x.proof.Malformed.Error())
		case x.proof.Stamp == encounter.StampOther:
			f.Rule, f.Hint = "self.stamp", "the module was built against another base than the one it is shipped with"
			n.add(f, modulesText("{is|are} stamped with another base than this image's"), x.m.Path, x.m.Path)
		}
		if x.proof.Stamp == encounter.StampVoid {
			n.add(model.Finding{Rule: "self.stamp-void", Severity: model.Warning, Encounter: model.Self,
				Hint: "the BTF was written again after the stamp: let the step that encodes it write the stamp, as its last act"},
				modulesText("whose stamp speaks of another .BTF than {it has|they have}: it proves nothing"), x.m.Path, x.m.Path)
		}
		if x.proof.Result != nil && x.proof.Result.Conclusion == evidence.Contradicted {
			f.Rule = "self.btf-other-base"
			f.Hint = "these modules were not encoded against this image's BTF: image and modules are of two builds, or vmlinux was linked again after the modules"
			n.add(f, modulesText("{has|have} BTF that contradicts the image's base"), x.m.Path, x.m.Path+": "+x.proof.Result.First().Text)
		}
		switch grade := x.mod.Build.Grade; {
		case grade == model.BaseDoubtful:
			n.add(model.Finding{Rule: "self.base-doubtful", Severity: model.Error, Encounter: model.Self, Inconclusive: true,
				Hint: "was vmlinux linked again after the modules? Build both again; or, if the image is of the very build that the modules are of, say so: --base-is-this-build"},
				modulesText("that use the image's base as if types had moved: improbable on the base they were encoded against, not impossible"), x.m.Path, x.m.Path+": "+x.mod.Build.Doubt)
		case grade == model.BaseConsistent && s.policy.BuildBase == policy.BaseProven:
			n.add(model.Finding{Rule: "self.base-unproven", Severity: model.Error, Encounter: model.Self, Inconclusive: true,
				Hint: "the policy asks for proof (build-base: proven): let the step that encodes the modules' BTF stamp them"},
				modulesText("consistent with the image's base, not proven to be encoded against it"), x.m.Path, x.m.Path)
		}
		if why, stripped := x.m.Facts.WhyNoBTF(); x.missing == model.NoneExpected && !x.m.Facts.Modinfo.Intree && !stripped {
			n.add(model.Finding{Rule: "self.btf-none", Severity: model.Info, Encounter: model.Self},
				modulesText("built out of tree {has|have} no BTF"), x.m.Path, x.m.Path+": "+why)
		}
		if odd := x.m.Facts.Anomalies; len(odd) > 0 {
			n.add(model.Finding{Rule: "self.module-odd", Severity: model.Warning, Encounter: model.Self},
				modulesText("{loads but is|load but are} oddly made"), x.m.Path, x.m.Path+": "+strings.Join(odd, "; "))
		}
	}
	return n
}

// selfWords say what a kernel does with a module of its own build.
var selfWords = map[model.Verdict]string{
	model.Rejected:  "that this kernel refuses to load",
	model.Dropped:   "whose BTF this kernel drops",
	model.InitFails: "whose init fails on this kernel",
}

// nameFindings: vermagic must name the release, and be one for all modules
// that were built with the kernel.
func (s *selfSide) nameFindings(mods []moduleSelf) []note {
	var n gathering
	intree := model.Counter{}
	f := model.Finding{Encounter: model.Self, Severity: model.Error, Action: model.Rebuild}
	for i := range mods {
		info := &mods[i].m.Facts.Modinfo
		word, rest, _ := strings.Cut(info.Vermagic, " ")
		path := mods[i].m.Path
		switch {
		case info.Vermagic == "":
			f.Rule, f.Hint = "self.vermagic-none", ""
			n.add(f, modulesText("{has|have} no vermagic: the kernel refuses {it|them}"), path, path)
		case word != s.r.Name:
			f.Rule, f.Hint = "self.vermagic", "modules of another build, or packed under another name"
			n.add(f, modulesText(fmt.Sprintf("{was|were} built for another release than %s", s.r.Name)), path, path+": vermagic "+info.Vermagic)
		}
		if info.Intree && info.Vermagic != "" {
			intree.Add(rest)
		}
	}
	if len(intree) > 1 {
		var parts []string
		for _, c := range intree.Sorted() {
			parts = append(parts, fmt.Sprintf("%q in %d", c.Word, c.Count))
		}
		n = append(n, said(model.Finding{Rule: "self.vermagic-mixed", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
			Message: "in-tree modules with different vermagic options: " + strings.Join(parts, ", ")}))
	}
	return n
}

// buildBase counts the grades, with how often such kernels notice a wrong base.
func (s *selfSide) buildBase(mods []moduleSelf) *model.BuildBaseResult {
	grades, versions := model.Counter{}, false
	for i := range mods {
		if f := mods[i].m.Facts; f.BTF.Len() > 0 {
			grades.Add(string(mods[i].mod.Build.Grade))
			versions = versions || encounter.VersionEntries(f) > 0
		}
	}
	if s.kernel.Base == nil || len(grades) == 0 {
		return nil
	}
	kind := evidence.KernelsOf(s.kernel.Base.Raw, versions)
	worst := kind.Worst()
	return &model.BuildBaseResult{Grades: grades.Sorted(), Kernel: kind.String(), NoticedAlone: int(worst.Alone), NoticedTogether: int(worst.Together)}
}

// evidenceCounts tells for each kind of evidence how many modules it speaks
// for and against, with the first contradiction in path order.
func evidenceCounts(mods []moduleSelf) []model.EvidenceCount {
	var stamp, word, sign model.EvidenceCount
	stamp.Evidence, word.Evidence, sign.Evidence = model.ByStamp, model.ByWord, model.BySignature
	var checks [evidence.NumChecks]model.EvidenceCount
	for i := range mods {
		x := &mods[i]
		switch x.proof.Stamp {
		case encounter.StampProven:
			stamp.Supports++
		case encounter.StampAsserted:
			word.Supports++
		case encounter.StampOther:
			contra(&stamp, x.m.Path)
		}
		switch x.proof.Sign {
		case encounter.SignOwn:
			sign.Supports++
		case encounter.SignTwin, encounter.SignStale:
			contra(&sign, x.m.Path)
		}
		if x.proof.Result == nil {
			continue
		}
		for c, t := range x.proof.Result.Checks {
			switch {
			case t.Hits > 0:
				contra(&checks[c], x.m.Path+": "+t.First.Text)
			case t.Looked > 0:
				checks[c].Supports++
			}
		}
	}
	out := []model.EvidenceCount{stamp, word, sign}
	for c := range checks {
		checks[c].Evidence = model.Evidence(evidence.Check(c).String())
		out = append(out, checks[c])
	}
	return slices.DeleteFunc(out, func(e model.EvidenceCount) bool { return e.Supports+e.Contradicts == 0 })
}

func contra(e *model.EvidenceCount, example string) {
	if e.Contradicts == 0 {
		e.FirstExample = example
	}
	e.Contradicts++
}
