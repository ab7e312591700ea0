// Package host looks at a machine: which kernel runs, which are installed,
// what their initrds hold, and what each kernel makes of the modules it may
// meet. It reads and never writes, and needs no root.
package host

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// System is a machine, or a root folder that looks like one.
type System struct {
	Root string // "/" for this machine
	// Booted is uname -r of the kernel that runs, "" where none of this root does.
	Booted string
	// Banner is /proc/version, "" when it cannot be read.
	Banner string
}

// Kernel is one kernel as it is installed. Paths are as the system has them,
// Root included; "" and nil mean there is none.
type Kernel struct {
	Release string
	Image   string
	Modules string   // folder lib/modules/RELEASE
	Configs []string // all there are: which one counts is release's to settle
	Symvers []string // Module.symvers or what stands for it, all there are
	Initrds []string
}

// This is the machine the program runs on.
func This() (*System, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return nil, where.New(where.IO, "uname: %w", err)
	}
	release, _, _ := bytes.Cut(u.Release[:], []byte{0})
	banner, err := os.ReadFile("/proc/version")
	if err != nil {
		banner = nil
	}
	return &System{Root: "/", Booted: string(release), Banner: strings.TrimSpace(string(banner))}, nil
}

// imageNames are the places of an image, RELEASE for uname -r: Debian and
// most others, then Fedora and SUSE, then systemd's boot loader.
var imageNames = []string{
	"boot/vmlinuz-RELEASE", "boot/vmlinux-RELEASE", "boot/Image-RELEASE", "boot/zImage-RELEASE", "boot/kernel-RELEASE",
	"usr/lib/modules/RELEASE/vmlinuz", "lib/modules/RELEASE/vmlinuz", "usr/lib/modules/RELEASE/Image", "lib/modules/RELEASE/Image",
	"boot/*/RELEASE/linux", "efi/*/RELEASE/linux", "boot/efi/*/RELEASE/linux",
}

var initrdNames = []string{
	"boot/initrd.img-RELEASE", "boot/initramfs-RELEASE.img", "boot/initrd-RELEASE", "boot/initramfs-RELEASE", "usr/lib/modules/RELEASE/initrd", "lib/modules/RELEASE/initrd",
	"boot/*/RELEASE/initrd*", "efi/*/RELEASE/initrd*", "boot/efi/*/RELEASE/initrd*",
}

var configNames = []string{"boot/config-RELEASE", "usr/lib/modules/RELEASE/config", "lib/modules/RELEASE/config"}

var symversNames = []string{"lib/modules/RELEASE/symvers.xz", "lib/modules/RELEASE/symvers.gz", "lib/modules/RELEASE/symvers.zst", "usr/src/linux-headers-RELEASE/Module.symvers",
	"usr/src/kernels/RELEASE/Module.symvers", "boot/symvers-RELEASE.gz", "boot/symvers-RELEASE.xz"}

// UKIs are the unified kernel images: image and initrd in one EFI program
// each. Their release is in their content.
func (s *System) UKIs() []string {
	var all []string
	for _, dir := range []string{"boot/efi/EFI/Linux", "efi/EFI/Linux", "boot/EFI/Linux"} {
		all = append(all, s.glob(dir+"/*.efi")...)
	}
	return s.distinct(all)
}

// Kernels are the installed kernels, by release: whatever has a folder of
// modules or an image.
func (s *System) Kernels() ([]Kernel, error) {
	releases := map[string]bool{}
	for _, dir := range []string{"usr/lib/modules", "lib/modules"} {
		list, err := fs.ReadDir(tree(s.Root), dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, where.In(filepath.Join(s.Root, dir), where.New(where.IO, "%w", err))
		}
		if len(list) > limits.MaxEntries {
			return nil, where.In(dir, where.New(where.Limit, "%d entries", len(list)))
		}
		for _, e := range list {
			// Stat, for one that is a link.
			if info, err := fs.Stat(tree(s.Root), dir+"/"+e.Name()); err == nil && info.IsDir() {
				releases[e.Name()] = true
			}
		}
	}
	for _, f := range s.glob("boot/vmlinuz-*") {
		if name := strings.TrimPrefix(filepath.Base(f), "vmlinuz-"); !strings.HasSuffix(name, ".old") {
			releases[name] = true
		}
	}
	var kernels []Kernel
	for _, r := range slices.Sorted(maps.Keys(releases)) {
		k := Kernel{Release: r, Image: s.first(r, imageNames), Configs: s.all(r, configNames), Symvers: s.all(r, symversNames), Initrds: s.all(r, initrdNames),
			Modules: s.first(r, []string{"usr/lib/modules/RELEASE", "lib/modules/RELEASE"})}
		if k.Image != "" || s.hasModules(k.Modules) {
			kernels = append(kernels, k)
		}
	}
	return kernels, nil
}

// hasModules: a kernel that was removed may leave a folder with what depmod
// or DKMS wrote.
func (s *System) hasModules(dir string) bool {
	if dir == "" {
		return false
	}
	_, err := s.stat(filepath.Join(dir, "kernel"))
	return err == nil
}

func (s *System) first(release string, names []string) string {
	if all := s.all(release, names); len(all) > 0 {
		return all[0]
	}
	return ""
}

func (s *System) all(release string, names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, s.glob(strings.ReplaceAll(n, "RELEASE", escape(release)))...)
	}
	return s.distinct(out)
}

// escape keeps a name from being a pattern.
func escape(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

func (s *System) glob(pattern string) []string {
	list, _ := fs.Glob(tree(s.Root), pattern) // the patterns are this package's own
	for i := range list {
		list[i] = filepath.Join(s.Root, list[i])
	}
	return list
}

// below is the name below Root of a path that includes it.
func (s *System) below(path string) string {
	name, err := filepath.Rel(s.Root, path)
	if err != nil { // only of paths that were not joined to Root
		return path
	}
	return name
}

func (s *System) resolve(path string) (string, error) { return tree(s.Root).resolve(s.below(path)) }

func (s *System) open(path string) (*os.File, error) { return tree(s.Root).open(s.below(path)) }

func (s *System) stat(path string) (fs.FileInfo, error) { return tree(s.Root).Stat(s.below(path)) }

// distinct drops further names of one file: /lib is a link to /usr/lib.
func (s *System) distinct(paths []string) []string {
	var out []string
	var infos []os.FileInfo
	for _, p := range paths {
		info, err := s.stat(p)
		if err != nil || slices.ContainsFunc(infos, func(o os.FileInfo) bool { return os.SameFile(o, info) }) {
			continue
		}
		out, infos = append(out, p), append(infos, info)
	}
	return out
}
