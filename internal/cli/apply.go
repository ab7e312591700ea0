package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/repair"
	"kpkg-btf/internal/repair/signing"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/where"
)

// applyFlags are the flags of apply.
type applyFlags struct {
	action, mode string
	base         []string
	on           []string
	thisBuild    bool
	inPlace      bool
	dryRun       bool
	output       string
	force        bool
	policy       string
	format       string
	sign         signFlags
}

func (a *app) apply() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "apply DECISION PATH... | --action=ACTION PATH...",
		Short: "Apply a decision: strip, distill, rebase or stamp modules in trees and packages",
		Long: `Rewrites the modules in PATH... as DECISION (the JSON document of check) says,
or all of them as --action says:

  strip    .BTF and .BTF.base are removed as objcopy would, words of .BTF_ids that
           would be stale become 0, a stamp marks the module as stripped
  distill  .BTF becomes .BTF and .BTF.base (kernels from 6.11); needs the base the
           modules were built on: the image among PATH..., or --base
  rebase   .BTF of external modules is rewritten onto the base of the one
           kernel of --on, on any since 5.11; needs the base they were built on
  stamp    a section .BTF.base_checksum tells the base the module was built on,
           which is needed as for distill, and that somebody says so (by=asserted;
           the encoder's own stamp is kept). Refused where nothing beside the BTF
           speaks for that base, unless --base-is-this-build says it

A base that is not the image's is compared with every module first; one that a
module shows not to be built on is refused.

Trees (a staging folder, a build tree between make and modules_install) and
single modules are repaired where they are with --in-place; packages become new
files (-o). Everything is rehearsed in memory first, and the result judged: if
that would not be keep, nothing is written. What is written is read back before
it gets its name. A run that was interrupted is finished by running it again.

A decision must be of these very modules; inconclusive, bump and rebuild are
never applied (exit 5, 4, 6). A .deb that a .changes or .buildinfo beside it
lists is refused without --force.

External modules take a decision of check --on, with the same --on: what
comes out is judged on those kernels, and their bases serve as --base.

Signatures: a signed module that changes loses its signature, so that is
refused, unless
  --drop-signature        modules are signed afterwards, or
  --resign KEY --cert C   they are signed anew as the kernel's sign-file does; the
                          key is a PEM file; or by a program (--sign-cmd), or in two
                          runs (--export-digests, --import-signatures).
Only modules that a --trusted-cert vouches for are signed anew, or any with
--allow-unsigned-input. A key whose certificate is not in the kernel image needs
--allow-foreign-key. A signing program is run as PROGRAM HASH, once a module: the
raw digest is its standard input, the raw signature (RSA: PKCS #1 v1.5, ECDSA:
DER) its standard output; "openssl pkeyutl -sign -inkey K -pkeyopt digest:$1" is
one. No key and no passphrase is ever taken from arguments or environment.`,
		Example: `  kpkg-btf check debian/linux-image-* --against old.json --format json -o decision.json
  kpkg-btf apply decision.json debian/linux-image-*/ --in-place --drop-signature
  kpkg-btf apply --action=strip linux-image-6.1.0-56-amd64_*.deb -o fixed/ --dry-run
  kpkg-btf apply --action=distill debian/tmp --in-place --resign key.pem --cert cert.pem --trusted-cert old.pem`,
		Args: someArgs("path"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runApply(cmd.Context(), args, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.action, "action", "", "strip, distill, rebase or stamp all modules, without a decision")
	fl.StringVar(&f.mode, "mode", "remove", "of strip: remove, or neutralize, which only empties .BTF and moves nothing")
	fl.StringArrayVar(&f.base, "base", nil, "image, manifest or raw BTF with the base the modules were built on (repeats)")
	fl.StringArrayVar(&f.on, "on", nil, "of external modules: a kernel they are judged on, as by check --on (repeats)")
	fl.BoolVar(&f.thisBuild, "base-is-this-build", false, "the base is of the very build that the modules were encoded in: your word, on which stamp may rest")
	fl.BoolVar(&f.inPlace, "in-place", false, "repair trees and single modules where they are")
	fl.BoolVar(&f.dryRun, "dry-run", false, "print what would be done; write nothing")
	fl.StringVarP(&f.output, "output", "o", "", "file, or an existing folder, for the new packages")
	fl.BoolVarP(&f.force, "force", "f", false, "replace files that are there; write packages that a .changes lists")
	fl.StringVar(&f.policy, "policy", "", "policy file by which the result is judged (default: the embedded one)")
	fl.StringVar(&f.format, "format", "text", "text or json")
	f.sign.register(cmd)
	return cmd
}

func (a *app) runApply(ctx context.Context, args []string, f applyFlags) error {
	o, err := a.applyOptions(args, &f)
	if err != nil {
		return err
	}
	if mode, exposed := signing.Exposed(f.sign.key); exposed {
		fmt.Fprintf(a.env.Stderr, "kpkg-btf: warning: %s: others may read this private key (mode %04o)\nkpkg-btf: hint: chmod 600 %s\n", where.Clean(f.sign.key), mode, where.Clean(f.sign.key))
	}
	if o.On, err = a.loadKernels(ctx, f.on); err != nil {
		return err
	}
	p := a.progress("applying")
	o.Progress = p.phased
	rep, err := repair.Run(ctx, *o)
	p.done()
	var refused *repair.RefusedError
	if errors.As(err, &refused) {
		a.fail(err)
		a.exit = refused.Code
		return nil
	}
	if err != nil {
		return err
	}
	return a.output(outputFlags{}, func(w io.Writer) error {
		if f.format == "json" {
			return report.JSON(w, toolName(), rep)
		}
		return report.Repair(w, rep, a.screenOptions(false))
	})
}

func (a *app) applyOptions(args []string, f *applyFlags) (*repair.Options, error) {
	for _, c := range []struct {
		flag, value string
		allowed     []string
	}{
		{"--format", f.format, []string{"text", "json"}},
		{"--mode", f.mode, []string{"remove", "neutralize"}},
		{"--action", f.action, []string{"", string(repair.Strip), string(repair.Distill), string(repair.Rebase), string(repair.Stamp)}},
	} {
		if err := oneOf(c.flag, c.value, c.allowed...); err != nil {
			return nil, err
		}
	}
	o := &repair.Options{
		Base: f.base, Action: repair.Action(f.action), Source: "--action=" + f.action, Neutralize: f.mode == "neutralize",
		AllowForeignKey: f.sign.foreign, BaseIsThisBuild: f.thisBuild, InPlace: f.inPlace, Out: f.output, Force: f.force, DryRun: f.dryRun, Jobs: a.jobs,
	}
	if f.action == "" {
		if len(args) < 2 {
			return nil, usagef("apply takes a decision and the paths it is about, or --action and paths")
		}
		var err error
		if o.Decision, o.DecisionSHA256, err = a.readDecision(args[0]); err != nil {
			if where.HintOf(err) == "" {
				err = where.New(where.KindOf(err), "%w", err).WithHint("without --action the first argument is the decision of check (--report json=FILE): apply DECISION PATH..., or apply --action=strip PATH...")
			}
			return nil, err
		}
		o.Source = args[0]
		args = args[1:]
	}
	if o.Neutralize && f.action != "" && o.Action != repair.Strip {
		return nil, usagef("--mode=neutralize is a way to strip")
	}
	return o, a.applyRest(args, f, o)
}

// applyRest reads what the flags name: policy, inputs, keys.
func (a *app) applyRest(args []string, f *applyFlags, o *repair.Options) (err error) {
	if o.Policy, err = a.readPolicy(f.policy); err != nil {
		return err
	}
	if o.Inputs, err = pack.Expand(args); err != nil {
		return err
	}
	if o.Latest, _, err = a.sourceEpoch(); err != nil { // unset: the zero time, no limit
		return err
	}
	if o.Rules, err = f.sign.rules(); err != nil {
		return err
	}
	o.Export = f.sign.exporter(f.force)
	return nil
}
