package kimage

import (
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

const formatRunning = "sysfs"

// OfRunning reports whether the facts are those of Running.
func (f *Facts) OfRunning() bool { return len(f.Format) > 0 && f.Format[0] == formatRunning }

// Running returns the facts of a kernel that runs and shows no image: its base
// as /sys/kernel/btf/vmlinux has it, the text of /proc/version ("" when not
// known) and its configuration, nil without one. What only texts in the image
// tell stays open; what the base tells does not.
func Running(base []byte, version string, config []byte) (*Facts, error) {
	raw, err := btf.Parse(base)
	if err != nil {
		return nil, where.In("base BTF", err)
	}
	f := &Facts{
		Format: []string{formatRunning}, BigEndian: raw.BigEndian(), Config: config,
		BTF: raw.Bytes(), BTFWhere: "/sys/kernel/btf/vmlinux", BTFSize: int64(len(base)),
	}
	if strings.HasPrefix(version, bannerStart) {
		if text, rel := readBanner([]byte(version + "\n")); len(rel) > 0 {
			f.Release = string(rel)
			f.Banner = string(text)
		}
	}
	// No image: the literals' absence says nothing, so the banner must not count.
	banner := f.Banner
	f.Banner = ""
	f.Abilities = new(kernel).abilities(f, raw)
	f.Banner, f.Arch = banner, model.ArchUnknown
	return f, nil
}
