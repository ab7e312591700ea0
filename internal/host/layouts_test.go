package host

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release/releasetest"
)

// layout is how a distribution puts a kernel on a machine. In its values and
// keys RELEASE is uname -r; every file is below the root.
type layout struct {
	name, release, os string
	// modules is the folder of folders of modules, "" for usr/lib/modules.
	modules string
	images  []string // all places of the image
	initrds []string
	uki     string // image and initrd in one
	links   map[string]string
	texts   map[string]string
	// stale is the image of which an older copy is left behind, and oldInitrd the
	// initrd; mendImage, mendInitrd and mendAdded what is to be run.
	stale, oldInitrd                 string
	mendImage, mendInitrd, mendAdded string
	// gone: the stale image is of an older release, whose modules are gone, for
	// where packages replace a release in place of adding one.
	gone string
}

const osDebian, osFedora, osArch = "ID=debian\n", "ID=fedora\n", "ID=arch\n"

const mid = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

// layouts are from the distributions' installers and documentation.
var layouts = []layout{
	{name: "Debian", release: "6.12.38+deb13-amd64", os: osDebian,
		images: []string{"boot/vmlinuz-RELEASE"}, initrds: []string{"boot/initrd.img-RELEASE"},
		links: map[string]string{"vmlinuz": "boot/vmlinuz-RELEASE", "initrd.img": "boot/initrd.img-RELEASE"},
		stale: "boot/vmlinuz-RELEASE", gone: "6.12.37+deb13-amd64", oldInitrd: "boot/initrd.img-RELEASE",
		mendImage: "apt install --reinstall linux-image-RELEASE", mendInitrd: "update-initramfs -u -k RELEASE", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Debian, systemd-boot", release: "6.12.38+deb13-amd64", os: osDebian,
		images: []string{"boot/vmlinuz-RELEASE", "boot/efi/" + mid + "/RELEASE/linux"}, initrds: []string{"boot/initrd.img-RELEASE", "boot/efi/" + mid + "/RELEASE/initrd.img-RELEASE"},
		texts: map[string]string{"boot/efi/loader/entries/" + mid + "-RELEASE.conf": "title Debian\nlinux /" + mid + "/RELEASE/linux\ninitrd /" + mid + "/RELEASE/initrd.img-RELEASE\n"},
		stale: "boot/efi/" + mid + "/RELEASE/linux", oldInitrd: "boot/efi/" + mid + "/RELEASE/initrd.img-RELEASE",
		mendImage: "kernel-install add RELEASE /boot/vmlinuz-RELEASE", mendInitrd: "kernel-install add RELEASE /usr/lib/modules/RELEASE/vmlinuz", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Ubuntu", release: "6.8.0-45-generic", os: "ID=ubuntu\nID_LIKE=debian\n", modules: "lib/modules",
		images: []string{"boot/vmlinuz-RELEASE"}, initrds: []string{"boot/initrd.img-RELEASE"}, links: map[string]string{"boot/vmlinuz": "vmlinuz-RELEASE", "boot/initrd.img": "initrd.img-RELEASE"},
		stale: "boot/vmlinuz-RELEASE", gone: "6.8.0-44-generic", oldInitrd: "boot/initrd.img-RELEASE",
		mendImage: "apt install --reinstall linux-image-RELEASE", mendInitrd: "update-initramfs -u -k RELEASE", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Fedora", release: "6.16.8-200.fc42.x86_64", os: osFedora,
		images: []string{"usr/lib/modules/RELEASE/vmlinuz", "boot/vmlinuz-RELEASE"}, initrds: []string{"boot/initramfs-RELEASE.img"},
		texts: map[string]string{"boot/loader/entries/" + mid + "-RELEASE.conf": "title Fedora\nlinux /vmlinuz-RELEASE\ninitrd /initramfs-RELEASE.img $tuned_initrd\n",
			"boot/loader/entries/" + mid + "-0-rescue.conf": "linux /vmlinuz-0-rescue-" + mid + "\ninitrd /initramfs-0-rescue-" + mid + ".img\n",
			"boot/initramfs-0-rescue-" + mid + ".img":       "of no interest", "boot/vmlinuz-0-rescue-" + mid: "of no interest"},
		stale: "boot/vmlinuz-RELEASE", oldInitrd: "boot/initramfs-RELEASE.img",
		mendImage: "dnf reinstall kernel-core-RELEASE kernel-modules-core-RELEASE kernel-modules-RELEASE", mendInitrd: "dracut --force --kver RELEASE", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Fedora, unified", release: "6.16.8-200.fc42.x86_64", os: osFedora,
		images: []string{"usr/lib/modules/RELEASE/vmlinuz"}, uki: "boot/efi/EFI/Linux/" + mid + "-RELEASE.efi", stale: "boot/efi/EFI/Linux/" + mid + "-RELEASE.efi",
		mendImage: "kernel-install add RELEASE /usr/lib/modules/RELEASE/vmlinuz", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "openSUSE", release: "6.4.0-150600.23.7-default", os: "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n",
		images: []string{"usr/lib/modules/RELEASE/vmlinuz", "boot/efi/opensuse-leap/RELEASE/linux"}, initrds: []string{"boot/initrd-RELEASE"},
		links: map[string]string{"boot/vmlinuz-RELEASE": "../usr/lib/modules/RELEASE/vmlinuz", "boot/vmlinuz": "vmlinuz-RELEASE", "boot/initrd": "initrd-RELEASE"},
		stale: "boot/efi/opensuse-leap/RELEASE/linux", oldInitrd: "boot/initrd-RELEASE",
		mendImage: "kernel-install add RELEASE /usr/lib/modules/RELEASE/vmlinuz", mendInitrd: "dracut --force --kver RELEASE", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Arch", release: "6.16.8-arch3-1", os: osArch,
		images: []string{"usr/lib/modules/RELEASE/vmlinuz", "boot/vmlinuz-linux"}, initrds: []string{"boot/initramfs-linux.img", "boot/initramfs-linux-fallback.img"},
		texts: map[string]string{"usr/lib/modules/RELEASE/pkgbase": "linux\n", "boot/loader/entries/arch.conf": "title Arch\nlinux /vmlinuz-linux\ninitrd /initramfs-linux.img\n"},
		stale: "boot/vmlinuz-linux", gone: "6.16.7-arch1-1", oldInitrd: "boot/initramfs-linux.img",
		mendImage: "pacman -S linux", mendInitrd: "mkinitcpio -P", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Arch, booster", release: "6.16.8-arch3-1", os: osArch,
		images: []string{"usr/lib/modules/RELEASE/vmlinuz", "efi/vmlinuz-linux"}, initrds: []string{"efi/booster-linux.img"}, texts: map[string]string{"usr/lib/modules/RELEASE/pkgbase": "linux\n"},
		stale: "efi/vmlinuz-linux", gone: "6.16.7-arch1-1", oldInitrd: "efi/booster-linux.img",
		mendImage: "pacman -S linux", mendInitrd: "/usr/lib/booster/regenerate_images", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Manjaro", release: "6.12.48-1-MANJARO", os: "ID=manjaro\nID_LIKE=arch\n",
		images: []string{"usr/lib/modules/RELEASE/vmlinuz", "boot/vmlinuz-6.12-x86_64"}, initrds: []string{"boot/initramfs-6.12-x86_64.img"},
		texts: map[string]string{"usr/lib/modules/RELEASE/pkgbase": "linux612\n"},
		stale: "boot/vmlinuz-6.12-x86_64", gone: "6.12.47-1-MANJARO", oldInitrd: "boot/initramfs-6.12-x86_64.img",
		mendImage: "pacman -S linux612", mendInitrd: "mkinitcpio -P", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Alpine", release: "6.12.50-0-lts", os: "ID=alpine\n", modules: "lib/modules",
		images: []string{"boot/vmlinuz-lts"}, initrds: []string{"boot/initramfs-lts"},
		texts: map[string]string{"boot/extlinux.conf": "DEFAULT lts\nLABEL lts\n  LINUX vmlinuz-lts\n  INITRD initramfs-lts\n  APPEND root=UUID=1\n"},
		stale: "boot/vmlinuz-lts", gone: "6.12.49-0-lts", oldInitrd: "boot/initramfs-lts", mendImage: "apk fix linux-lts", mendInitrd: "mkinitfs RELEASE", mendAdded: "apk fix the module's package"},
	{name: "Void", release: "6.12.50_1", os: "ID=\"void\"\n",
		images: []string{"boot/vmlinuz-RELEASE"}, initrds: []string{"boot/initramfs-RELEASE.img"},
		stale: "boot/vmlinuz-RELEASE", gone: "6.12.49_1", oldInitrd: "boot/initramfs-RELEASE.img",
		mendImage: "xbps-install -f linux6.12", mendInitrd: "xbps-reconfigure -f linux6.12", mendAdded: "xbps-reconfigure -f linux6.12"},
	{name: "Gentoo", release: "6.12.41-gentoo-dist", os: "ID=gentoo\n", modules: "lib/modules",
		images: []string{"lib/modules/RELEASE/vmlinuz", "boot/kernel-RELEASE"}, initrds: []string{"boot/initramfs-RELEASE.img"},
		stale: "boot/kernel-RELEASE", oldInitrd: "boot/initramfs-RELEASE.img",
		mendImage: "emerge --config sys-kernel/gentoo-kernel", mendInitrd: "dracut --force --kver RELEASE", mendAdded: "emerge @module-rebuild"},
	{name: "Slackware", release: "6.12.48", os: "ID=slackware\n", modules: "lib/modules",
		images: []string{"boot/vmlinuz-generic-RELEASE"}, initrds: []string{"boot/initrd.gz"},
		links: map[string]string{"boot/vmlinuz": "vmlinuz-generic-RELEASE", "boot/vmlinuz-generic": "vmlinuz-generic-RELEASE"},
		stale: "boot/vmlinuz-generic-RELEASE", gone: "6.12.47", oldInitrd: "boot/initrd.gz",
		mendImage: "slackpkg reinstall kernel", mendInitrd: "mkinitrd -c -k RELEASE", mendAdded: "build their SlackBuild again for RELEASE"},
	{name: "NixOS", release: "6.12.44", os: "ID=nixos\n", modules: "nix/store/a-kernel-modules/lib/modules",
		images: []string{"nix/store/a-linux/bzImage", "boot/EFI/nixos/a-linux-6.12.44-bzImage.efi"}, initrds: []string{"nix/store/a-initrd/initrd", "boot/EFI/nixos/a-initrd-linux-6.12.44-initrd.efi"},
		links: map[string]string{"nix/var/nix/profiles/system-7-link": "/nix/store/a-nixos-system", "run/current-system": "/nix/store/a-nixos-system",
			"nix/store/a-nixos-system/kernel": "/nix/store/a-linux/bzImage", "nix/store/a-nixos-system/initrd": "/nix/store/a-initrd/initrd", "nix/store/a-nixos-system/kernel-modules": "/nix/store/a-kernel-modules"},
		texts: map[string]string{"boot/loader/entries/nixos-generation-7.conf": "title NixOS\nlinux /EFI/nixos/a-linux-6.12.44-bzImage.efi\ninitrd /EFI/nixos/a-initrd-linux-6.12.44-initrd.efi\n"},
		stale: "boot/EFI/nixos/a-linux-6.12.44-bzImage.efi", oldInitrd: "boot/EFI/nixos/a-initrd-linux-6.12.44-initrd.efi",
		mendImage: "nixos-rebuild boot", mendInitrd: "nixos-rebuild boot", mendAdded: "nixos-rebuild boot"},
	{name: "ostree", release: "6.16.8-200.fc42.x86_64", os: osFedora,
		images: []string{"usr/lib/modules/RELEASE/vmlinuz", "boot/ostree/fedora-c0ffee/vmlinuz-RELEASE"}, initrds: []string{"usr/lib/modules/RELEASE/initramfs.img", "boot/ostree/fedora-c0ffee/initramfs-RELEASE.img"},
		links: map[string]string{"boot/boot": "."},
		texts: map[string]string{"boot/loader/entries/ostree-1.conf": "title Silverblue\nlinux /boot/ostree/fedora-c0ffee/vmlinuz-RELEASE\ninitrd /boot/ostree/fedora-c0ffee/initramfs-RELEASE.img\n"},
		stale: "boot/ostree/fedora-c0ffee/vmlinuz-RELEASE", oldInitrd: "boot/ostree/fedora-c0ffee/initramfs-RELEASE.img",
		mendImage: "ostree admin deploy with the ref that ostree admin status shows", mendInitrd: "ostree admin deploy with the ref that ostree admin status shows", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Pop!_OS", release: "6.12.10-76061203-generic", os: "ID=pop\nID_LIKE=\"ubuntu debian\"\n",
		images:  []string{"boot/vmlinuz-RELEASE", "boot/efi/EFI/Pop_OS-1234/vmlinuz.efi"},
		initrds: []string{"boot/initrd.img-RELEASE", "boot/efi/EFI/Pop_OS-1234/initrd.img"},
		texts:   map[string]string{"boot/efi/loader/entries/Pop_OS-current.conf": "title Pop!_OS\nlinux /EFI/Pop_OS-1234/vmlinuz.efi\ninitrd /EFI/Pop_OS-1234/initrd.img\n"},
		stale:   "boot/efi/EFI/Pop_OS-1234/vmlinuz.efi", gone: "6.12.9-76061203-generic", oldInitrd: "boot/efi/EFI/Pop_OS-1234/initrd.img",
		mendImage: "update-initramfs -u -k RELEASE && kernelstub", mendInitrd: "update-initramfs -u -k RELEASE && kernelstub", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Proxmox", release: "6.8.12-4-pve", os: "ID=debian\n",
		images:  []string{"boot/vmlinuz-RELEASE", "boot/efi/EFI/proxmox/RELEASE/vmlinuz-RELEASE"},
		initrds: []string{"boot/initrd.img-RELEASE", "boot/efi/EFI/proxmox/RELEASE/initrd.img-RELEASE"},
		stale:   "boot/efi/EFI/proxmox/RELEASE/vmlinuz-RELEASE", oldInitrd: "boot/efi/EFI/proxmox/RELEASE/initrd.img-RELEASE",
		mendImage: "proxmox-boot-tool refresh", mendInitrd: "proxmox-boot-tool refresh", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Artix with Limine", release: "6.16.8-artix1-1", os: "ID=artix\n",
		images:  []string{"usr/lib/modules/RELEASE/vmlinuz", "boot/0f1e2d3c4b5a69788796a5b4c3d2e1f0/linux/vmlinuz-linux"},
		initrds: []string{"boot/0f1e2d3c4b5a69788796a5b4c3d2e1f0/linux/initramfs-linux"},
		stale:   "boot/0f1e2d3c4b5a69788796a5b4c3d2e1f0/linux/vmlinuz-linux", gone: "6.15.9-artix1-1", oldInitrd: "boot/0f1e2d3c4b5a69788796a5b4c3d2e1f0/linux/initramfs-linux",
		mendImage: "cp /usr/lib/modules/RELEASE/vmlinuz /boot/0f1e2d3c4b5a69788796a5b4c3d2e1f0/linux/vmlinuz-linux", mendInitrd: "mkinitcpio -P", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Raspberry Pi OS", release: "6.12.47+rpt-rpi-v8", os: "ID=raspbian\nID_LIKE=debian\n",
		images:  []string{"boot/vmlinuz-RELEASE", "boot/firmware/kernel8.img"},
		initrds: []string{"boot/initrd.img-RELEASE", "boot/firmware/initramfs8"},
		texts:   map[string]string{"boot/firmware/config.txt": "auto_initramfs=1\n[pi4]\nkernel=kernel8.img\n"},
		stale:   "boot/firmware/kernel8.img", gone: "6.12.34+rpt-rpi-v8", oldInitrd: "boot/firmware/initramfs8",
		mendImage: "apt install --reinstall linux-image-RELEASE", mendInitrd: "update-initramfs -u -k RELEASE", mendAdded: "dkms autoinstall -k RELEASE"},
	{name: "Flatcar", release: "6.12.51-flatcar", os: "ID=flatcar\nID_LIKE=coreos\n",
		images: []string{"usr/lib/modules/RELEASE/vmlinuz", "boot/flatcar/vmlinuz-a"},
		stale:  "boot/flatcar/vmlinuz-a", mendImage: "update_engine_client -update", mendAdded: "rebuild them in the SDK image of RELEASE"},
}

// build makes the root of a layout; the kernel's modules go with its image.
func (l *layout) build(t *testing.T) *System {
	t.Helper()
	k := releasetest.Kernel{Release: l.release, Key: "k", Image: btftest.Grown, Build: btftest.Grown, Strict: true}
	root := t.TempDir()
	files := map[string][]byte{"etc/os-release": []byte(l.os), "boot/amd-ucode.img": newc(map[string][]byte{"kernel/x86/microcode/AuthenticAMD.bin": nil})}
	for p, data := range k.Files() {
		if rest, ok := strings.CutPrefix(p, "usr/lib/modules/"); ok {
			if l.modules != "" {
				p = l.modules + "/" + rest
			}
			files[p] = data
		}
	}
	for _, p := range l.images {
		files[l.at(p)] = k.Vmlinux()
	}
	for _, p := range l.initrds {
		files[l.at(p)] = initrd(k)
	}
	if l.uki != "" {
		files[l.at(l.uki)] = uki(k.Vmlinux(), initrd(k))
	}
	for p, text := range l.texts {
		files[l.at(p)] = []byte(l.at(text))
	}
	check(t, releasetest.WriteTree(root, files))
	for _, p := range slices.Sorted(maps.Keys(l.links)) {
		link := filepath.Join(root, l.at(p))
		check(t, os.MkdirAll(filepath.Dir(link), 0o755))
		check(t, os.Symlink(l.at(l.links[p]), link))
	}
	return &System{Root: root}
}

// at names the layout's release.
func (l *layout) at(s string) string { return strings.ReplaceAll(s, "RELEASE", l.release) }

// put replaces a file of the root.
func (s *System) put(t *testing.T, p string, data []byte) {
	t.Helper()
	check(t, releasetest.WriteTree(s.Root, map[string][]byte{p: data}))
}

// named are the files and meetings that a report calls wrong, each "what path:
// command".
func (s *System) named(rep *model.HostReport) []string {
	var out []string
	for _, f := range rep.WrongFiles {
		out = append(out, f.What+" "+s.below(f.Path)+" is "+f.Is+": "+f.Mend)
	}
	for _, k := range rep.Kernels {
		for _, m := range k.Meets {
			if len(m.Wrong) > 0 && !slices.ContainsFunc(rep.WrongFiles, func(f model.HostFile) bool { return f.Path == m.Path }) {
				out = append(out, m.What+" "+s.below(m.Path)+": "+m.Mend)
			}
		}
	}
	return append(out, rep.Unread...)
}

func TestLayouts(t *testing.T) {
	for i := range layouts {
		l := &layouts[i]
		t.Run(l.name, func(t *testing.T) {
			s := l.build(t)
			expect := func(what string, code int, want ...string) {
				t.Helper()
				rep := verify(t, s, Options{})
				if got := s.named(rep); rep.ExitCode != code || !slices.Equal(got, want) {
					t.Errorf("%s: exit %d\n%s\nwant exit %d\n%s", what, rep.ExitCode, strings.Join(got, "\n"), code, strings.Join(want, "\n"))
				}
			}
			expect("coherent", 0)
			rep := verify(t, s, Options{})
			if len(rep.Kernels) != 1 || rep.Kernels[0].Release != l.release || rep.Kernels[0].Image == "" || rep.Kernels[0].Meets[0].Modules != 3 {
				t.Errorf("coherent: %s", said(rep))
			}
			seen := 0
			for _, m := range rep.Kernels[0].Meets {
				if m.What == "initrd" {
					seen++
				}
			}
			if want := len(l.initrds) + min(len(l.uki), 1); seen != want {
				t.Errorf("coherent: %d of %d initrds judged: %s", seen, want, said(rep))
			}

			old := releasetest.Kernel{Release: l.release, Key: "k", Strict: true}
			was := l.release
			if l.gone != "" {
				old.Release, was = l.gone, l.gone
			}
			image := old.Vmlinux()
			if l.stale == l.uki {
				image = uki(old.Vmlinux(), initrd(old))
			}
			right, err := os.ReadFile(filepath.Join(s.Root, l.at(l.stale)))
			check(t, err)
			s.put(t, l.at(l.stale), image)
			expect("a stale image", 3, "kernel "+l.at(l.stale)+" is "+was+": "+l.at(l.mendImage))
			s.put(t, l.at(l.stale), right)

			if l.oldInitrd != "" {
				right, err := os.ReadFile(filepath.Join(s.Root, l.at(l.oldInitrd)))
				check(t, err)
				s.put(t, l.at(l.oldInitrd), initrd(releasetest.Kernel{Release: l.release, Key: "k", Strict: true}))
				expect("a stale initrd", 3, "initrd "+l.at(l.oldInitrd)+": "+l.at(l.mendInitrd))
				s.put(t, l.at(l.oldInitrd), initrd(releasetest.Kernel{Release: "6.1.0-other", Key: "k"}))
				expect("an initrd of another release", 3, "initrd "+l.at(l.oldInitrd)+" is 6.1.0-other: "+l.at(l.mendInitrd))
				s.put(t, l.at(l.oldInitrd), right)
			}

			modules := l.modules
			if modules == "" {
				modules = "usr/lib/modules"
			}
			foreign := releasetest.Kernel{Release: l.release, Key: "k", Strict: true}.Module("foreign")
			s.put(t, modules+"/"+l.release+"/extra/foreign.ko", foreign)
			rep = verify(t, s, Options{})
			if got := s.named(rep); rep.ExitCode != 3 || len(got) != 1 || !strings.HasPrefix(got[0], "added modules ") || !strings.HasSuffix(got[0], ": "+l.at(l.mendAdded)) {
				t.Errorf("a foreign module: exit %d %q", rep.ExitCode, got)
			} else if w := rep.Kernels[0].Meets[slices.IndexFunc(rep.Kernels[0].Meets, func(m model.HostMeeting) bool { return m.What == "added modules" })].Wrong; len(w) != 1 || w[0].Path != "extra/foreign.ko" {
				t.Errorf("a foreign module: %+v", w)
			}
		})
	}
}

// What stands beside the kernel that is installed and is none of its copies is
// no fault: the previous one, a rescue or recovery system, another generation,
// the other half of an A/B system; several flavours.
func TestBeside(t *testing.T) {
	find := func(name string) *layout {
		return &layouts[slices.IndexFunc(layouts, func(l layout) bool { return l.name == name })]
	}
	other := releasetest.Kernel{Release: "6.1.0-other", Key: "k"}
	silent := func(s *System, what string) {
		t.Helper()
		if rep := verify(t, s, Options{}); rep.ExitCode != 0 || len(s.named(rep)) != 0 {
			t.Errorf("%s: exit %d %q", what, rep.ExitCode, s.named(rep))
		}
	}
	s := find("Fedora").build(t)
	s.put(t, "boot/vmlinuz-0-rescue-"+mid, other.Vmlinux())
	s.put(t, "boot/initramfs-0-rescue-"+mid+".img", initrd(other))
	silent(s, "a rescue image")

	s = find("Pop!_OS").build(t)
	for _, p := range []string{"EFI/Pop_OS-1234/vmlinuz-previous.efi", "EFI/Recovery-99/vmlinuz.efi"} {
		s.put(t, "boot/efi/"+p, other.Vmlinux())
	}
	s.put(t, "boot/efi/EFI/Pop_OS-1234/initrd.img-previous", initrd(other))
	s.put(t, "boot/efi/EFI/Recovery-99/initrd.gz", initrd(other))
	silent(s, "the previous kernel and the recovery system")

	// Overwriting ZFSBootMenu's kernel with the machine's would leave it without its
	// boot menu.
	s = find("Void").build(t)
	for _, p := range []string{"zbm/vmlinuz.efi", "zbm/vmlinuz-backup.efi", "ZBM/VMLINUZ.EFI", "void/vmlinuz-bootmenu"} {
		s.put(t, "boot/efi/EFI/"+p, other.Vmlinux())
	}
	s.put(t, "boot/efi/EFI/zbm/initramfs-bootmenu.img", initrd(other))
	silent(s, "ZFSBootMenu")

	s = find("Flatcar").build(t)
	s.put(t, "boot/flatcar/vmlinuz-b", other.Vmlinux())
	silent(s, "the other half")

	// Two generations of one release and two builds, each with its kernel.
	l := find("NixOS")
	s = l.build(t)
	before := releasetest.Kernel{Release: l.release, Key: "k"}
	for p, data := range before.Files() {
		if rest, ok := strings.CutPrefix(p, "usr/lib/modules/"); ok {
			s.put(t, "nix/store/b-kernel-modules/lib/modules/"+rest, data)
		}
	}
	s.put(t, "nix/store/b-linux/bzImage", before.Vmlinux())
	s.put(t, "nix/store/b-initrd/initrd", initrd(before))
	s.put(t, "boot/EFI/nixos/b-linux-6.12.44-bzImage.efi", before.Vmlinux())
	s.put(t, "boot/EFI/nixos/b-initrd-linux-6.12.44-initrd.efi", initrd(before))
	s.put(t, "boot/loader/entries/nixos-generation-6.conf", []byte("linux /EFI/nixos/b-linux-6.12.44-bzImage.efi\ninitrd /EFI/nixos/b-initrd-linux-6.12.44-initrd.efi\n"))
	for from, to := range map[string]string{"nix/var/nix/profiles/system-6-link": "/nix/store/b-nixos-system", "nix/store/b-nixos-system/kernel": "/nix/store/b-linux/bzImage",
		"nix/store/b-nixos-system/initrd": "/nix/store/b-initrd/initrd", "nix/store/b-nixos-system/kernel-modules": "/nix/store/b-kernel-modules"} {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(s.Root, from)), 0o755))
		check(t, os.Symlink(to, filepath.Join(s.Root, from)))
	}
	silent(s, "two generations")

	s = find("Arch").build(t)
	lts := releasetest.Kernel{Release: "6.12.50-1-lts", Key: "k"}
	for p, data := range lts.Files() {
		if strings.HasPrefix(p, "usr/lib/modules/") {
			s.put(t, p, data)
		}
	}
	s.put(t, "usr/lib/modules/6.12.50-1-lts/pkgbase", []byte("linux-lts\n"))
	s.put(t, "usr/lib/modules/6.12.50-1-lts/vmlinuz", lts.Vmlinux())
	s.put(t, "boot/vmlinuz-linux-lts", lts.Vmlinux())
	s.put(t, "boot/initramfs-linux-lts.img", initrd(lts))
	silent(s, "two flavours")
	s.put(t, "boot/vmlinuz-linux-lts", other.Vmlinux())
	rep := verify(t, s, Options{})
	if got, want := s.named(rep), []string{"kernel boot/vmlinuz-linux-lts is 6.1.0-other: pacman -S linux-lts"}; !slices.Equal(got, want) || rep.ExitCode != 3 {
		t.Errorf("a stale flavour: exit %d %q", rep.ExitCode, got)
	}

	// GRUB's own list names a kernel that is called like none, another system's,
	// and no kernel.
	s = find("Debian").build(t)
	s.put(t, "boot/mine", other.Vmlinux())
	s.put(t, "boot/grub/grub.cfg", []byte("menuentry 'x' {\n\tlinux\t($root)/mine root=/dev/sda1\n}\nlinux /@/boot/vmlinuz-5 quiet\nlinux16 /memtest86+.bin\nlinux $kernel\n"))
	rep = verify(t, s, Options{})
	if got := s.named(rep); len(got) != 1 || !strings.HasPrefix(got[0], "kernel boot/mine is 6.1.0-other: ") {
		t.Errorf("GRUB: %q", got)
	}
	// What an entry starts and is missing.
	s.put(t, "boot/loader/entries/x.conf", []byte("linux /gone\n"))
	if rep := verify(t, s, Options{}); len(rep.Unread) != 1 || !strings.Contains(rep.Unread[0], "boot/loader/entries/x.conf: starts /gone, which is not there") {
		t.Errorf("%q", rep.Unread)
	}
}

// Where the kernel drops BTF that it cannot use, a stale initrd or foreign module
// loads without it, which no reboot mends.
func TestDropped(t *testing.T) {
	s := machine(t, releasetest.Kernel{Release: name, Key: "k", Image: btftest.Grown, Build: btftest.Grown})
	old := releasetest.Kernel{Release: name, Key: "k"}
	s.put(t, "boot/initrd.img-"+name, initrd(old))
	rep := verify(t, s, Options{})
	if got := said(rep); rep.ExitCode != 3 || !strings.Contains(got, "initrd on installed: 3 alpha=dropped") {
		t.Errorf("exit %d %s", rep.ExitCode, got)
	}
	check(t, os.Remove(filepath.Join(s.Root, "boot/initrd.img-"+name)))
	s.put(t, "usr/lib/modules/"+name+"/updates/alpha.ko", old.Module("alpha"))
	rep = verify(t, s, Options{})
	if got := said(rep); rep.ExitCode != 3 || !strings.Contains(got, "added modules on installed: 1 alpha=dropped") {
		t.Errorf("exit %d %s", rep.ExitCode, got)
	}
}

// After an upgrade that replaced the release that runs, and before the reboot.
func TestLeftBehind(t *testing.T) {
	l := &layouts[slices.IndexFunc(layouts, func(l layout) bool { return l.name == "Arch" })]
	s := l.build(t)
	s.boots(t, releasetest.Kernel{Release: l.gone, Key: "k"})
	rep := verify(t, s, Options{})
	if got := said(rep); rep.ExitCode != 3 || !strings.Contains(got, l.gone+" installed modules on running: 0") || len(rep.WrongFiles)+len(rep.Unread) != 0 {
		t.Errorf("exit %d %s", rep.ExitCode, got)
	}
}
