package release

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
)

// role is what a file of a package is to a release, judged by its path.
type role uint8

const (
	roleNone role = iota
	roleModule
	roleImage
	roleConfig
	roleSymvers
	roleBuiltin
	roleOrder // modules.order
	roleDep   // modules.dep
	roleManifest
)

// place is a classified path. Release is the name in the path, "" where the
// file itself must tell. Rel is a module's path below lib/modules/RELEASE/
// without compression suffix.
type place struct {
	role    role
	release string
	rel     string
	origin  Origin
	// certain: the path alone says what it is. Otherwise content decides.
	certain bool
	// rescue is an image that some installer put aside for a machine that no
	// longer boots (dracut's 51-dracut-rescue.install): a copy of an installed one.
	rescue bool
}

// Origin says which copy of an image or module a file is.
type Origin uint8

const (
	Shipped Origin = iota // what a machine boots or loads
	Headers               // in a headers or devel package, for building modules
	Debug                 // with debug information
	Added                 // below updates/, extra/ or weak-updates/: built elsewhere
)

var originNames = [...]string{"shipped", "headers", "debug", "added"}

func (o Origin) String() string { return originNames[o] }

var compressSuffixes = []string{".gz", ".xz", ".zst", ".bz2", ".lzma", ".lz4"}

func trimCompression(p string) string {
	for _, s := range compressSuffixes {
		if t, ok := strings.CutSuffix(p, s); ok {
			return t
		}
	}
	return p
}

// imageNames are the base names under which kernels are installed without a
// release in the name (lib/modules/RELEASE/ of Fedora, SUSE, Debian 7.x; build trees).
var imageNames = map[string]bool{
	"vmlinuz": true, "vmlinux": true, "Image": true, "zImage": true, "bzImage": true,
	"image": true, "uImage": true, "vmlinuz-virt.efi": true, "vmlinuz.efi": true, "vmlinux.efi": true,
}

// bootPrefixes are the beginnings of base names under /boot that end in the
// release, or in a label: a flavour (vmlinuz-lts, vmlinuz-linux, vmlinuz-huge),
// a series (vmlinuz-6.1-x86_64), "0-rescue-" and the number of a machine.
var bootPrefixes = []string{"vmlinuz-", "vmlinux-", "Image-", "image-", "zImage-", "bzImage-", "kernel-"}

// classify says what the file at a clean relative path is.
func classify(p string) place {
	origin := Shipped
	if rest, ok := strings.CutPrefix(p, "usr/lib/debug/"); ok {
		p, origin = rest, Debug
	}
	p = strings.TrimPrefix(p, "usr/")
	for _, f := range []func(string, Origin) (place, bool){inModules, inBoot, inHeaders} {
		if pl, ok := f(p, origin); ok {
			return pl
		}
	}
	return loose(p, origin)
}

// ModuleAt reports whether the file at a clean relative path of a package or tree
// is called like a module, and which copy of one it is.
func ModuleAt(p string) (Origin, bool) {
	pl := classify(p)
	return pl.origin, pl.role == roleModule
}

// inModules: lib/modules/RELEASE/...
func inModules(p string, origin Origin) (place, bool) {
	rest, ok := strings.CutPrefix(p, "lib/modules/")
	if !ok {
		return place{}, false
	}
	rel, file, ok := strings.Cut(rest, "/")
	if !ok {
		return place{}, true
	}
	pl := place{origin: origin, certain: true}
	if isRelease(rel) {
		pl.release = rel
	}
	sub, below := strings.CutPrefix(file, "build/")
	if below {
		file = sub
		if origin == Shipped {
			pl.origin = Headers
		}
	}
	switch base := trimCompression(file); {
	case imageNames[base] || strings.HasSuffix(base, ".efi") && !strings.Contains(base, "/"):
		pl.role = roleImage
	case base == "config" || below && base == ".config":
		pl.role = roleConfig
	case base == "symvers" || below && base == "Module.symvers":
		pl.role = roleSymvers
	case file == "modules.builtin":
		pl.role = roleBuiltin
	case file == "modules.order" && !below:
		pl.role = roleOrder
	case file == "modules.dep" && !below:
		pl.role = roleDep
	default:
		if stem, ok := model.ModuleStem(file); ok {
			pl.role, pl.rel = roleModule, stem+".ko"
			if top, _, _ := strings.Cut(stem, "/"); addedTree[top] && origin == Shipped {
				pl.origin = Added
			}
		}
	}
	return pl, true
}

// treePrefix is what the paths in a tree stand below, so that they are told as
// if the whole system had been given: "lib/modules/RELEASE/" for such a folder
// (extra/, updates/), the same for its build/, and the trees of headers below
// src/ ("src/linux-headers-RELEASE/", "src/kernels/RELEASE/"). Else "".
func treePrefix(tree string) string {
	abs, err := filepath.Abs(tree)
	if err != nil {
		return ""
	}
	abs = filepath.ToSlash(abs) + "/"
	for _, top := range []string{"/lib/modules/", "/src/"} {
		i := strings.LastIndex(abs, top)
		if i < 0 {
			continue
		}
		below := strings.Split(strings.TrimSuffix(abs[i+len(top):], "/"), "/")
		switch {
		case top == "/lib/modules/" && below[0] != "" && (len(below) == 1 || len(below) == 2 && below[1] == "build"),
			top == "/src/" && len(below) == 1 && strings.HasPrefix(below[0], "linux-headers-"),
			top == "/src/" && len(below) == 2 && below[0] == "kernels":
			return abs[i+1:]
		}
	}
	return ""
}

// addedTree are the folders of modules that did not come with the kernel
// (depmod.d(5), DKMS, kmod packages, weak-modules).
var addedTree = map[string]bool{"updates": true, "extra": true, "weak-updates": true, "misc": true, "external": true}

// isRelease reports whether a word is made like uname -r, which begins with three
// numbers (KERNELVERSION in the top Makefile). Other names of files are labels,
// and the file itself says of which release it is.
func isRelease(word string) bool {
	for n := range 3 {
		digits := len(word) - len(strings.TrimLeft(word, "0123456789"))
		if digits == 0 {
			return false
		}
		if word = word[digits:]; n < 2 {
			var dot bool
			if word, dot = strings.CutPrefix(word, "."); !dot {
				return false
			}
		}
	}
	return true
}

// releaseOf is the release that the rest of a file's name names, "" for a label.
func releaseOf(rest string) string {
	if !isRelease(rest) {
		return ""
	}
	for _, end := range []string{".efi.signed", ".signed", ".efi"} {
		rest = strings.TrimSuffix(rest, end)
	}
	return rest
}

// putAside are the ends of names under which installers keep what they replaced.
var putAside = []string{".old", ".bak", "~", ".dpkg-old", ".dpkg-new", ".dpkg-tmp", ".dpkg-bak", ".rpmsave", ".rpmnew", ".rpmorig"}

// inBoot: boot/NAME-RELEASE, boot/NAME-LABEL, boot/NAME. A name that is no
// release is a label.
func inBoot(p string, origin Origin) (place, bool) {
	name, ok := strings.CutPrefix(p, "boot/")
	if !ok {
		return place{}, false
	}
	name = strings.TrimPrefix(name, "firmware/") // Raspberry Pi
	if strings.Contains(name, "/") {
		return place{}, false
	}
	pl := place{origin: origin, certain: true}
	if slices.ContainsFunc(putAside, func(end string) bool { return strings.HasSuffix(name, end) }) {
		return pl, true
	}
	plain := trimCompression(name)
	if imageNames[plain] || isPiKernel(plain) {
		pl.role = roleImage
		return pl, true
	}
	for _, pre := range bootPrefixes {
		if r, ok := strings.CutPrefix(plain, pre); ok && r != "" {
			pl.role, pl.release = roleImage, releaseOf(r)
			pl.rescue = strings.HasPrefix(r, "0-rescue-")
			// What is called kernel-… is one by its content only.
			pl.certain = pl.release != "" || pre != "kernel-"
			return pl, true
		}
	}
	if r, ok := strings.CutPrefix(name, "config-"); ok {
		pl.role, pl.release = roleConfig, releaseOf(r)
	} else if r, ok := strings.CutPrefix(plain, "symvers-"); ok {
		pl.role, pl.release = roleSymvers, releaseOf(r)
	}
	return pl, true
}

// isPiKernel: kernel.img, kernel7.img, kernel7l.img, kernel8.img,
// kernel_2712.img of the Raspberry Pi.
func isPiKernel(name string) bool {
	word, ok := strings.CutPrefix(name, "kernel")
	if !ok {
		return false
	}
	word, ok = strings.CutSuffix(word, ".img")
	return ok && strings.Trim(word, "_0123456789l") == ""
}

// inHeaders: the trees for building modules of Debian and Ubuntu
// (src/linux-headers-RELEASE), Fedora (src/kernels/RELEASE) and SUSE
// (src/linux-VERSION-obj/ARCH/FLAVOUR), and Ubuntu's lib/linux/RELEASE.
func inHeaders(p string, origin Origin) (place, bool) {
	if rest, ok := strings.CutPrefix(p, "lib/linux/"); ok {
		rel, file, _ := strings.Cut(rest, "/")
		if file == "config" {
			return place{role: roleConfig, release: rel, origin: origin, certain: true}, true
		}
		return place{}, false
	}
	rest, ok := strings.CutPrefix(p, "src/")
	if !ok {
		return place{}, false
	}
	dir, file, ok := strings.Cut(rest, "/")
	if !ok {
		return place{}, true
	}
	rel := ""
	switch {
	case strings.HasPrefix(dir, "linux-headers-"):
		rel = strings.TrimPrefix(dir, "linux-headers-")
	case dir == "kernels":
		rel, file, _ = strings.Cut(file, "/")
	case strings.HasPrefix(dir, "linux-") && strings.HasSuffix(dir, "-obj"):
		parts := strings.SplitN(file, "/", 3)
		if len(parts) < 3 {
			return place{}, true
		}
		rel = strings.TrimSuffix(strings.TrimPrefix(dir, "linux-"), "-obj") + "-" + parts[1]
		file = parts[2]
	default:
		return place{}, false
	}
	pl := place{release: rel, origin: Headers, certain: true}
	switch file {
	case "vmlinux":
		pl.role = roleImage
	case "Module.symvers":
		pl.role = roleSymvers
	case ".config":
		pl.role = roleConfig
	}
	return pl, true
}

// numbered: a release begins with a digit, which tells kernel-6.1.0-56 from
// the scripts/kernel-doc of every build tree, config-6.1 from config-bisect.pl.
func numbered(release string) bool {
	return release != "" && release[0] >= '0' && release[0] <= '9'
}

// decompressor tells the program that unpacks a kernel from the kernel, in a
// build tree: both are called vmlinux (arch/*/boot/compressed/Makefile; s390
// has it one level up since 4.20, arch/s390/boot/Makefile).
func decompressor(p string) bool {
	dir, base := path.Split("/" + p)
	return base == "vmlinux" && (strings.HasSuffix(dir, "/boot/compressed/") || strings.HasSuffix(dir, "/s390/boot/"))
}

// nixImage: "HASH-linux-6.1.90-bzImage" in boot/kernels of NixOS.
func nixImage(name string) bool {
	i := strings.LastIndex(name, "-")
	return i > 0 && imageNames[name[i+1:]] && strings.Contains(name, "linux")
}

// loose files say their release themselves: build trees, single files.
func loose(p string, origin Origin) place {
	pl := place{origin: origin}
	base := path.Base(p)
	plain := trimCompression(base)
	if stem, ok := model.ModuleStem(p); ok {
		pl.role, pl.rel = roleModule, stem+".ko"
		return pl
	}
	switch {
	case decompressor(p):
	case imageNames[plain]:
		pl.role = roleImage
	case plain == "Module.symvers" || plain == "symvers":
		pl.role = roleSymvers
	case base == ".config", base == "config" && !strings.Contains("/"+p, "/tools/testing/"):
		pl.role = roleConfig // selftests have fragments of that name
	case base == "modules.builtin":
		pl.role = roleBuiltin
	default:
		for _, pre := range bootPrefixes {
			if r, ok := strings.CutPrefix(plain, pre); ok && (numbered(r) || pre == "vmlinuz-") {
				pl.role = roleImage
				pl.rescue = strings.HasPrefix(r, "0-rescue-")
			}
		}
		if r, ok := strings.CutPrefix(base, "config-"); ok && numbered(r) {
			pl.role, pl.release = roleConfig, releaseOf(r)
		}
		if r, ok := strings.CutPrefix(plain, "symvers-"); ok {
			pl.role, pl.release = roleSymvers, releaseOf(r)
		}
		if strings.HasSuffix(base, ".efi") || isPiKernel(plain) || nixImage(plain) {
			pl.role = roleImage
		}
	}
	return pl
}
