// Package hooks holds what pipelines and hosts copy or call, so that the one
// static binary carries all of it: `kpkg-btf hooks list|print NAME`. Each text
// names itself and its version in its first lines; the version rises with every
// change a copy would want to have.
package hooks

import (
	"embed"
	"regexp"
	"strconv"
)

//go:embed audit debian kbuild gitlab github host
var texts embed.FS

// Hook is one text. Run says that it is a program, to be installed with mode
// 0755; Versions are in its head.
type Hook struct {
	Name string // the word of `hooks print`
	File string // path in this folder
	What string // one line: what it is for
	Run  bool
}

var all = []Hook{
	{"audit-gitlab", "audit/gitlab-parallel.yml", "GitLab jobs for an audit of archives: plan, parallel shares, merge", false},
	{"audit-parallel", "audit/gnu-parallel", "GNU parallel: the shares of an audit on one machine's cores, or over ssh", true},
	{"audit-slurm", "audit/slurm-array", "job array of Slurm: the shares of an audit, requeued where a node fails", true},
	{"before-dh_strip", "debian/before-dh_strip.mk", "make fragment: staged modules before they are stripped and signed (Proxmox, Ubuntu)", false},
	{"bindeb-pkg", "kbuild/bindeb-pkg.mk", "make fragment: the kernel's own bindeb-pkg and binrpm-pkg", false},
	{"dkms", "host/dkms-post-install", "POST_INSTALL of dkms: do these modules go with this kernel's BTF?", true},
	{"dpkg-buildpackage-gate", "debian/dpkg-buildpackage-gate", "dpkg-buildpackage --hook-check: fail a build that must not be shipped", true},
	{"dpkg-buildpackage-repair", "debian/dpkg-buildpackage-repair", "dpkg-buildpackage --hook-buildinfo: repair packages before their checksums are taken", true},
	{"dpkg-trigger", "host/dpkg.triggers", "dpkg triggers of a package that runs the host check", false},
	{"github-action", "github/action.yml", "GitHub composite action: check, annotations, a summary of the job, report.html", false},
	{"host-check", "host/host-check", "what the host hooks run: three lines, silent in chroots, asks for the reboot", true},
	{"host-settings", "host/settings", "/etc/default/kpkg-btf: what the host hooks may do", false},
	{"modprobe.d", "host/modprobe.conf", "a check before a module is loaded, and what it costs", false},
	{"pin-pahole", "kbuild/pin-pahole", "make PAHOLE=: the ids of an older base are held, to 6.19", true},
	{"pin-resolve-btfids", "kbuild/pin-resolve-btfids", "make RESOLVE_BTFIDS=: the same from 7.0 on", true},
	{"postinst.d", "host/postinst.d-kpkg-btf", "/etc/kernel/postinst.d: what the running kernel will refuse until the reboot", true},
	{"rpm-posttrans", "host/rpm-posttrans", "the same once an rpm transaction, for a spec", false},
	{"rules.real", "debian/rules.real.mk", "make fragment: src:linux, repair before signing, record afterwards", false},
	{"salsa-ci", "gitlab/salsa-ci.yml", "GitLab jobs beside Debian's salsa pipeline: check, or record for each architecture and decide", false},
}

// All lists the hooks by name.
func All() []Hook { return append([]Hook(nil), all...) }

// Find gives a hook by its name.
func Find(name string) (Hook, bool) {
	for _, h := range all {
		if h.Name == name {
			return h, true
		}
	}
	return Hook{}, false
}

// Text is the whole text of the hook.
func (h Hook) Text() []byte {
	b, err := texts.ReadFile(h.File)
	if err != nil {
		panic(err) // the table and the folder are one part of the program
	}
	return b
}

var head = regexp.MustCompile(`(?m)^# kpkg-btf hook (\S+), version (\d+)$`)

// Version is the number in the hook's head, 0 when it has none.
func (h Hook) Version() int {
	m := head.FindSubmatch(h.Text())
	if m == nil || string(m[1]) != h.Name {
		return 0
	}
	n, _ := strconv.Atoi(string(m[2]))
	return n
}
