package release

import "testing"

// Where distributions put the parts of a kernel (docs/kernel-rules.md, "Where packages keep things").
func TestClassify(t *testing.T) {
	for _, c := range []struct {
		path    string
		role    role
		release string
		rel     string
		origin  Origin
	}{
		// Debian, plain and usr-merged
		{"lib/modules/6.1.0-56-amd64/kernel/fs/overlayfs/overlay.ko", roleModule, "6.1.0-56-amd64", "kernel/fs/overlayfs/overlay.ko", Shipped},
		{"usr/lib/modules/6.12.1+deb13-amd64/kernel/lib/crc7.ko.xz", roleModule, "6.12.1+deb13-amd64", "kernel/lib/crc7.ko", Shipped},
		{"boot/vmlinuz-6.1.0-56-amd64", roleImage, "6.1.0-56-amd64", "", Shipped},
		{"boot/vmlinux-6.1.0-56-powerpc64le", roleImage, "6.1.0-56-powerpc64le", "", Shipped},
		{"boot/config-6.1.0-56-amd64", roleConfig, "6.1.0-56-amd64", "", Shipped},
		{"usr/lib/modules/7.3.4+deb13-amd64/vmlinuz", roleImage, "7.3.4+deb13-amd64", "", Shipped},
		{"usr/lib/modules/7.3.4+deb13-amd64/modules.builtin", roleBuiltin, "7.3.4+deb13-amd64", "", Shipped},
		{"usr/src/linux-headers-6.12.1-amd64/vmlinux", roleImage, "6.12.1-amd64", "", Headers},
		{"usr/src/linux-headers-6.12.1-amd64/Module.symvers", roleSymvers, "6.12.1-amd64", "", Headers},
		{"usr/src/linux-headers-6.12.1-amd64/.config", roleConfig, "6.12.1-amd64", "", Headers},
		{"usr/lib/debug/boot/vmlinux-6.1.0-56-amd64", roleImage, "6.1.0-56-amd64", "", Debug},
		{"usr/lib/debug/lib/modules/6.1.0-56-amd64/kernel/lib/crc7.ko", roleModule, "6.1.0-56-amd64", "kernel/lib/crc7.ko", Debug},
		// Fedora
		{"lib/modules/6.17.9-200.fc42.x86_64/vmlinuz", roleImage, "6.17.9-200.fc42.x86_64", "", Shipped},
		{"lib/modules/6.17.9-200.fc42.x86_64/symvers.xz", roleSymvers, "6.17.9-200.fc42.x86_64", "", Shipped},
		{"lib/modules/6.17.9-200.fc42.x86_64/config", roleConfig, "6.17.9-200.fc42.x86_64", "", Shipped},
		{"lib/modules/6.17.9-200.fc42.x86_64/vmlinuz-virt.efi", roleImage, "6.17.9-200.fc42.x86_64", "", Shipped},
		{"usr/src/kernels/6.17.9-200.fc42.x86_64/Module.symvers", roleSymvers, "6.17.9-200.fc42.x86_64", "", Headers},
		{"usr/lib/debug/lib/modules/6.17.9-200.fc42.x86_64/vmlinux", roleImage, "6.17.9-200.fc42.x86_64", "", Debug},
		{"usr/lib/debug/lib/modules/6.17.9-200.fc42.x86_64/kernel/lib/crc7.ko.debug", roleModule, "6.17.9-200.fc42.x86_64", "kernel/lib/crc7.ko", Debug},
		{"lib/modules/6.17.9-200.fc42.x86_64/extra/v4l2loopback.ko.xz", roleModule, "6.17.9-200.fc42.x86_64", "extra/v4l2loopback.ko", Added},
		{"lib/modules/6.17.9-200.fc42.x86_64/weak-updates/x/y.ko", roleModule, "6.17.9-200.fc42.x86_64", "weak-updates/x/y.ko", Added},
		{"boot/symvers-5.14.0-1.el9.x86_64.gz", roleSymvers, "5.14.0-1.el9.x86_64", "", Shipped},
		// SUSE
		{"usr/lib/modules/6.4.0-150-default/vmlinux.xz", roleImage, "6.4.0-150-default", "", Shipped},
		{"usr/lib/modules/6.4.0-150-default/symvers.gz", roleSymvers, "6.4.0-150-default", "", Shipped},
		{"usr/src/linux-6.4.0-150-obj/x86_64/default/Module.symvers", roleSymvers, "6.4.0-150-default", "", Headers},
		{"boot/image-6.4.0-150-default", roleImage, "6.4.0-150-default", "", Shipped},
		// Ubuntu
		{"usr/lib/linux/6.8.0-149-generic/config", roleConfig, "6.8.0-149-generic", "", Shipped},
		// Arch, Manjaro, Alpine, Slackware, Fedora's rescue image, Raspberry Pi,
		// NixOS: labels in place of releases
		{"boot/vmlinuz-linux", roleImage, "", "", Shipped},
		{"boot/vmlinuz-linux-lts", roleImage, "", "", Shipped},
		{"boot/vmlinuz-6.1-x86_64", roleImage, "", "", Shipped},
		{"boot/vmlinuz-lts", roleImage, "", "", Shipped},
		{"boot/config-lts", roleConfig, "", "", Shipped},
		{"boot/vmlinuz-huge", roleImage, "", "", Shipped},
		{"boot/vmlinuz-huge-6.1.90", roleImage, "", "", Shipped},
		{"boot/vmlinuz-0-rescue-0123456789abcdef0123456789abcdef", roleImage, "", "", Shipped},
		{"boot/kernel8.img", roleImage, "", "", Shipped},
		{"boot/firmware/kernel_2712.img", roleImage, "", "", Shipped},
		{"boot/Image", roleImage, "", "", Shipped},
		{"boot/Image.gz", roleImage, "", "", Shipped},
		{"boot/bzImage", roleImage, "", "", Shipped},
		{"boot/vmlinuz", roleImage, "", "", Shipped}, // udebs
		{"boot/kernels/0a1b-linux-6.1.90-bzImage", roleImage, "", "", Shipped},
		{"boot/kernel.conf", roleNone, "", "", Shipped},
		{"boot/vmlinuz-6.1.0-56-amd64.old", roleNone, "", "", Shipped},
		{"boot/vmlinuz-6.8.0-149-generic.efi.signed", roleImage, "6.8.0-149-generic", "", Shipped},
		{"usr/lib/modules/extramodules-6.1-MANJARO/nvidia.ko.gz", roleModule, "", "nvidia.ko", Shipped},
		// Proxmox
		{"lib/modules/7.0.14-14-pve/zfs/zfs.ko", roleModule, "7.0.14-14-pve", "zfs/zfs.ko", Shipped},
		// a build tree and single files say it themselves
		{"vmlinux", roleImage, "", "", Shipped},
		{"arch/x86/boot/bzImage", roleImage, "", "", Shipped},
		{"scripts/kernel-doc", roleNone, "", "", Shipped},
		{"kernel-6.1.0-56-amd64", roleImage, "", "", Shipped},
		{"Documentation/admin-guide/kernel-parameters.txt", roleNone, "", "", Shipped},
		{"tools/testing/selftests/bpf/config", roleNone, "", "", Shipped},
		{"tools/testing/ktest/config-bisect.pl", roleNone, "", "", Shipped},
		{"arch/x86/boot/compressed/vmlinux", roleNone, "", "", Shipped},
		{"build/arch/s390/boot/vmlinux", roleNone, "", "", Shipped},
		{"arch/loongarch/boot/vmlinux.efi", roleImage, "", "", Shipped},
		{"drivers/net/dummy.ko", roleModule, "", "drivers/net/dummy.ko", Shipped},
		{"Module.symvers", roleSymvers, "", "", Shipped},
		{".config", roleConfig, "", "", Shipped},
		// none of it
		{"usr/share/doc/linux-image/copyright", roleNone, "", "", Shipped},
		{"boot/System.map-6.1.0-56-amd64", roleNone, "", "", Shipped},
		{"lib/modules/6.1.0-56-amd64/modules.order", roleOrder, "6.1.0-56-amd64", "", Shipped},
		{"lib/modules/6.1.0-56-amd64", roleNone, "", "", Shipped},
		{"usr/src/linux-headers-6.1.0-56-common/Makefile", roleNone, "6.1.0-56-common", "", Headers},
		{"usr/bin/.ko", roleNone, "", "", Shipped},
	} {
		got := classify(c.path)
		if got.role != c.role || got.release != c.release || got.rel != c.rel || c.role != roleNone && got.origin != c.origin {
			t.Errorf("%s: %+v", c.path, got)
		}
	}
}

// A tree that is a part of a system is read as if it lay there.
func TestTreePrefix(t *testing.T) {
	for tree, want := range map[string]string{
		"/lib/modules/6.1.0-1-amd64":                           "lib/modules/6.1.0-1-amd64/",
		"/tmp/x/usr/lib/modules/6.1.0-1-amd64/":                "lib/modules/6.1.0-1-amd64/",
		"/lib/modules/6.1.0-1-amd64/build":                     "lib/modules/6.1.0-1-amd64/build/",
		"/lib/modules/6.1.0-1-amd64/kernel":                    "",
		"/lib/modules":                                         "",
		"/usr/src/linux-headers-6.1.0-1-amd64":                 "src/linux-headers-6.1.0-1-amd64/",
		"/usr/src/kernels/6.17.9-200.fc42.x86_64":              "src/kernels/6.17.9-200.fc42.x86_64/",
		"/home/me/src/linux-6.1":                               "",
		"/home/me/src/kernels":                                 "",
		"/home/me/src/lib/modules/6.1.0-1-amd64":               "lib/modules/6.1.0-1-amd64/",
		"/lib/modules/6.1.0-1-amd64/src/linux-headers-6.1.0-1": "src/linux-headers-6.1.0-1/",
	} {
		if got := treePrefix(tree); got != want {
			t.Errorf("%s: %q, want %q", tree, got, want)
		}
	}
}
