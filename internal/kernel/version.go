package kernel

import (
	"regexp"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf/verdict"
)

// profile takes the rules of the kernel's version and puts over them what it
// shows, because distributions backport.
func (k *Kernel) profile() verdict.Profile {
	major, minor, patch := versionOf(k.Banner, k.Name)
	return verdict.ForVersion(major, minor, patch).With(&k.Abilities)
}

// Debian's ABI names need not hold the stable version; its banner ends with
// the package's version, "… Debian 6.1.192-2 (2026-11-16)".
var (
	bannerVersion = regexp.MustCompile(`(?:Debian|PMX|PVE) ([0-9]+)\.([0-9]+)\.([0-9]+)[^ ]* \(`)
	nameVersion   = regexp.MustCompile(`^([0-9]+)\.([0-9]+)(?:\.([0-9]+))?`)
)

// versionOf reads the kernel's version from its banner, else from its name; 0,
// 0, 0 where neither has one.
func versionOf(banner, name string) (major, minor, patch int) {
	m := nameVersion.FindStringSubmatch(name)
	if i := strings.LastIndex(banner, " #"); i >= 0 {
		if b := bannerVersion.FindStringSubmatch(banner[i:]); b != nil && (m == nil || b[1] == m[1] && b[2] == m[2]) {
			m = b
		}
	}
	if m == nil {
		return 0, 0, 0
	}
	n := func(s string) int { v, _ := strconv.Atoi(s); return v }
	return n(m[1]), n(m[2]), n(m[3])
}
