package symvers

import "testing"

func TestOwnerOf(t *testing.T) {
	for in, want := range map[string]string{
		"kernel/drivers/net/mii.ko":                            "drivers/net/mii",
		"usr/lib/modules/6.1.0-55-amd64/kernel/lib/crc7.ko.xz": "lib/crc7",
		"lib/modules/6.1.0-55-amd64/kernel/lib/crc7.ko.zst":    "lib/crc7",
		"/lib/modules/6.1.0-55-amd64/kernel/lib/crc7.ko.gz":    "lib/crc7",
		"./usr/lib/modules/6.1/extra/zfs/zfs.ko":               "extra/zfs/zfs",
		"usr/lib/modules/6.1/updates/dkms/nvidia.ko.zst":       "updates/dkms/nvidia",
		"drivers/net/mii":          "drivers/net/mii",
		"kernel/sound/snd.korg.ko": "sound/snd.korg",
		"crc7.ko":                  "crc7",
		".ko":                      ".ko",
		"kernel/net/x.kola":        "net/x.kola",
		"":                         "",
	} {
		if got := OwnerOf(in); got != want {
			t.Errorf("OwnerOf(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMerge(t *testing.T) {
	tab := Merge(
		[]Symbol{{Name: "kmalloc", CRC: 1, HasCRC: true, Export: ExportAny}},
		[]ModuleExports{
			{Path: "kernel/drivers/net/mii.ko", Symbols: []Symbol{{Name: "mii_check", CRC: 2, HasCRC: true, Export: ExportGPL, Namespace: "NET"}}},
			{Path: "kernel/lib/empty.ko"},
		})
	text := "0x00000002\tmii_check\tdrivers/net/mii\tEXPORT_SYMBOL_GPL\tNET\n0x00000001\tkmalloc\tvmlinux\tEXPORT_SYMBOL\t\n"
	want, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if write(tab) != write(want) {
		t.Errorf("merged\n%s\nModule.symvers\n%s", write(tab), write(want))
	}
}
