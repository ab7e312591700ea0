package report

import (
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
)

// Run is what the reader of a screen has typed: printed commands go on from it.
type Run struct {
	// Inputs, Against, On and Flags are the arguments of check or decide;
	// nothing is known of them where a stored decision is shown.
	Command string
	Inputs  []string
	Against []string
	On      []string
	Flags   []string
	// Stored is a file that holds the decision, "" where it was not stored.
	Stored string
}

// maxShown is how many arguments a printed command repeats before it says "…",
// which stands for those of the run.
const maxShown = 6

// again is the command of the run again, with other words behind it.
func (r *Run) again(more ...string) []string {
	words := []string{"kpkg-btf", r.Command}
	args := slices.Clone(r.Inputs)
	for _, a := range r.Against {
		args = append(args, "--against", a)
	}
	for _, k := range r.On {
		args = append(args, "--on", k)
	}
	args = append(args, r.Flags...)
	if len(args) > maxShown+2 {
		args = []string{"…"}
	}
	return append(append(words, args...), more...)
}

// paths are the inputs as the arguments of apply.
func (r *Run) paths() []string {
	if len(r.Inputs) > maxShown {
		return []string{"…"}
	}
	return r.Inputs
}

// step is one command and what it is for; without words, only a sentence.
type step struct {
	words []string
	what  string
}

// nextSteps are what to do now.
func nextSteps(v *model.ReleaseVerdict, by *model.Finding, run *Run) []step {
	switch a := v.Outcome.Action; {
	case v.Outcome.ExitCode() == model.ExitInconclusive && by != nil && len(by.Close) > 0:
		var out []step
		for i, how := range by.Close {
			if i > 0 {
				how = "or " + how
			}
			out = append(out, step{what: how})
		}
		return out
	case v.Outcome.ExitCode() == model.ExitInconclusive:
		return hintSteps(by, "give what is missing and run it again")
	case a == model.Distill || a == model.Strip:
		return applySteps(v, run)
	case a == model.Bump:
		return []step{{what: nextName(v)}}
	case a == model.Rebuild:
		return hintSteps(by, "build image and modules again in one run")
	case a == model.RebuildFor:
		return hintSteps(by, "build against the headers package of that very kernel")
	}
	return []step{{what: "nothing to do"}}
}

func hintSteps(by *model.Finding, other string) []step {
	if by == nil || by.Hint == "" {
		return []step{{what: other}}
	}
	return []step{{what: by.Hint}}
}

// nextName says which name to take. A release that is judged as if it had kept
// an older name has one already.
func nextName(v *model.ReleaseVerdict) string {
	for k := range v.Windows {
		if w := &v.Windows[k]; w.Judged && w.Old.Name != v.Release.Name && w.Action == model.Bump {
			return "nothing to do: it ships under a new name already"
		}
	}
	switch n := v.Next; {
	case n == nil:
		return "give the release another ABI name"
	case n.Name == "":
		return "give the release another ABI name: " + n.Why
	default:
		return "take the name " + n.Name + " (" + n.Scheme + ": " + n.Why + ")"
	}
}

// applySteps carry a decision out: store it, where that was not done, apply it.
func applySteps(v *model.ReleaseVerdict, run *Run) []step {
	file := run.Stored
	var out []step
	if file == "" {
		if run.Command == "" {
			return []step{{what: "carry it out with kpkg-btf apply"}}
		}
		file = "decision.json"
		out = append(out, step{run.again("--report", "json="+file), "store the decision"})
	}
	if len(run.Inputs) == 0 || slices.ContainsFunc(run.Inputs, recorded) {
		return append(out, step{what: "kpkg-btf apply " + screen.Quote(file) + ", with the packages or trees that it was made of"})
	}
	if slices.ContainsFunc(run.Inputs, notWritten) {
		return append(out, step{what: "unpack it, kpkg-btf apply " + screen.Quote(file) + " FOLDER --in-place, and build the package again"})
	}
	words := append([]string{"kpkg-btf", "apply", file}, run.paths()...)
	if len(run.Against) == 0 { // else --on names modules that may import, no kernels
		for _, k := range run.On {
			words = append(words, "--on", k)
		}
	}
	to := whereTo(run.Inputs)
	if slices.Contains(to, repairedFolder) {
		out = append(out, step{[]string{"mkdir", "-p", repairedFolder}, ""})
	}
	words = append(words, to...)
	what := ""
	if slices.ContainsFunc(v.Modules, func(m model.ModuleDecision) bool {
		return m.Action != model.Keep && m.Load.Signature != "none" && m.Load.Signature != ""
	}) {
		words = append(words, "--drop-signature")
		what = "the modules it changes must be signed again"
	}
	return append(out, step{words, what})
}

// recorded reports whether an input is a manifest: a record of packages, which
// cannot be repaired itself.
func recorded(input string) bool { return filepath.Ext(strings.TrimSuffix(input, ".zst")) == ".json" }

// notWritten reports whether an input is of a format that apply does not write
// (pack.Kind.Rewritable).
func notWritten(input string) bool {
	name := filepath.Base(input)
	ext := filepath.Ext(name)
	return ext == ".apk" || ext == ".ipk" || ext == ".tar" || ext == ".tgz" || strings.HasSuffix(strings.TrimSuffix(name, ext), ".tar")
}

// repairedFolder takes the packages that apply writes anew.
const repairedFolder = "repaired"

// whereTo are the flags of apply that say where results go.
func whereTo(inputs []string) []string {
	if len(inputs) == 0 {
		return nil
	}
	for _, in := range inputs {
		switch filepath.Ext(in) {
		case ".deb", ".udeb", ".rpm", ".changes", ".buildinfo":
			if len(inputs) == 1 {
				ext := filepath.Ext(in)
				return []string{"-o", strings.TrimSuffix(filepath.Base(in), ext) + ".repaired" + ext}
			}
			return []string{"-o", repairedFolder}
		}
	}
	return []string{"--in-place"}
}

// moreSteps show how to see more.
func moreSteps(by *model.Finding, run *Run) []step {
	var out []step
	if by != nil {
		out = append(out, step{[]string{"kpkg-btf", "help", by.Rule}, "what this finding means"})
	}
	switch {
	case run.Stored != "":
		out = append(out, step{[]string{"kpkg-btf", "show", run.Stored}, "everything"})
	case run.Command != "":
		out = append(out, step{run.again("-v"), "everything"})
	}
	return out
}

// labelColumn is the width of Why, Next and More before their text.
const labelColumn = 6

func steps(s *screen.Screen, name string, list []step) {
	widest := 0
	for _, x := range list {
		if n := s.CommandWidth(x.words); n <= s.Width()/2 {
			widest = max(widest, n)
		}
	}
	for i, x := range list {
		if i > 0 {
			name = ""
		}
		if x.words == nil {
			s.Entry(2, name, labelColumn, screen.Strong, x.what)
			continue
		}
		s.Command(2, name, labelColumn, x.words, x.what, widest)
	}
}
