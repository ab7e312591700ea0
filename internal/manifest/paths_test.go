package manifest

import "testing"

func TestModulePath(t *testing.T) {
	for in, want := range map[string]string{
		"usr/lib/modules/6.1.0-55-amd64/kernel/net/llc/llc.ko.xz":  "kernel/net/llc/llc.ko",
		"lib/modules/6.1.0-55-amd64/kernel/net/llc/llc.ko":         "kernel/net/llc/llc.ko",
		"/lib/modules/6.1/extra/zfs.ko.zst":                        "extra/zfs.ko",
		"debian/linux-image/lib/modules/6.1/updates/dkms/nv.ko.gz": "updates/dkms/nv.ko",
		"kernel/net/llc/llc.ko":                                    "kernel/net/llc/llc.ko",
		"./crc7.ko.xz":                                             "crc7.ko",
		"x.xz":                                                     "x.xz",
		"mylib/modules/1/a.ko":                                     "mylib/modules/1/a.ko",
	} {
		if got := ModulePath(in); got != want {
			t.Errorf("ModulePath(%q) = %q, want %q", in, got, want)
		}
	}
}
