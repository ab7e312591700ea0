package kmod

import (
	"slices"

	"kpkg-btf/internal/btf/stamp"
)

// Why a module has no BTF. kbuild says "Skipping BTF generation for X due to
// unavailability of vmlinux" in a log that nobody keeps, and goes on
// (scripts/Makefile.modfinal, scripts/gen-btf.sh); what it leaves is a module
// as it was before pahole: with its debug information, and with zeroes in
// .BTF_ids. With a vmlinux, pahole fails loudly or there is BTF.
const (
	whyNoVmlinux = `vmlinux was unavailable at build time (kbuild: "Skipping BTF generation ... due to unavailability of vmlinux")`
	whyRemoved   = "it was removed after the build: .BTF_ids holds ids"
	whyStripped  = "it was stripped on purpose, and marked so"
	whyEmpty     = "its .BTF is empty, without the mark of a strip: no encoder leaves such a section"
	whyUnknown   = whyNoVmlinux + ", or it was stripped: without debug information nothing in the module tells"
)

// WhyNoBTF says why a module has no BTF, as far as the module itself tells; ""
// where it has some. Stripped is one that carries the mark of it: the stamp, or
// the type that apply --mode=neutralize leaves to a .BTF that it empties
// (stamp.Emptied). A .BTF that is merely empty is no mark.
func (f *Facts) WhyNoBTF() (why string, stripped bool) {
	if f.BTF.Len() > 0 {
		return "", false
	}
	if mark, err := stamp.Parse(f.Stamp); err == nil && mark.Left == stamp.Stripped || f.Neutralized {
		return whyStripped, true
	}
	switch hold, words := f.holdIDs(); {
	case !f.BTF.Missing():
		return whyEmpty, false
	case hold:
		return whyRemoved, false
	case words, slices.ContainsFunc(f.Sections, func(s Section) bool { return s.Name == ".debug_info" }):
		return whyNoVmlinux, false
	}
	return whyUnknown, false
}

// holdIDs reports whether any word of .BTF_ids was filled in, and whether there
// is any.
func (f *Facts) holdIDs() (hold, words bool) {
	if f.IDs == nil {
		return false, false
	}
	words = len(f.IDs.Words) > 0
	return slices.ContainsFunc(f.IDs.Words, func(w IDWord) bool { return w.ID != 0 }), words
}
