package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/host"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/where"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	check   checkFlags
	root    string
	kernel  string
	module  []string
	added   bool
	brief   bool
	format  string
	outFile outputFlags
}

func (a *app) verify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "On a host: will the running and the installed kernels take the modules that they could load?",
		Long: `Judges, on the machine it runs on, the modules of every installed kernel on
that kernel's image; where the running kernel has the same name, on that one
too, by its base in /sys/kernel/btf/vmlinux: what will fail until the reboot,
what will load with types that mean something else. So are those that did not
come with the kernel (updates, extra, weak-updates, DKMS), wherever the two
differ. Those inside initrds and unified kernel images are judged on the image
they are started with.

What could be booted is every kernel image and initrd of /boot, /lib/modules,
the ESP and XBOOTLDR, loader entries, ostree and NixOS. Its content says of
which release it is, not its name; one that is of another release or build is
named, with the command that mends it on this distribution.

It exits with 3 when something must be reinstalled, built again or rebooted,
else with 5 when something that boots could not be read, as an ESP of etc/fstab
that is not mounted. With --brief that is said once a machine and cause, kept
in /var/lib/kpkg-btf, and exits with 0; with KPKG_BTF_FAIL=strict it is said
each time and exits with 5.

It writes nothing else and needs no root. Without the image,
which some distributions let only root read, the running kernel answers alone.
What a running kernel does not show (whether it loads modules whose BTF it
cannot use, unless /proc/config.gz is there) is taken from the kernel installed
under its name, and said.`,
		Example: "  kpkg-btf verify\n  kpkg-btf verify --brief      # at most three lines, none when all is well\n  kpkg-btf verify --root /mnt",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.runVerify(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.root, "root", "", "look at this root folder, in which no kernel runs; links lead where they would after chroot")
	fl.StringVar(&f.kernel, "kernel", "", "only the installed kernel of this name (uname -r)")
	fl.StringArrayVar(&f.module, "module", nil, "only this module, on the kernel that runs, and nothing else is read (repeats)")
	fl.BoolVar(&f.added, "only-added", false, "only modules that did not come with a kernel")
	fl.BoolVar(&f.brief, "brief", false, "at most three lines, none when all is well")
	fl.StringVar(&f.check.policy, "policy", "", "policy file (default: the embedded one, see policy print)")
	fl.StringVar(&f.check.signatures, "signatures", "", "enforced or ignored: overrides the policy's value")
	fl.StringVar(&f.format, "format", "text", "text or json")
	f.outFile.register(cmd, "write the report to a file")
	return cmd
}

func (a *app) runVerify(ctx context.Context, f verifyFlags) error {
	if err := oneOf("--format", f.format, "text", "json"); err != nil {
		return err
	}
	opts, err := a.judgeOptions(&f.check)
	if err != nil {
		return err
	}
	if err := f.outFile.probe(nil, false); err != nil {
		return err
	}
	system := &host.System{Root: f.root}
	if f.root == "" {
		if system, err = host.This(); err != nil {
			return err
		}
	}
	p := a.progress("reading")
	rep, err := system.Verify(ctx, host.Options{Judge: *opts, Progress: p.step, Kernel: f.kernel, OnlyAdded: f.added, Modules: f.module})
	p.done()
	if where.KindOf(err) == where.Inconclusive && f.brief && len(f.module) == 0 {
		rep, err = host.Unanswered(system, err), nil
	}
	if err != nil {
		return err
	}
	a.exit = rep.ExitCode
	if f.brief && f.format != "json" && a.env.Getenv("KPKG_BTF_FAIL") != "strict" {
		a.exit = once(system, rep, f.kernel == "" && !f.added && len(f.module) == 0)
	}
	return a.output(f.outFile, func(w io.Writer) error {
		switch {
		case f.format == "json":
			return report.JSON(w, toolName(), rep)
		case f.brief || a.quiet:
			return report.HostBrief(w, rep)
		}
		opts := a.screenOptions(f.outFile.file != "")
		opts.Run = report.Run{Command: "verify"}
		for _, x := range []struct{ name, value string }{{"--root", f.root}, {"--kernel", f.kernel}} {
			if x.value != "" {
				opts.Run.Flags = append(opts.Run.Flags, x.name, x.value)
			}
		}
		return report.HostText(w, rep, opts)
	})
}

// once leaves of what could not be read only that of which this machine was not
// told, and keeps it where that may be written; whole: nothing was left out of
// the report. It gives the exit code: nothing that could not be read is a
// failure then.
func once(system *host.System, rep *model.HostReport, whole bool) int {
	all := rep.Unread
	rep.Unread = system.Untold(all)
	_ = system.Tell(all, whole) // who may not write there is told each time
	if rep.ExitCode == model.ExitInconclusive {
		return model.ExitDone
	}
	return rep.ExitCode
}
