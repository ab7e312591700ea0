package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kpkg-btf/hooks"
	"kpkg-btf/internal/where"
)

// envPrefix begins every variable that this program reads: of a flag, the
// prefix and its name.
const envPrefix = "KPKG_BTF_"

// variableOf names the variable of a flag.
func variableOf(f *pflag.Flag) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// fromCommandLine reports whether a flag counts on the command line alone: it
// says whom to trust, what to run or what to let pass, and whoever sets the
// environment of a build must not say that unseen.
func fromCommandLine(f *pflag.Flag) bool {
	switch f.Name {
	case "policy", "resign", "sign-cmd", "trusted-cert", "base-is-this-build", "pprof":
		return true
	}
	return strings.HasPrefix(f.Name, "allow-")
}

// aboutShowing reports whether a flag says how a run shows its answer, and has
// no part in it.
func aboutShowing(name string) bool {
	return slices.Contains([]string{"color", "format", "force", "jobs", "output", "pprof", "quiet", "report", "verbose"}, name)
}

// otherQuestion reports whether a flag belongs to a question that those given
// do not ask: --on is about external modules, the others about a kernel's
// own.
func otherQuestion(name string, given map[string]bool) bool {
	own := []string{"against", "as-if-same-release", "expect", "refs"}
	if name == "on" {
		return slices.ContainsFunc(own, func(f string) bool { return given[f] })
	}
	return given["on"] && slices.Contains(own, name)
}

// otherVariables are read by what comes with the program, not by its flags: the
// settings of the host hooks, make's, and --format kbuild's.
var otherVariables = []string{"KPKG_BTF_FAIL", "KPKG_BTF_HOST", "KPKG_BTF_CACHE", "KPKG_BTF_DECISION"}

// fromEnvironment sets the flags of a command that were not given from their
// variables, and names the variables that were used. A variable of a flag that
// this command does not have is another command's. What no command reads, and
// what counts on the command line alone, is a warning.
func (a *app) fromEnvironment(cmd *cobra.Command) (used []string, err error) {
	flags := cmd.Flags()
	given := map[string]bool{}
	flags.Visit(func(f *pflag.Flag) { given[f.Name] = true })
	flags.VisitAll(func(f *pflag.Flag) {
		name := variableOf(f)
		v := a.env.Getenv(name)
		if given[f.Name] || v == "" || f.Name == "help" || fromCommandLine(f) || otherQuestion(f.Name, given) {
			return
		}
		values := []string{v}
		if _, repeats := f.Value.(pflag.SliceValue); repeats {
			values = strings.Fields(v)
		}
		if !aboutShowing(f.Name) {
			used = append(used, name)
		}
		for _, v := range values {
			if e := flags.Set(f.Name, v); e != nil && err == nil {
				err = usagef("%s: %v", name, e)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, name := range a.variables() {
		if hooks.IsVariable(name) {
			used = append(used, name)
		}
	}
	slices.Sort(used)
	a.warnOfVariables(cmd.Root())
	return used, nil
}

// variables are the names of the environment that begin as this program's do
// and are not empty, sorted.
func (a *app) variables() []string {
	if a.env.Environ == nil {
		return nil
	}
	var out []string
	for _, e := range a.env.Environ() {
		name, value, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, envPrefix) && value != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (a *app) warnOfVariables(root *cobra.Command) {
	known := map[string]*pflag.Flag{}
	flagsOf(root, known)
	for _, name := range a.variables() {
		f := known[name]
		switch {
		case f != nil && fromCommandLine(f):
			a.warn("%s is ignored: --%s counts on the command line alone", name, f.Name)
		case f != nil, hooks.IsVariable(name), slices.Contains(otherVariables, name):
		case hooks.IsOldVariable(name):
			a.warn("%s is a hook's variable under its old name, which goes with the next version: call it %s", name, hooks.NewName(name))
		default:
			hint := ""
			if s := variableLike(name, known); s != "" {
				hint = "; did you mean " + s + "?"
			}
			a.warn("%s is no variable of kpkg-btf or its hooks%s", name, hint)
		}
	}
}

// flagsOf gathers the flags of all commands by their variables.
func flagsOf(cmd *cobra.Command, known map[string]*pflag.Flag) {
	for _, set := range []*pflag.FlagSet{cmd.PersistentFlags(), cmd.Flags()} {
		set.VisitAll(func(f *pflag.Flag) { known[variableOf(f)] = f })
	}
	for _, c := range cmd.Commands() {
		flagsOf(c, known)
	}
}

// variableLike is the variable that was meant by one that nothing reads, "" when
// none is near. Those that are ignored are not offered.
func variableLike(name string, flags map[string]*pflag.Flag) string {
	names := slices.Concat(hooks.Variables(), otherVariables)
	for v, f := range flags {
		if !fromCommandLine(f) && f.Name != "help" {
			names = append(names, v)
		}
	}
	slices.Sort(names)
	for i := range names {
		names[i] = strings.TrimPrefix(names[i], envPrefix)
	}
	if n := nearest(strings.TrimPrefix(name, envPrefix), names); n != "" {
		return envPrefix + n
	}
	return ""
}

func (a *app) warn(format string, args ...any) {
	fmt.Fprintf(a.env.Stderr, "kpkg-btf: warning: %s\n", where.Clean(fmt.Sprintf(format, args...)))
}
