package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kpkg-btf/internal/report"
	"kpkg-btf/internal/toolversion"
)

// writeManuals writes the page of every command, man1, and those of docs/ that
// are manual pages too.
func writeManuals(root *cobra.Command, docs, dir string, date time.Time) error {
	pages := map[string]string{}
	for _, cmd := range commands(root) {
		pages["man1/"+manName(cmd)+".1"] = manual(cmd, date)
	}
	for _, m := range proseManuals {
		text, err := os.ReadFile(filepath.Join(docs, m.page))
		if err != nil {
			return err
		}
		r := newRoff(m.name, m.section, toolversion.Version, date)
		r.section("NAME")
		r.b.WriteString(escaped(m.name+" - "+m.short) + "\n")
		r.section("DESCRIPTION")
		r.markdown(text)
		r.section("SEE ALSO")
		r.paragraph("kpkg-btf(1), kpkg-btf-check(1), kpkg-btf-policy(5), kpkg-btf-concepts(7)")
		pages["man"+m.section+"/"+m.name+"."+m.section] = r.String()
	}
	for name, text := range pages {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// proseManuals are pages of docs/ that are installed as manual pages.
var proseManuals = []struct{ name, section, page, short string }{
	{"kpkg-btf-policy", "5", "reference/policy.md", "the policy file of kpkg-btf"},
	{"kpkg-btf-concepts", "7", "idea.md", "why a kernel module that loads can still be wrong"},
}

// commands are the root and all commands below it that are for people, in the
// order of the help.
func commands(cmd *cobra.Command) []*cobra.Command {
	out := []*cobra.Command{cmd}
	for _, c := range cmd.Commands() {
		if !c.Hidden && c.Name() != "help" && c.Name() != "completion" {
			out = append(out, commands(c)...)
		}
	}
	return out
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manual is the page of one command.
func manual(cmd *cobra.Command, date time.Time) string {
	r := newRoff(manName(cmd), "1", toolversion.Version, date)
	r.section("NAME")
	r.b.WriteString(escaped(manName(cmd)+" - "+cmd.Short) + "\n")
	r.section("SYNOPSIS")
	for _, use := range synopsis(cmd) {
		r.b.WriteString(".br\n" + line(use))
	}
	text, codes := description(cmd)
	r.section("DESCRIPTION")
	r.prose(text)
	if cmd.HasAvailableLocalFlags() {
		r.section("OPTIONS")
		r.flags(cmd.LocalNonPersistentFlags())
		r.flags(cmd.PersistentFlags())
	}
	if cmd.HasAvailableInheritedFlags() {
		r.section("GLOBAL OPTIONS")
		r.flags(cmd.InheritedFlags())
	}
	if cmd.Example != "" {
		r.section("EXAMPLES")
		r.literal(undented(cmd.Example))
	}
	r.section("EXIT STATUS")
	if codes != "" {
		r.prose(codes)
	} else {
		for _, c := range report.ExitCodes {
			r.item(itoa(c.Code), sentence(c.Text))
		}
		r.paragraph("Treat any other code as failure.")
	}
	r.section("ENVIRONMENT")
	r.facts(cmd, environment)
	r.section("FILES")
	if !r.facts(cmd, files) {
		r.paragraph("None but those that it is given.")
	}
	r.section("SEE ALSO")
	r.paragraph(seeAlso(cmd))
	return r.String()
}

// synopsis are the forms of a command.
func synopsis(cmd *cobra.Command) []string {
	if cmd.HasSubCommands() {
		return []string{cmd.CommandPath() + " COMMAND [flags]"}
	}
	return []string{cmd.UseLine()}
}

// description is what a command says of itself, and of its exit codes where
// they are its own.
func description(cmd *cobra.Command) (text, codes string) {
	var rest []string
	long := cmd.Long
	if long == "" {
		long = sentence(cmd.Short)
	}
	for _, p := range strings.Split(long, "\n\n") {
		switch {
		case strings.HasPrefix(p, "Exit codes:\n"):
			codes = strings.TrimPrefix(p, "Exit codes:\n")
		case strings.HasPrefix(p, "Exit codes of commands that decide:"): // the table has them
		default:
			rest = append(rest, p)
		}
	}
	return strings.Join(rest, "\n\n"), codes
}

func (r *roff) flags(set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			r.item(flagForm(f), sentence(flagText(f)))
		}
	})
}

// flagForm is how a flag is written: -o, --output FILE.
func flagForm(f *pflag.Flag) string {
	form := "--" + f.Name
	if f.Shorthand != "" {
		form = "-" + f.Shorthand + ", " + form
	}
	kind, _ := pflag.UnquoteUsage(f)
	if kind != "" {
		form += " " + kind
	}
	return form
}

// flagText is what a flag says of itself, with its default where it has one
// that its text does not name.
func flagText(f *pflag.Flag) string {
	_, usage := pflag.UnquoteUsage(f)
	switch f.DefValue {
	case "", "false", "[]", "0", "-1":
		return usage
	}
	return usage + " (default " + f.DefValue + ")"
}

func seeAlso(cmd *cobra.Command) string {
	var names []string
	if cmd.HasParent() {
		names = append(names, manName(cmd.Parent())+"(1)")
	}
	for _, c := range commands(cmd)[1:] {
		if c.Parent() == cmd {
			names = append(names, manName(c)+"(1)")
		}
	}
	return strings.Join(append(names, "kpkg-btf-policy(5)", "kpkg-btf-concepts(7)"), ", ")
}

// fact is a variable or a file, and the commands that it matters to, "" for all.
type fact struct{ name, of, text string }

// facts writes those of a command, of the root all, and reports whether there
// are any.
func (r *roff) facts(cmd *cobra.Command, list []fact) bool {
	n := 0
	for _, f := range list {
		if f.of == "" || !cmd.HasParent() || slices.Contains(strings.Fields(f.of), cmd.Name()) {
			r.item(f.name, f.text)
			n++
		}
	}
	return n > 0
}

// environment are the variables that the program reads.
var environment = []fact{
	{"KPKG_BTF_<FLAG>", "", `The value of a flag: its name in capitals, "-" as "_". Blanks separate the values of a flag that repeats. Flags that say whom to trust, what to run or what to let pass count on the command line alone.`},
	{"KPKG_BTF_BUILD_<NAME>", "hooks check apply decide", "Variables of the hooks in builds and pipelines; kpkg-btf hooks print NAME says which one reads what."},
	{"KPKG_BTF_FAIL, KPKG_BTF_HOST", "verify", "Settings of the host hooks, see /etc/default/kpkg-btf."},
	{"NO_COLOR", "", "Not empty: no colour, unless --color always is given."},
	{"CI", "", "Not empty: no progress."},
	{"SOURCE_DATE_EPOCH", "check decide apply verify policy lint package", "The day by which waivers expire, and the time of the files in what package builds."},
	{"DEB_BUILD_OPTIONS, RPM_BUILD_NCPUS", "", "How many workers run, where --jobs is not given."},
	{"DEBFULLNAME, DEBEMAIL", "package", "The maintainer of what package builds, where --maintainer is not given."},
	{"XDG_CACHE_HOME", "baseline", "Where baseline keeps downloads, below kpkg-btf/fetch, where --cache is not given."},
}

// files are those that the program reads or writes without being told their names.
var files = []fact{
	{"<sha256>.btf.zst", "record baseline check decide diff pin inspect package", "The base that record and baseline write beside a manifest; check finds it there by its checksum."},
	{"<digest>.refs.json.zst", "record baseline check decide pin", "What the modules of a manifest use of their base (record --refs), found beside it by the digest of the manifest."},
	{"~/.cache/kpkg-btf/fetch", "baseline", "Downloads of baseline."},
	{"/etc/default/kpkg-btf, /etc/sysconfig/kpkg-btf", "verify hooks", "Settings of the host hooks."},
	{"/sys/kernel/btf/vmlinux", "verify", "The base of the running kernel, which verify reads."},
	{"/var/lib/kpkg-btf", "verify", "What verify --brief has said already of what it cannot read."},
}

// undented are the lines of an example without what they share on the left.
func undented(text string) []string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return lines
}

// sentence is text that begins with a capital and ends with a stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	if !strings.ContainsAny(text[len(text)-1:], ".?!") {
		text += "."
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
