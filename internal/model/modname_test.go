package model

import "testing"

func TestModuleName(t *testing.T) {
	for _, c := range []struct {
		path, stem string
		file       bool
		name       string
	}{
		{"kernel/sound/pci/hda/snd-hda-intel.ko", "kernel/sound/pci/hda/snd-hda-intel", true, "snd_hda_intel"},
		{"/lib/modules/6.1/kernel/lib/crc7.ko.xz", "/lib/modules/6.1/kernel/lib/crc7", true, "crc7"},
		{"x.ko.zst", "x", true, "x"},
		{"x.ko.gz", "x", true, "x"},
		{"usr/lib/debug/x-y.ko.debug", "usr/lib/debug/x-y", true, "x_y"},
		// ".ko" that ends nothing.
		{"a.ko-b.ko.xz", "a.ko-b", true, "a.ko_b"},
		{"x.kobj.ko", "x.kobj", true, "x.kobj"},
		{"x.ko.ko", "x.ko", true, "x.ko"},
		{"dir.ko/x.ko", "dir.ko/x", true, "x"},
		{"a.kob", "a.kob", false, "a.kob"},
		{"a.ko.bak", "a.ko.bak", false, "a.ko.bak"},
		{"a.ko.xz.zst", "a.ko.xz.zst", false, "a.ko.xz.zst"},
		{"crc7.xz", "crc7.xz", false, "crc7.xz"},
		// An end and nothing before it.
		{".ko", ".ko", false, ".ko"},
		{"net/.ko.xz", "net/.ko.xz", false, ".ko.xz"},
		// Names and owners.
		{"drivers/net/mii", "drivers/net/mii", false, "mii"},
		{"snd-hda-intel", "snd-hda-intel", false, "snd_hda_intel"},
		{"a,b-c", "a,b-c", false, "a_b_c"},
		{"already_so", "already_so", false, "already_so"},
		{"net/", "net/", false, ""},
		{"", "", false, ""},
	} {
		stem, file := ModuleStem(c.path)
		if stem != c.stem || file != c.file {
			t.Errorf("ModuleStem(%q) = %q, %v", c.path, stem, file)
		}
		if got := ModuleName(c.path); got != c.name {
			t.Errorf("ModuleName(%q) = %q, want %q", c.path, got, c.name)
		}
	}
}
