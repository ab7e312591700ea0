// Package host looks at a machine: which kernel runs, which are installed,
// what their initrds hold, and what each kernel does with the modules it may
// meet. It needs no root and writes nothing but what Tell keeps.
package host

import (
	"bytes"
	"errors"
	"io/fs"
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
	Modules string   // folder lib/modules/RELEASE
	Configs []string // all there are: which one counts is release's to settle
	Symvers []string // Module.symvers or what stands for it, all there are

	own *image // the image it belongs to, nil without one
}

// image is where the kernel's own image is, "" without one.
func (k *Kernel) image() string {
	if k.own == nil {
		return ""
	}
	return k.own.path()
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

var configNames = []string{"boot/config-RELEASE", "usr/lib/modules/RELEASE/config", "lib/modules/RELEASE/config"}

var symversNames = []string{"lib/modules/RELEASE/symvers.xz", "lib/modules/RELEASE/symvers.gz", "lib/modules/RELEASE/symvers.zst", "usr/src/linux-headers-RELEASE/Module.symvers",
	"usr/src/kernels/RELEASE/Module.symvers", "boot/symvers-RELEASE.gz", "boot/symvers-RELEASE.xz"}

// moduleRoots are the folders of folders of modules: of the system, of NixOS's
// generations, of ostree's deployments.
var moduleRoots = []string{"usr/lib/modules", "lib/modules", "run/current-system/kernel-modules/lib/modules", "run/booted-system/kernel-modules/lib/modules",
	"nix/var/nix/profiles/system/kernel-modules/lib/modules", "nix/var/nix/profiles/system-*-link/kernel-modules/lib/modules", "ostree/deploy/*/deploy/*/usr/lib/modules"}

// Kernels are the folders of modules, by release and path. A folder without
// modules, which a removed kernel left, is one of them.
func (s *System) Kernels() ([]Kernel, error) {
	var kernels []Kernel
	for _, glob := range moduleRoots {
		for _, dir := range s.glob(glob) {
			list, err := fs.ReadDir(tree(s.Root), s.below(dir))
			if err != nil {
				return nil, where.In(dir, where.New(where.IO, "%w", err))
			}
			if len(list) > limits.MaxEntries {
				return nil, where.In(dir, where.New(where.Limit, "%d entries", len(list)))
			}
			for _, e := range list {
				modules := filepath.Join(dir, e.Name())
				// Stat, for one that is a link.
				if info, err := s.stat(modules); err != nil || !info.IsDir() {
					continue
				}
				if slices.ContainsFunc(kernels, func(k Kernel) bool { return s.same(k.Modules, modules) }) {
					continue
				}
				r := e.Name()
				kernels = append(kernels, Kernel{Release: r, Modules: modules, Configs: s.all(r, configNames), Symvers: s.all(r, symversNames)})
			}
		}
	}
	slices.SortStableFunc(kernels, func(a, b Kernel) int { return strings.Compare(a.Release, b.Release) })
	return kernels, nil
}

// same reports whether two paths lead to one file.
func (s *System) same(a, b string) bool {
	x, errX := s.stat(a)
	y, errY := s.stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
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

// isDenied reports whether an error is that of a file that may not be read.
func isDenied(err error) bool { return errors.Is(err, fs.ErrPermission) }

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
