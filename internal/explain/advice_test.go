package explain

import (
	"strings"
	"testing"

	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/model"
)

// What is advised follows from what the log knows of the module that failed:
// never a reboot for a module that was built elsewhere, nor where memory, the
// kernel's own base or the BTF's version is at fault.
func TestAdvice(t *testing.T) {
	const refusal = "[   20.3] BPF: [131402] STRUCT nfig\n[   20.31] BPF: size=24 vlen=3\n[   20.32] BPF: \n[   20.33] BPF: Invalid name\n[   20.34] BPF: \n"
	last := func(module, no string) string {
		return "[   20.35] failed to validate module [" + module + "] BTF: " + no + "\n"
	}
	for name, tc := range map[string]struct {
		log, do string
		never   string
	}{
		"in-tree":            {refusal + last("dm_crypt", "-22"), "if packages were upgraded since the boot: reboot", "dkms"},
		"in-tree, Debian":    {"[    0.0] Linux version 6.1.0-55-amd64 (x)\n" + refusal + last("dm_crypt", "-22"), `dpkg -S "$(modinfo -k 6.1.0-55-amd64 -n dm_crypt)"`, "dkms"},
		"in-tree, Fedora":    {"[    0.0] Linux version 6.11.4-301.fc41.x86_64 (x)\n" + refusal + last("dm_crypt", "-22"), "dracut -f --kver 6.11.4-301.fc41.x86_64", "dpkg"},
		"in the initrd":      {"[    0.0] Linux version 6.1.0-55-amd64 (x)\n[    0.9] Run /init as init process\n" + refusal + last("dm_crypt", "-22"), "loaded from the initrd, before the root file system: rebuild it for this kernel: update-initramfs -u -k 6.1.0-55-amd64", "dkms"},
		"after the initrd":   {"[    0.0] Linux version 6.1.0-55-amd64 (x)\n[    0.9] Run /init as init process\n[    2.0] systemd[1]: Switching root.\n" + refusal + last("dm_crypt", "-22"), "where the initrd holds the module: update-initramfs", "loaded from the initrd"},
		"out-of-tree":        {"[   20.1] vboxdrv: loading out-of-tree module taints kernel.\n" + refusal + last("vboxdrv", "-22"), "dkms build --force NAME/VERSION -k \"$(uname -r)\"", "reboot"},
		"out-of-tree, after": {refusal + last("vboxdrv", "-22") + "[   20.4] vboxdrv: loading out-of-tree module taints kernel.\n", "rebuild it for the running kernel", "reboot"},
		"memory":             {last("xfs", "-12"), "free memory and modprobe xfs again", "reboot"},
		"newer header":       {"BPF: Unsupported btf_header\n" + last("xfs", "-7"), "pahole flags of the running kernel", "reboot"},
		"unknown version":    {"BPF: Unsupported version\n" + last("xfs", "-524"), "kpkg-btf inspect FILE.ko", "reboot"},
		"memory, modprobe":   {"modprobe: ERROR: could not insert 'xfs': Cannot allocate memory\n", "free memory", "reboot"},
	} {
		x := explained(t, tc.log)
		var e *model.LogEvent
		for i := range x.Events {
			if x.Events[i].Kind == Refused || x.Events[i].Kind == NotInserted {
				e = &x.Events[i]
			}
		}
		if e == nil {
			t.Errorf("%s: %+v", name, x.Events)
			continue
		}
		if do := strings.Join(e.Cures, "\n"); !strings.Contains(do, tc.do) || strings.Contains(do, tc.never) {
			t.Errorf("%s: %s", name, do)
		}
	}
}

// A module that lies where external ones go is rebuilt, whichever builds were
// found; the place says by what.
func TestAdviceByPath(t *testing.T) {
	g := func(name string) model.GivenRelease {
		return model.GivenRelease{Name: name61, Packages: []string{name}}
	}
	for path, want := range map[string]string{
		"kernel/fs/xfs.ko":         "reboot into the kernel of b",
		"updates/dkms/vboxdrv.ko":  "rebuild it for the running kernel (dkms status",
		"extra/nvidia/nvidia.ko":   "rebuild it for the running kernel:",
		"weak-updates/kmod-x/x.ko": "rebuild it for the running kernel:",
	} {
		e := &event{LogEvent: model.LogEvent{Kind: Refused, Module: "x", Errno: int(verdict.EINVAL)}}
		e.cure(&model.LogSource{Module: path, Of: g("b"), On: g("a")})
		if !strings.HasPrefix(e.Cures[0], want) {
			t.Errorf("%s: %v", path, e.Cures)
		}
	}
}

func TestFamilies(t *testing.T) {
	for release, owner := range map[string]string{
		"6.12.115+deb13-amd64": "dpkg -S", "6.8.0-45-generic": "dpkg -S", "6.8.12-4-pve": "dpkg -S", "5.14.0-503.el9.x86_64": "rpm -qf",
		"6.4.0-150600.23-default": "rpm -qf", "6.11.5-arch1-1": "pacman -Qo", "6.6.58-0-lts": "apk info -W", "6.12.0": "",
	} {
		if f, ok := familyOf(release); f.owner != owner || ok != (owner != "") {
			t.Errorf("%s: %+v", release, f)
		}
	}
}
