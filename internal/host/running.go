package host

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
	"kpkg-btf/internal/where"
)

// Running is the kernel that runs, as far as it shows itself: its base in
// /sys/kernel/btf/vmlinux, its banner, its configuration if it carries one
// (/proc/config.gz). Its image is not asked: the file under its name may have
// been replaced, which is what this is about. nil without a base in sysfs.
func (s *System) Running() (*release.Release, error) {
	path := filepath.Join(s.Root, "sys/kernel/btf/vmlinux")
	base, err := s.read(path, limits.MaxBTF)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, where.In(path, err)
	}
	facts, err := kimage.Running(base, s.Banner, s.config())
	if err != nil {
		return nil, where.In(path, err)
	}
	if name := s.attached(); name != "" {
		if facts.Abilities.ModuleBTF.Is == tri.No {
			facts.Abilities.AllowMismatch = ability.Fact{} // concluded from what is not so
		}
		facts.Abilities.ModuleBTF = ability.Fact{Is: tri.Yes, Evidence: "/sys/kernel/btf/" + name}
	}
	if facts.Release == "" {
		facts.Release = s.Booted
	}
	return release.Running("running kernel", facts), nil
}

// attached names a module that runs with its BTF, "" when there is none: such
// a kernel reads module BTF, whatever else it shows.
func (s *System) attached() string {
	list, err := fs.ReadDir(tree(s.Root), "sys/kernel/btf")
	if err != nil {
		return ""
	}
	for _, e := range list {
		if e.Name() != "vmlinux" {
			return e.Name()
		}
	}
	return ""
}

// config is the configuration in /proc/config.gz, nil when there is none. That
// of /boot is not taken: it may be of the kernel that is installed.
func (s *System) config() []byte {
	packed, err := s.read(filepath.Join(s.Root, "proc/config.gz"), limits.MaxText)
	if err != nil {
		return nil
	}
	var d codec.Decoder
	text, err := d.Decode(nil, codec.Gzip, packed, limits.MaxText)
	if err != nil {
		return nil
	}
	return text
}

// read reads a file whose size nobody tells (sysfs, procfs).
func (s *System) read(path string, most int64) ([]byte, error) {
	f, err := s.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = where.New(where.Limit, "more than %d bytes", most)
	}
	return b, err
}
