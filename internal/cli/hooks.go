package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"kpkg-btf/hooks"
	"kpkg-btf/internal/report/screen"
)

const hooksHelp = `Lists or prints what a pipeline or a host takes over:

  src:linux, rules without dh        rules.real
  Proxmox- and Ubuntu-style rules    before-dh_strip
  any dpkg-buildpackage              dpkg-buildpackage-repair, -gate
  kbuild's bindeb-pkg, binrpm-pkg    bindeb-pkg
  GitLab, salsa                      salsa-ci
  GitHub                             github-action
  hosts                              postinst.d, dpkg-trigger, rpm-posttrans,
                                     dkms, modprobe.d
  audits of whole archives           audit-slurm, audit-gitlab, audit-parallel

With dh the add-on dh-sequence-kpkg-btf does it, in specs the macros of
kpkg-btf-rpm-macros. The head of each text says where it belongs and which
variables it reads. KPKG_BTF_BUILD_AGAINST is what may still be booted: packages, or
manifests that "kpkg-btf baseline -o debian/abi" wrote after the last upload.
Where the tool is not installed, a build has one loud line more and goes on,
unless KPKG_BTF_BUILD_REQUIRED is set.`

func (a *app) hooks() *cobra.Command {
	cmd := &cobra.Command{
		Use: "hooks", Short: "List or print what pipelines and hosts copy: scripts, make fragments, CI jobs", Args: noArgs,
		Long: hooksHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var out outputFlags
	show := &cobra.Command{
		Use: "print NAME", Short: "Print one of them", Example: "  kpkg-btf hooks print salsa-ci -o debian/kpkg-btf-salsa-ci.yml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("hooks print takes one name (kpkg-btf hooks list)")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, h := range hooks.All() {
				names = append(names, h.Name+"\t"+h.What)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			h, ok := hooks.Find(args[0])
			if !ok {
				return usagef("no hook %q (kpkg-btf hooks list)", args[0])
			}
			if err := out.probe(nil, false); err != nil {
				return err
			}
			if h.Run {
				out.mode = 0o755
			}
			return a.output(out, func(w io.Writer) error {
				_, err := w.Write(h.Text())
				return err
			})
		},
	}
	out.register(show, "write it to a file; programs get mode 0755")
	cmd.AddCommand(show, &cobra.Command{
		Use: "list", Short: "List them with version and purpose", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			o := a.screenOptions(false)
			s := screen.New(a.env.Stdout, o.Width, o.Colour)
			for _, h := range hooks.All() {
				s.Entry(0, fmt.Sprintf("%-25s %d", h.Name, h.Version()), 29, screen.Plain, h.What)
			}
			return s.Flush()
		},
	})
	return cmd
}
