package host

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// entry is one of a boot loader: the kernel it starts and what with. Paths are
// as the system has them, Root included.
type entry struct {
	linux   string
	initrds []string
}

// entryFiles are the files in which boot loaders list what they start: the
// Boot Loader Specification, type 1 (systemd-boot and GRUB's blscfg),
// extlinux and U-Boot, the Raspberry Pi, GRUB's own.
func entryFiles() []string {
	globs := []string{grubFiles[0], grubFiles[1], "boot/extlinux/extlinux.conf", "boot/extlinux.conf", "boot/syslinux/syslinux.cfg", "boot/config.txt", "boot/firmware/config.txt"}
	for _, p := range partitions {
		globs = append(globs, p+"/loader/entries/*.conf")
	}
	return globs
}

// grubFiles list other systems' kernels too (os-prober), on partitions of theirs,
// and scripts decide which: what is missing says nothing.
var grubFiles = []string{"boot/grub/grub.cfg", "boot/grub2/grub.cfg"}

// entries reads what boot loaders start. What one names and that is missing
// is an error, which comes back with the others.
func (s *System) entries() (out []entry, errs []error) {
	var files []string
	for _, g := range entryFiles() {
		files = append(files, s.glob(g)...)
	}
	for _, file := range s.distinct(files) {
		text, err := s.read(file, limits.MaxText)
		optional := slices.Contains(grubFiles, s.below(file))
		if err != nil && optional && isDenied(err) {
			continue // its kernels are in the table's places
		}
		if err != nil {
			errs = append(errs, where.In(file, where.New(where.IO, "%w", err)))
			continue
		}
		for _, e := range parseEntries(text, filepath.Base(file) == "config.txt") {
			var at entry
			for i, name := range append([]string{e.linux}, e.initrds...) {
				if name == "" {
					continue
				}
				p, ok := s.near(file, name)
				if !ok && optional {
					continue
				}
				if !ok {
					errs = append(errs, where.In(file, where.New(where.Inconclusive, "starts %s, which is not there", name).
						WithHint("mount the partition it is on, or remove the entry")))
					continue
				}
				if i == 0 {
					at.linux = p
				} else {
					at.initrds = append(at.initrds, p)
				}
			}
			if at.linux != "" {
				out = append(out, at)
			}
		}
	}
	return out, errs
}

// near finds what a loader's file names: its paths begin at the partition it is
// on, at its folder, or at the root of the system.
func (s *System) near(file, name string) (string, bool) {
	for dir := path.Dir(s.below(file)); ; dir = path.Dir(dir) {
		p := filepath.Join(s.Root, dir, name)
		if info, err := s.stat(p); err == nil && info.Mode().IsRegular() {
			return p, true
		}
		if dir == "." || dir == "/" {
			return "", false
		}
	}
}

// parseEntries reads the keys that matter; each kernel begins an entry, and
// an initrd before one belongs to it. A Raspberry Pi's config.txt has kernel=NAME,
// whose file need not be there (its sections are for other boards).
func parseEntries(text []byte, pi bool) []entry {
	var out []entry
	var early []string
	sc := bufio.NewScanner(bytes.NewReader(text))
	for sc.Scan() {
		line := strings.TrimSpace(sc.Text())
		if pi {
			if name, ok := strings.CutPrefix(line, "kernel="); ok {
				out = append(out, entry{linux: strings.TrimSpace(name)})
			}
			continue
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		for i, w := range words[1:] { // GRUB: ($drive1)/kernels/…
			if _, rest, ok := strings.Cut(w, ")"); ok && strings.HasPrefix(w, "(") {
				words[i+1] = rest
			}
		}
		switch strings.ToLower(words[0]) {
		case "label":
			early = nil
		case "linux", "kernel", "uki":
			if len(words) > 1 && words[1] != "" && !notLinux(words[1]) {
				out = append(out, entry{linux: words[1], initrds: early})
				early = nil
			}
		case "initrd":
			var files []string
			for _, w := range words[1:] {
				for name := range strings.SplitSeq(w, ",") {
					if name != "" && !strings.HasPrefix(name, "$") {
						files = append(files, name)
					}
				}
			}
			if len(out) == 0 {
				early = append(early, files...)
			} else {
				last := &out[len(out)-1]
				last.initrds = append(last.initrds, files...)
			}
		}
	}
	return out
}

// notLinux: what loaders start in the same way and that is no Linux.
func notLinux(name string) bool {
	return strings.HasSuffix(name, ".c32") || strings.Contains(strings.ToLower(path.Base(name)), "memtest") || strings.ContainsAny(name, "$*")
}

// unmounted names partitions that etc/fstab has at a place of kernels and that
// are not mounted there. Where the root shows its mounts they tell, else an
// empty folder does. Folders that may not be read are named too.
func (s *System) unmounted() (errs []error) {
	mounts, live := s.mounts()
	text, err := s.read(filepath.Join(s.Root, "etc/fstab"), limits.MaxText)
	if err != nil {
		text = nil
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 3 || strings.HasPrefix(f[0], "#") {
			continue
		}
		dir := strings.Trim(path.Clean("/"+f[1]), "/")
		if !isPartition(dir) {
			continue
		}
		list, err := fs.ReadDir(tree(s.Root), dir)
		if err != nil || live && !mounts["/"+dir] || !live && len(list) == 0 {
			errs = append(errs, where.In(filepath.Join(s.Root, dir), where.New(where.Inconclusive, "%s of etc/fstab is not mounted", f[0]).WithHint("mount /%s", dir)))
		}
	}
	for _, dir := range partitions {
		if _, err := fs.ReadDir(tree(s.Root), dir); err != nil && isDenied(err) {
			errs = append(errs, where.In(filepath.Join(s.Root, dir), where.New(where.IO, "%w", err).WithHint("run it as root")))
		}
	}
	return errs
}

func isPartition(dir string) bool {
	for _, p := range partitions {
		if p == dir {
			return true
		}
	}
	return false
}

// mounts are the mount points of a machine that runs (proc_pid_mountinfo(5));
// ok false where the root shows none.
func (s *System) mounts() (at map[string]bool, ok bool) {
	if s.Booted == "" {
		return nil, false
	}
	text, err := s.read(filepath.Join(s.Root, "proc/self/mountinfo"), limits.MaxText)
	if err != nil {
		return nil, false
	}
	at = map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 4 {
			at[f[4]] = true
		}
	}
	return at, true
}
