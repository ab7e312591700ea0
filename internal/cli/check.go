package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/decision"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/where"
	"kpkg-btf/policy"
)

// checkFlags are the flags of check.
type checkFlags struct {
	command    string // check or decide
	against    []string
	on         []string
	refs       []string
	asIfSame   bool
	thisBuild  bool
	policy     string
	signatures string
	failOn     string
	expect     []string
	show       reportFlags
}

func (a *app) check() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check NEW... [--against OLD]... [--on SET]...",
		Short: "Decide: keep, distill, strip, bump the ABI name, or rebuild",
		Long: `Judges new kernel packages on their own image (self) and, with --against, on
every older release that may still be booted when they are installed (window),
and the reverse. NEW and OLD are packages, trees, single files, .changes or
.buildinfo files, @listfiles; OLD may also be a manifest. The window exists
only when both go by one name; --as-if-same-release asks whether the name
could have been kept.

What a manifest's modules mean on another base is known where the base and the
references (record --refs) are beside it, or --refs names the latter; otherwise
it is unknown.

With --on, NEW is external modules (kmod and KMP packages, DKMS, weak-updates, a
vendor's) and KERNEL a kernel that may load them, as packages or as a manifest
with its base next to it. The answer is a matrix: what each kernel does with each
module, its symbol CRCs and vermagic, and what is needed: 0 nothing, 3 distill or
strip, 4 "rebuild for KERNEL", 5 not known. It is a decision as any other: policy
rules and waivers count (findings outside.*), all formats have it, apply --on
applies it. With --report substvars=FILE, btf:Depends names the bases that modules
with split BTF need.

With both, NEW is a kernel and --on names external modules that it may load, as
packages or folders: exports that these import count among those that
decide where neither a checksum nor BTF says whether they changed.`,
		Example: "  kpkg-btf check ../*.deb --against linux-image-6.1.0-55-amd64_6.1.192-1_amd64.deb --as-if-same-release\n  kpkg-btf check kmod-foo.rpm --on kernel-core-5.14.0-427.rpm --on 5.14.0-503.json",
		Args:    someArgs("new input"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.runCheck(cmd.Context(), args, f) },
	}
	cmd.Flags().StringArrayVar(&f.on, "on", nil, "a kernel that may load external modules; with --against such modules (repeats)")
	f.register(cmd)
	return cmd
}

// register adds the flags that check and decide share.
func (f *checkFlags) register(cmd *cobra.Command) {
	f.command = cmd.Name()
	fl := cmd.Flags()
	fl.StringArrayVar(&f.against, "against", nil, "an older release that may be booted (repeats; packages of one release may be named one by one)")
	fl.StringArrayVar(&f.refs, "refs", nil, "references of a manifest's modules, from record --refs (repeats; those that lie beside it are found)")
	fl.BoolVar(&f.asIfSame, "as-if-same-release", false, "judge the window although the names differ")
	fl.BoolVar(&f.thisBuild, "base-is-this-build", false, "each image is of the very build that its modules were encoded in: closes doubts of that")
	fl.StringVar(&f.policy, "policy", "", "policy file (default: the embedded one, see policy print)")
	fl.StringVar(&f.signatures, "signatures", "", "enforced or ignored: overrides the policy's value")
	fl.StringVar(&f.failOn, "fail-on", "", "lowest decision that fails: repair, bump or rebuild; lower ones exit 0 and the report says so")
	fl.StringSliceVar(&f.expect, "expect", nil, "releases or flavours that must be there: NAME, FLAVOUR, either with /ARCH, or @FILE with one a line (repeats; default: those of the older side)")
	f.show.register(cmd)
}

func (a *app) runCheck(ctx context.Context, args []string, f checkFlags) error {
	run, err := a.prepareCheck(args, &f)
	if err != nil {
		return err
	}
	if len(f.on) > 0 && len(f.against) == 0 {
		return a.checkOn(ctx, args, &f, &run.options)
	}
	if run.options.Imported, err = a.importedBy(ctx, f.on); err != nil {
		return err
	}
	if run.olds, err = a.loadOlds(ctx, f.against); err != nil {
		return err
	}
	news, err := a.load(ctx, args)
	if err != nil {
		return err
	}
	if err := refer(f.refs, append(run.olds, news)); err != nil {
		return err
	}
	judged := a.working("judging")
	rep, err := judge.Check(ctx, news, run.olds, run.options)
	judged()
	if err != nil {
		return err
	}
	decision.Settle(rep, run.members)
	a.concluded(rep, f.failOn)
	return a.decided(rep, &f.show)
}

// checkRun is what check and decide know before they read their inputs.
type checkRun struct {
	options judge.Options
	members []decision.Member
	olds    []*release.Loaded
}

// prepareCheck settles the flags and finds out whether every output can be
// written.
func (a *app) prepareCheck(args []string, f *checkFlags) (*checkRun, error) {
	if err := oneOf("--fail-on", f.failOn, "", "repair", "bump", "rebuild"); err != nil {
		return nil, err
	}
	opts, err := a.judgeOptions(f)
	if err != nil {
		return nil, err
	}
	f.show.run = f.runOf(args)
	run := &checkRun{options: *opts}
	if run.members, err = a.expectedMembers(f.expect); err != nil {
		return nil, err
	}
	return run, f.show.probe(slices.Concat(args, f.against, f.on, f.refs))
}

// runOf is the command as printed ones go on from it.
func (f *checkFlags) runOf(args []string) report.Run {
	run := report.Run{Command: f.command, Inputs: args, Against: f.against, On: f.on}
	flag := func(name, value string) {
		if value != "" {
			run.Flags = append(run.Flags, "--"+name, value)
		}
	}
	if f.asIfSame {
		run.Flags = append(run.Flags, "--as-if-same-release")
	}
	if f.thisBuild {
		run.Flags = append(run.Flags, "--base-is-this-build")
	}
	flag("policy", f.policy)
	flag("signatures", f.signatures)
	flag("fail-on", f.failOn)
	for _, r := range f.refs {
		flag("refs", r)
	}
	for _, e := range f.expect {
		flag("expect", e)
	}
	return run
}

// expectedMembers reads --expect: words, or with "@" a file that has one a
// line, "#" for comments.
func (a *app) expectedMembers(words []string) ([]decision.Member, error) {
	var out []decision.Member
	for _, w := range words {
		lines := []string{w}
		if file, ok := strings.CutPrefix(w, "@"); ok {
			text, err := a.readText(file, "list")
			if err != nil {
				return nil, err
			}
			lines = strings.Split(string(text), "\n")
		}
		for _, l := range lines {
			if l, _, _ = strings.Cut(l, "#"); strings.TrimSpace(l) == "" && len(lines) > 1 {
				continue
			}
			m, err := decision.ParseMember(l)
			if err != nil {
				return nil, where.In("--expect", err)
			}
			out = append(out, m)
		}
	}
	if len(words) > 0 && len(out) == 0 {
		return nil, usagef("--expect names nothing")
	}
	return out, nil
}

// loadOlds reads the older sets, before the new one: what is kept of them is
// small.
func (a *app) loadOlds(ctx context.Context, sets []string) ([]*release.Loaded, error) {
	var olds []*release.Loaded
	for _, set := range together(ctx, sets) {
		l, err := a.loadKernel(ctx, set)
		if err != nil {
			return nil, err
		}
		for _, r := range l.Releases {
			if err := r.ToManifest(a.jobs); err != nil {
				return nil, err
			}
		}
		olds = append(olds, l)
	}
	return olds, nil
}

// refer gives manifests among some sets the references that belong to them. A
// file that belongs to none would prove nothing: it is refused.
func refer(files []string, sets []*release.Loaded) error {
	for _, file := range files {
		x, err := release.ReadRefs(file)
		if err != nil {
			return err
		}
		found := false
		for _, set := range sets {
			for _, r := range set.Releases {
				ok, err := r.Refer(x)
				if err != nil {
					return where.In(file, err)
				}
				found = found || ok
			}
		}
		if !found {
			return where.In(file, where.New(where.Usage, "belongs to none of the manifests given: it is of %s, and of the manifest with digest %x", where.Clean(x.Release), x.Manifest)).(*where.Error).
				WithHint("record writes both in one run: record SET -o FILE --refs FILE")
		}
	}
	return nil
}

// loadKernel reads one set that must hold a release.
func (a *app) loadKernel(ctx context.Context, set []string) (*release.Loaded, error) {
	l, err := a.load(ctx, set)
	if err != nil {
		return nil, err
	}
	if len(l.Releases) == 0 {
		return nil, where.In(strings.Join(set, ", "), where.New(where.Inconclusive, "no kernel release in it: %s", whyIgnored(l)))
	}
	return l, nil
}

func (a *app) judgeOptions(f *checkFlags) (*judge.Options, error) {
	pol, err := a.readPolicy(f.policy)
	if err != nil {
		return nil, err
	}
	if f.signatures != "" {
		if err := oneOf("--signatures", f.signatures, string(policy.Enforced), string(policy.Ignored)); err != nil {
			return nil, err
		}
		pol = pol.WithSignatures(policy.Signatures(f.signatures))
	}
	certs, err := pol.CertificatesDER()
	if err != nil {
		return nil, err
	}
	day, err := a.today()
	if err != nil {
		return nil, err
	}
	return &judge.Options{Policy: pol, AsIfSameRelease: f.asIfSame, BaseIsThisBuild: f.thisBuild, Jobs: a.jobs, Day: day, Certificates: certs}, nil
}

func whyIgnored(l *release.Loaded) string {
	if len(l.Ignored) == 0 {
		return "it is empty"
	}
	return l.Ignored[0].Why
}
