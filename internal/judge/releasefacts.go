package judge

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/btf/ids"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// party is the part that a release has in a report.
type party uint8

const (
	newSide    party = iota // it is judged itself
	oldSide                 // an older release that may be booted
	kernelSide              // a kernel of --on
)

// releaseFindings turns what does not fit in a release into findings: what its
// image settles warns, what nothing settles leaves the answer open, and two
// builds in one package version are wrong in themselves. About an older release
// or a kernel of --on nothing can be asked for: what would be rebuild is open
// there. against is its name in a report about another release, "" for its own.
func releaseFindings(r *release.Release, as party, against string) []model.Finding {
	var out []model.Finding
	for i := range r.Anomalies {
		a := &r.Anomalies[i]
		rule, ok := anomalyRules[a.Kind]
		if !ok || as != newSide && !rule.everywhere {
			continue
		}
		f := rule.finding(a)
		f.Rule, f.Encounter, f.Against = rule.id, model.Self, against
		switch as {
		case oldSide:
			f.Rule, f.Encounter = "window.old-contradiction", model.Window
		case kernelSide:
			f.Rule, f.Encounter = "outside.kernel-contradiction", model.Outside
		}
		if f.Count == 0 {
			f.Count = 1
		}
		if as != newSide && f.Action > model.Keep {
			f.Action, f.Inconclusive = model.Keep, true
		}
		out = append(out, f)
	}
	return out
}

// anomalyRule is how one kind of anomaly is told.
type anomalyRule struct {
	id string
	// everywhere: it counts for an older release and for a kernel of --on too.
	everywhere bool
	finding    func(*release.Anomaly) model.Finding
}

var anomalyRules = map[release.AnomalyKind]anomalyRule{
	release.ConfigDiffers: {"self.config-differs", true, func(a *release.Anomaly) model.Finding {
		return disagreement(a, a.Subject+" is "+saysWho(a), "remove the stale config, or ship the one of this build")
	}},
	release.ConfigUnused: {"self.file-unused", false, func(a *release.Anomaly) model.Finding {
		return unused(a, "a config without a release in its path")
	}},
	release.SymversDiffers: {"self.symvers-differ", true, func(a *release.Anomaly) model.Finding {
		return disagreement(a, "files of exported symbols differ, first in "+a.Subject+": "+saysWho(a), "give the Module.symvers of this very build")
	}},
	release.SymversImage: {"self.symvers-image", true, func(a *release.Anomaly) model.Finding {
		return model.Finding{Severity: model.Warning, Count: a.Count,
			Message: fmt.Sprintf("%s contradicts the image in %s: %s; the image counts", a.Subject, model.Plural(a.Count, "exported symbol", "exported symbols"), firstNames(a.Names)),
			Hint:    "external modules that are built with this file do not load: ship the Module.symvers of this very build"}
	}},
	release.SymversUnused: {"self.file-unused", false, func(a *release.Anomaly) model.Finding {
		return unused(a, "a Module.symvers without a release in its path")
	}},
	release.BuiltinDiffers: {"self.builtin-differ", true, func(a *release.Anomaly) model.Finding {
		return disagreement(a, "lists of built-in modules differ, first in "+a.Subject+": "+saysWho(a), "give the modules.builtin of this very build")
	}},
	release.FolderOutside: {"self.not-looked-at", false, func(a *release.Anomaly) model.Finding {
		return notLooked(a, "a link to "+strings.Join(a.Names, "")+", which is not among the inputs: a folder of modules there was not looked at")
	}},
	release.LinkOutside: {"self.not-looked-at", false, func(a *release.Anomaly) model.Finding {
		return notLooked(a, "a link to "+strings.Join(a.Names, "")+", which is not among the inputs: judged where it is, if at all")
	}},
	release.NotPacked: {"self.not-looked-at", false, func(a *release.Anomaly) model.Finding {
		return notLooked(a, "called like a module and not in the package (%ghost)")
	}},
	release.ListedNotGiven: {"self.modules-not-given", false, func(a *release.Anomaly) model.Finding {
		return listing(a, model.Info, "listed in modules.order or modules.dep and not among the inputs")
	}},
	release.GivenNotListed: {"self.modules-unlisted", false, func(a *release.Anomaly) model.Finding {
		f := listing(a, model.Warning, "not listed in modules.order or modules.dep")
		f.Hint = "left over from another build, or the list is: remove what is not of this build, run depmod"
		return f
	}},
	release.BuiltInToo: {"self.modules-built-in-too", false, func(a *release.Anomaly) model.Finding {
		f := listing(a, model.Warning, "listed in modules.builtin and given as files, which the kernel then does not load")
		f.Hint = "left over from another build, or the list is: remove what is not of this build"
		return f
	}},
	release.HeadersNoBase: {"self.headers-no-base", false, func(a *release.Anomaly) model.Finding {
		return model.Finding{Severity: model.Warning, Message: a.Subject + " has no .BTF, though the image has a base: external modules built with these headers fail or get no BTF",
			Hint: "objcopy -j .BTF -j .BTF_ids vmlinux makes the file"}
	}},
	release.BuiltinUnused: {"self.file-unused", false, func(a *release.Anomaly) model.Finding {
		return unused(a, "a modules.builtin without a release in its path")
	}},
}

// disagreement is about sources that say different things of one release.
func disagreement(a *release.Anomaly, what, hint string) model.Finding {
	f := model.Finding{Severity: model.Error, Message: what, Hint: hint}
	switch {
	case a.OneVersion:
		f.Action = model.Rebuild
		f.Message += "; they are of one package version"
		f.Hint = "two builds share one name: build all packages in one run"
	case a.Settled != "":
		f.Severity = model.Warning
		f.Message += "; the image settles it: " + a.Settled
	default:
		f.Inconclusive = true
		f.Message += "; the image does not tell"
	}
	return f
}

// unused is about a file that is not looked at because nothing says that it is
// of this release.
func unused(a *release.Anomaly, what string) model.Finding {
	return model.Finding{Severity: model.Info, Message: a.Subject + ": " + what + ", beside others: not used",
		Hint: "name it config-RELEASE or put it beside its vmlinux; remove it where it is not of this build"}
}

// notLooked is about a name that a kernel may load and that was not judged.
func notLooked(a *release.Anomaly, what string) model.Finding {
	return model.Finding{Severity: model.Info, Message: a.Subject + ": " + what}
}

// listing is about modules that a list and the inputs do not agree on.
func listing(a *release.Anomaly, s model.Severity, what string) model.Finding {
	return model.Finding{Severity: s, Count: a.Count, Subjects: a.Names,
		Message: model.Plural(a.Count, "module", "modules") + " " + what + ": " + firstNames(a.Names)}
}

// saysWho lists what each source says: "n in A and B, y in C".
func saysWho(a *release.Anomaly) string {
	var parts []string
	for i, c := range a.Claims {
		if i > 0 && c.Says == a.Claims[i-1].Says {
			parts[len(parts)-1] += " and " + c.Source.String()
			continue
		}
		parts = append(parts, c.Says+" in "+c.Source.String())
	}
	return strings.Join(parts, ", ")
}

// firstNames lists the first three.
func firstNames(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + ", …"
}

// idsFindings are about .BTF_ids of the release's modules and images by itself: a
// build in which resolve_btfids did not run, sets that it does not leave so. What
// apply zeroes is no fault (repaired).
func idsFindings(r *release.Release) []note {
	var n gathering
	f := model.Finding{Encounter: model.Self, Severity: model.Error, Action: model.Rebuild}
	tell := func(subject string, faults []ids.Fault) {
		for i := range faults {
			x := &faults[i]
			switch name := subject + ": " + x.Text; x.Kind {
			case ids.Unresolved:
				f.Rule, f.Hint = "self.ids-unresolved", "resolve_btfids did not run: build its target tools/bpf/resolve_btfids, and modules and vmlinux again"
				n.add(f, idsText("whose .BTF_ids was never resolved"), subject, name)
			case ids.Broken:
				f.Rule, f.Hint = "self.ids-broken", "resolve_btfids leaves no such set: link and resolve them again from their objects"
				n.add(f, idsText("with a set in .BTF_ids that is not whole"), subject, subject+": set "+x.Name+": "+x.Text)
			case ids.Zero:
				n.add(model.Finding{Rule: "self.ids-zero", Severity: model.Warning, Encounter: model.Self,
					Hint: "resolve_btfids warned of it: the base has no such type, or it did not reach this word"},
					idsText("with an id 0 in a list of .BTF_ids, which matches nothing"), subject, name)
			}
		}
	}
	for _, im := range r.Images {
		if im.Facts.IDs != nil && im.Facts.BTF != nil {
			tell(im.Source.String(), firstOfKind(im.Facts.IDs.Faults()))
		}
	}
	for _, m := range r.Modules {
		if x := m.Facts; x.IDs != nil && x.BTF.Len() > 0 {
			tell(m.Path, firstOfKind(slices.DeleteFunc(x.IDs.Faults(), func(f ids.Fault) bool { return repaired(x, &f) })))
		}
	}
	return n
}

// repaired reports whether apply has left a module's ids so, by the stamp over
// this very BTF: distilled, plain lists, which no kernel relocates, are 0.
func repaired(f *kmod.Facts, fault *ids.Fault) bool {
	mark, err := stamp.Parse(f.Stamp)
	if len(f.Stamp) == 0 || err != nil || mark.Left != stamp.Distilled || !f.Fits(&mark) {
		return false
	}
	return fault.Kind == ids.Zero || fault.Kind == ids.Unresolved && f.IDs.Located && len(f.IDs.Sets) == 0
}

// firstOfKind keeps the first fault of each kind.
func firstOfKind(list []ids.Fault) []ids.Fault {
	var out []ids.Fault
	for _, f := range list {
		if !slices.ContainsFunc(out, func(o ids.Fault) bool { return o.Kind == f.Kind }) {
			out = append(out, f)
		}
	}
	return out
}

// idsText counts files: modules, and the images among them.
func idsText(what string) func(int) string {
	return func(n int) string { return model.Plural(n, "file", "files") + " " + what }
}
