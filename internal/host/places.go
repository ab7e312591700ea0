package host

import (
	"path"
	"slices"
	"strings"
)

// mender is which command puts the files of a place right.
type mender uint8

const (
	byPackage       mender = iota // the distribution's package manager brings it
	byKernelInstall               // kernel-install(8) copies it to the boot partition
	byKernelstub                  // Pop!_OS's
	byUKI                         // ukify, mkinitcpio or dracut put it together
	byNix                         // nixos-rebuild
	byOSTree                      // ostree deploys it
	byFlatcar                     // update_engine writes it
	byProxmox                     // proxmox-boot-tool copies it to every ESP
)

// place is where machines keep kernel images, or initrds, that they boot.
type place struct {
	// glob is below the root; ESP stands for each folder of partitions.
	glob string
	mend mender
	// owned: what a package brings there is what the modules belong to; it comes
	// before what was copied.
	owned bool
	// other: it may be of another system or generation, whose modules are not
	// on this root.
	other bool
	// bare: it carries its initrd within itself.
	bare bool
}

// partitions are where the ESP and XBOOTLDR are mounted (systemd-gpt-auto-generator(8),
// the distributions' installers).
var partitions = []string{"boot", "efi", "boot/efi", "boot/esp", "esp", "boot/firmware"}

// imagePlaces are all places of kernel images; of two that hold one release the
// earlier is the one its packages bring.
var imagePlaces = []place{
	// The packages of Fedora, SUSE, Arch, Gentoo and ostree bring it beside the
	// modules; so do generations of NixOS.
	{glob: "usr/lib/modules/*/vmlinuz*", owned: true},
	{glob: "usr/lib/modules/*/vmlinux", owned: true},
	{glob: "usr/lib/modules/*/Image", owned: true},
	{glob: "lib/modules/*/vmlinuz*", owned: true},
	{glob: "lib/modules/*/vmlinux", owned: true},
	{glob: "lib/modules/*/Image", owned: true},
	{glob: "run/current-system/kernel", mend: byNix, owned: true},
	{glob: "run/booted-system/kernel", mend: byNix, owned: true},
	{glob: "nix/var/nix/profiles/system-*-link/kernel", mend: byNix, owned: true},
	{glob: "nix/var/nix/profiles/system/kernel", mend: byNix, owned: true},
	{glob: "ostree/deploy/*/deploy/*/usr/lib/modules/*/vmlinuz", mend: byOSTree, owned: true},
	// The packages of Debian, Ubuntu, Alpine, Void, Slackware; copies elsewhere.
	{glob: "boot/vmlinuz*"}, {glob: "boot/vmlinux*"}, {glob: "boot/Image*"}, {glob: "boot/zImage*"}, {glob: "boot/bzImage*"}, {glob: "boot/kernel-[0-9]*"}, {glob: "boot/kernel-genkernel-*"},
	{glob: "ESP/kernel*.img"}, // Raspberry Pi
	{glob: "ESP/vmlinuz*"},
	{glob: "ESP/EFI/Linux/*.efi", mend: byUKI, bare: true},
	{glob: "ESP/EFI/nixos/*.efi", mend: byNix},
	{glob: "boot/kernels/*Image", mend: byNix},
	// ZFSBootMenu is a system of its own, with a kernel of any release.
	{glob: "ESP/EFI/[zZ][bB][mM]/*", other: true, bare: true},
	{glob: "ESP/EFI/*/*bootmenu*", other: true, bare: true},
	{glob: "ESP/EFI/proxmox/*/vmlinuz*", mend: byProxmox},
	{glob: "ESP/EFI/*/vmlinuz-previous*", mend: byKernelstub, other: true},
	{glob: "ESP/EFI/*/vmlinuz*", mend: byKernelstub},
	{glob: "ESP/*/*/linux", mend: byKernelInstall},
	{glob: "ESP/[0-9a-f]*/linux*/vmlinuz*", mend: byKernelstub}, // Limine's tools: machine-id/pkgbase
	{glob: "boot/ostree/*/vmlinuz*", mend: byOSTree},
	{glob: "ESP/flatcar/vmlinuz*", mend: byFlatcar, other: true},
	{glob: "ESP/coreos/vmlinuz*", mend: byFlatcar, other: true},
}

// initrdPlaces are those of initrds.
var initrdPlaces = []place{
	{glob: "usr/lib/modules/*/initrd"}, {glob: "usr/lib/modules/*/initramfs.img"}, {glob: "lib/modules/*/initrd"}, {glob: "lib/modules/*/initramfs.img"},
	{glob: "run/current-system/initrd", mend: byNix}, {glob: "run/booted-system/initrd", mend: byNix},
	{glob: "nix/var/nix/profiles/system-*-link/initrd", mend: byNix}, {glob: "nix/var/nix/profiles/system/initrd", mend: byNix},
	{glob: "ostree/deploy/*/deploy/*/usr/lib/modules/*/initramfs.img", mend: byOSTree},
	{glob: "boot/ostree/*/initramfs*", mend: byOSTree},
	{glob: "boot/initrd*"}, {glob: "boot/initramfs*"}, {glob: "boot/booster-*"},
	{glob: "ESP/initramfs*"}, {glob: "ESP/initrd*"}, {glob: "ESP/booster-*"},
	{glob: "ESP/EFI/nixos/*-initrd*.efi", mend: byNix},
	{glob: "boot/kernels/*-initrd", mend: byNix},
	{glob: "ESP/EFI/proxmox/*/initrd*", mend: byProxmox},
	{glob: "ESP/EFI/*/initrd*", mend: byKernelstub},
	{glob: "ESP/[0-9a-f]*/linux*/initramfs*"}, // Limine's tools, beside the kernel of that package
	{glob: "ESP/*/*/initrd*", mend: byKernelInstall},
	{glob: "ESP/*/*/initramfs*", mend: byKernelInstall},
}

// putAside are ends of names under which what was replaced is kept, which no
// boot loader is told of; and files beside a kernel that are none.
var putAside = []string{".old", ".bak", "~", ".dpkg-old", ".dpkg-new", ".dpkg-tmp", ".dpkg-bak", ".rpmsave", ".rpmnew", ".rpmorig", ".hmac", ".sig", ".p7s", ".sha512hmac"}

func isAside(name string) bool {
	return slices.ContainsFunc(putAside, func(end string) bool { return strings.HasSuffix(name, end) })
}

// isRescue: what installers keep for a machine that no longer boots
// (51-dracut-rescue.install). It is of some release that was installed once.
func isRescue(name string) bool { return strings.Contains(name, "-0-rescue") }

// isInitrdName: NixOS calls its initrds in the ESP .efi too.
func isInitrdName(name string) bool {
	return strings.Contains(name, "initrd") || strings.Contains(name, "initramfs")
}

var imageHeads = []string{"vmlinuz", "vmlinux", "bzImage", "zImage", "Image", "kernel", "linux"}

var initrdHeads = []string{"initrd.img", "initramfs", "initrd", "booster"}

var packedEnds = []string{".img", ".gz", ".xz", ".zst", ".lz4", ".lzma", ".efi", ".signed", ".efi"}

// label is what the name of an image or initrd says beside what it is: a
// release, a flavour, "" for nothing.
func label(name string, heads []string) string {
	for _, end := range packedEnds {
		name = strings.TrimSuffix(name, end)
	}
	for _, head := range heads {
		if rest, ok := strings.CutPrefix(name, head); ok {
			rest = strings.TrimSuffix(strings.TrimSuffix(rest, "-fallback"), "-arch")
			return strings.TrimPrefix(strings.TrimPrefix(rest, "-"), ".img-")
		}
	}
	return name
}

// namedRelease is the release that the path of an image or initrd names, ""
// for a label: its file, or the folder that kernel-install and packages name so.
func namedRelease(p string, heads []string) string {
	if r := label(path.Base(p), heads); isRelease(r) {
		return r
	}
	if r := path.Base(path.Dir(p)); isRelease(r) {
		return r
	}
	return ""
}

// isRelease reports whether a word is made like uname -r: three numbers first.
func isRelease(word string) bool {
	parts := strings.SplitN(word, ".", 3)
	if len(parts) < 3 {
		return false
	}
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(parts[0]) && digits(parts[1]) && parts[2] != "" && parts[2][0] >= '0' && parts[2][0] <= '9'
}
