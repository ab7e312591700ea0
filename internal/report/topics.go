package report

import (
	"fmt"
	"io"
	"slices"

	"kpkg-btf/internal/judge/rules"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
)

// ExitCodes are the exit codes and what they mean, in their order.
var ExitCodes = []struct {
	Code int
	Text string
}{
	{model.ExitDone, "done; the decision is keep"},
	{model.ExitFailed, "a named input cannot be opened or parsed at all; I/O; a limit; an internal error"},
	{model.ExitUsage, "usage, or a bad policy file"},
	{model.ExitRepair, "repair needed: distill or strip; verify: something on this host must be reinstalled, rebuilt or rebooted"},
	{model.ExitBump, "ABI bump needed; with --on: to be built for that kernel"},
	{model.ExitInconclusive, "inconclusive: not enough information, for example no kernel image"},
	{model.ExitRebuild, "rebuild needed: the release is wrong in itself"},
	{model.ExitInterrupted, "interrupted (SIGINT)"},
	{model.ExitTerminated, "interrupted (SIGTERM)"},
}

// concepts are the words of this program and of the field, each explained once.
var concepts = []struct{ word, text string }{
	{"BTF", "The types of a kernel in a compact form (section .BTF). bpf programs and the kernel itself read them."},
	{"base", "The BTF of vmlinux. Its checksum names a build: two builds of one source have different bases, unless they are reproducible to the bit."},
	{"split BTF", "The BTF of a module is stored as a continuation of vmlinux's: its type ids start where vmlinux's end. On another base the same ids name other types."},
	{"distilled", "From 6.11 a module can carry what it uses of its base in .BTF.base; the kernel then looks these types up by name when it loads the module. distill rewrites split BTF to that form."},
	{"release", "What one uname -r names on one architecture: an image and its modules, from however many packages."},
	{"encounter", "A set of modules and a kernel that may load them."},
	{"self", "The modules of a release on the image they ship with."},
	{"window", "New modules on an older kernel that is still booted after an upgrade in place. It exists while both go by one name; --as-if-same-release asks whether the name could have been kept."},
	{"reverse", "Older modules on the new kernel: an initrd that was not made again, DKMS modules that nobody rebuilt."},
	{"outside", "External modules (kmod and KMP packages, DKMS, weak-updates) on each kernel of --on."},
	{"fine", "The module loads, and its types mean there what they meant where it was built (JSON: attached, same)."},
	{"without BTF", "The module loads and the kernel ignores its BTF, or it has none (JSON: dropped, inert)."},
	{"wrong types", "The module loads, and its type ids name other types there: nothing fails, and everything that reads types is wrong (JSON: attached, different)."},
	{"refused", "The module does not load, or its init fails (JSON: rejected, init-fails, blocked)."},
	{"keep", "Ship as it is."},
	{"strip", "Remove the BTF of modules; what uses their types is lost, also after the reboot."},
	{"bump", "Ship under another ABI name, so that old and new modules lie in different folders."},
	{"rebuild", "The release is wrong in itself; nothing that can be done to its packages makes it right."},
	{"inconclusive", "There is not enough information, for example no kernel image. What is not known never passes."},
	{"meaning", "Whether the types that a module names are the ones it was built with: by identity (kind, name, size), by the layout of what it embeds, and deep, by everything that can be reached."},
	{"stamp", "The section .BTF.base_checksum, which says on which base a module was built, or that it was stripped on purpose."},
	{"manifest", "What record writes about a release: small enough to commit, and a valid older side on its own."},
}

// Topics are the words that Topic explains.
func Topics() []string { return []string{"concepts", "exit-codes", "findings"} }

// Topic explains one of Topics.
func Topic(w io.Writer, name string, o Options) error {
	s := screen.New(w, o.Width, o.Colour)
	switch name {
	case "concepts":
		for _, c := range concepts {
			s.Entry(0, c.word, 14, screen.Strong, c.text)
		}
	case "exit-codes":
		for _, c := range ExitCodes {
			s.Entry(0, fmt.Sprint(c.Code), 5, screen.Strong, screen.Sentence(c.Text))
		}
		s.Blank()
		s.Text(0, "Where several hold the order is 2, 1, 6, 4, 5, 3, 0. --format never changes the code; --fail-on may let 3 and 4 pass, and the report says so. diff returns 0, unless --exit-code is given. Treat any other code as failure.")
	case "findings":
		for _, r := range rules.All() {
			s.Entry(0, r.ID, 30, screen.Strong, r.Summary)
		}
		s.Blank()
		s.Text(0, "kpkg-btf help FINDING explains one.")
	}
	return s.Flush()
}

// Rule explains one finding.
func Rule(w io.Writer, r *rules.Rule, o Options) error {
	s := screen.New(w, o.Width, o.Colour)
	s.Headline(r.ID, toneOf(model.Outcome{Action: r.Action, Inconclusive: r.Inconclusive}), r.Summary, "")
	s.Blank()
	const column = 9
	s.Entry(0, "Means", column, screen.Strong, r.Means)
	s.Entry(0, "Found", column, screen.Strong, r.Found)
	s.Entry(0, "Do", column, screen.Strong, r.Do)
	if r.Example != "" {
		s.Entry(0, "Example", column, screen.Strong, r.Example)
	}
	if r.Command != "" {
		s.Entry(0, "Command", column, screen.Strong, r.Command)
	}
	s.Blank()
	s.Text(0, ruleFacts(r))
	return s.Flush()
}

// ruleFacts are what policies and programs need to know of a finding.
func ruleFacts(r *rules.Rule) string {
	where := map[model.Encounter]string{
		model.Self: "a release on its own image", model.Window: "new modules on an older kernel", model.Reverse: "older modules on the new kernel",
		model.Outside: "external modules on a kernel", model.Run: "the run itself",
	}[r.Encounter]
	of := map[model.About]string{model.OfRelease: "the release", model.OfModules: "modules", model.OfSymbols: "exported symbols"}[r.Of]
	asks := "It asks for nothing by itself"
	switch {
	case r.Inconclusive:
		asks = "It leaves the answer open (exit 5)"
	case r.Action != model.Keep:
		asks = fmt.Sprintf("It asks for %s (exit %d)", r.Action, model.Outcome{Action: r.Action}.ExitCode())
	}
	waive := "no waiver lowers it"
	if r.Waivable() {
		waive = "a policy rule or waiver can lower it"
	}
	if !r.Inconclusive && r.Action == model.Keep {
		waive = "a policy rule can raise it"
	}
	return fmt.Sprintf("Encounter: %s (%s). Subjects: %s. %s; %s. Since %s.", r.Encounter, where, of, asks, waive, r.Since)
}

// conditionOf is what must be true for an action to be right that a finding
// leaves open, with the number of what is open.
func conditionOf(f *model.Finding) string {
	if f.If != "" {
		return f.If
	}
	r, ok := rules.Of(f.Rule)
	if !ok || r.If == "" {
		return "what is open turns out well"
	}
	return r.If
}

// openFindings are those that leave the answer open.
func openFindings(list []model.Finding) []*model.Finding {
	var out []*model.Finding
	for i := range list {
		if list[i].Inconclusive {
			out = append(out, &list[i])
		}
	}
	return slices.Clip(out)
}
