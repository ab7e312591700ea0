package host

import (
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/limits"
)

// distribution is who mends a machine, by commands; RELEASE in them is uname
// -r, PACKAGE the kernel's package, FILE the path below the root.
type distribution struct {
	ids    []string // of os-release(5), ID or ID_LIKE
	kernel string   // brings image and modules again
	initrd string   // builds an initrd again
	added  string   // builds modules again that did not come with the kernel
}

// distributions are asked in this order: what is derived from another comes
// before it.
var distributions = []distribution{
	{[]string{"nixos"}, "nixos-rebuild boot", "nixos-rebuild boot", "nixos-rebuild boot"},
	{[]string{"flatcar", "coreos"}, "update_engine_client -update", "update_engine_client -update", "rebuild them in the SDK image of RELEASE"},
	{[]string{"raspbian", "debian", "ubuntu", "pop"}, "apt install --reinstall linux-image-RELEASE", "update-initramfs -u -k RELEASE", "dkms autoinstall -k RELEASE"},
	{[]string{"fedora", "rhel", "centos"}, "dnf reinstall kernel-core-RELEASE kernel-modules-core-RELEASE kernel-modules-RELEASE", "dracut --force --kver RELEASE", "dkms autoinstall -k RELEASE"},
	{[]string{"opensuse", "suse", "sles", "opensuse-tumbleweed", "opensuse-leap"}, "zypper install --force PACKAGE", "dracut --force --kver RELEASE", "dkms autoinstall -k RELEASE"},
	{[]string{"arch", "manjaro", "artix"}, "pacman -S PACKAGE", "mkinitcpio -P", "dkms autoinstall -k RELEASE"},
	{[]string{"alpine"}, "apk fix PACKAGE", "mkinitfs RELEASE", "apk fix the module's package"},
	{[]string{"void"}, "xbps-install -f PACKAGE", "xbps-reconfigure -f PACKAGE", "xbps-reconfigure -f PACKAGE"},
	{[]string{"gentoo"}, "emerge --config PACKAGE", "dracut --force --kver RELEASE", "emerge @module-rebuild"},
	{[]string{"slackware"}, "slackpkg reinstall kernel", "mkinitrd -c -k RELEASE", "build their SlackBuild again for RELEASE"},
}

// unknownDistribution is for all others.
var unknownDistribution = distribution{kernel: "reinstall the packages of RELEASE (image and modules)",
	initrd: "build the initrd of RELEASE again (update-initramfs, dracut or mkinitcpio)", added: "dkms autoinstall -k RELEASE"}

// distribution is that of the root, by os-release(5).
func (s *System) distribution() *distribution {
	var ids []string
	for _, file := range []string{"etc/os-release", "usr/lib/os-release"} {
		text, err := s.read(filepath.Join(s.Root, file), limits.MaxText)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			if key == "ID" || key == "ID_LIKE" {
				ids = append(ids, strings.Fields(strings.Trim(value, `"'`))...)
			}
		}
		break
	}
	for i := range distributions {
		if slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(distributions[i].ids, id) }) {
			return &distributions[i]
		}
	}
	if _, err := s.stat(filepath.Join(s.Root, "etc/slackware-version")); err == nil {
		return &distributions[len(distributions)-1]
	}
	return &unknownDistribution
}

// packageOf is the name of a kernel's package where it follows from the
// release: Arch's pkgbase beside the modules, the flavour at its end.
func (s *System) packageOf(release string) string {
	for _, dir := range []string{"usr/lib/modules", "lib/modules"} {
		if text, err := s.read(filepath.Join(s.Root, dir, release, "pkgbase"), limits.MaxName); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	flavour := release[strings.LastIndex(release, "-")+1:]
	switch s.distribution().first() {
	case "opensuse":
		return "kernel-" + flavour
	case "alpine":
		return "linux-" + flavour
	case "void": // 6.12.21_1 is linux6.12
		if parts := strings.SplitN(release, ".", 3); len(parts) == 3 {
			return "linux" + parts[0] + "." + parts[1]
		}
	case "gentoo":
		return "sys-kernel/gentoo-kernel"
	}
	return "linux"
}

// first is the distribution's own name, "" for an unknown one.
func (d *distribution) first() string {
	if len(d.ids) == 0 {
		return ""
	}
	return d.ids[0]
}

// mend is the command that puts a file of a place right, for the release that
// is to be there, from the image that it belongs to ("": the usual place).
func (s *System) mend(m mender, what, release, image, file string) string {
	d := s.distribution()
	text := d.kernel
	switch {
	case what == "added modules":
		text = d.added
	case m == byNix:
		text = "nixos-rebuild boot"
	case m == byOSTree:
		text = "ostree admin deploy with the ref that ostree admin status shows"
	case m == byProxmox:
		text = "proxmox-boot-tool refresh"
	case m == byPackage && strings.HasSuffix(release, "-pve") && what != "initrd": // signed or not: the package has either name
		text = "apt install --reinstall $(dpkg -S /boot/vmlinuz-RELEASE | cut -d: -f1)"
	case m == byFlatcar:
		text = "update_engine_client -update"
	case m == byKernelstub && d.first() == "raspbian":
		text = "update-initramfs -u -k RELEASE && kernelstub"
	case what == "initrd" && strings.Contains(file, "/booster-"):
		text = "/usr/lib/booster/regenerate_images"
	case what == "initrd" && m != byKernelInstall && m != byUKI:
		text = d.initrd
	case m == byKernelInstall:
		text = "kernel-install add RELEASE IMAGE"
	case m == byKernelstub:
		text = "cp IMAGE FILE"
	case m == byUKI && d.first() == "arch":
		text = "mkinitcpio -P"
	case m == byUKI:
		text = "kernel-install add RELEASE IMAGE"
	}
	if image == "" {
		image = "/usr/lib/modules/" + release + "/vmlinuz"
	}
	return strings.NewReplacer("RELEASE", release, "PACKAGE", s.packageOf(release), "IMAGE", image, "FILE", file).Replace(text)
}
