package abiname

import (
	"slices"
	"strings"
)

// debianArchs are the words that Debian's flavours end with
// (debian/config/*/defines): the architecture, or a variant of it.
var debianArchs = []string{
	"amd64", "arm64", "686", "686-pae", "armmp", "armmp-lpae", "rpi", "marvell", "versatile",
	"powerpc64le", "powerpc64le-64k", "powerpc64", "powerpc", "powerpc-smp", "riscv64", "s390x", "loong64",
	"4kc-malta", "5kc-malta", "octeon", "loongson-3", "mips32r2eb", "mips32r2el", "mips64r2eb", "mips64r2el", "mips32r6el", "mips64r6el",
	"alpha-generic", "alpha-smp", "parisc", "parisc64", "m68k", "sparc64", "sparc64-smp", "sh7751r", "sh7785lcr", "itanium", "mckinley", "arm64-16k",
}

// debianSets are what stands before them: the feature set and the purpose.
var debianSets = []string{"rt", "cloud", "openvz", "vserver", "xen"}

func debianFlavour(tail string) (string, bool) {
	flavour := strings.TrimPrefix(tail, "-")
	rest := strings.TrimSuffix(flavour, "-unsigned")
	for {
		set, after, found := strings.Cut(rest, "-")
		if !found || !slices.Contains(debianSets, set) {
			break
		}
		rest = after
	}
	return flavour, slices.Contains(debianArchs, rest)
}

// ubuntuBases are the first words of Ubuntu's flavours; variants follow:
// generic-64k, aws-fips, azure-fde, nvidia-lowlatency.
var ubuntuBases = []string{
	"generic", "lowlatency", "aws", "azure", "gcp", "gke", "gkeop", "oracle", "ibm", "kvm", "raspi", "raspi2", "oem", "nvidia", "intel",
	"iot", "realtime", "bluefield", "xilinx", "snapdragon", "starfive", "allwinner", "laptop", "fips", "dell300x", "hwe", "server", "virtual", "tegra", "mtk", "qcom",
}

func ubuntuFlavour(tail string) (string, bool) {
	flavour := strings.TrimPrefix(tail, "-")
	base, _, _ := strings.Cut(flavour, "-")
	return flavour, slices.Contains(ubuntuBases, base)
}

var suseFlavours = []string{"default", "preempt", "azure", "rt", "rt_debug", "debug", "kvmsmall", "longterm", "vanilla", "64kb", "lpae", "pae", "desktop", "xen", "ec2", "trace", "zfcpdump", "syzkaller", "slowroll"}

func suseFlavour(tail string) (string, bool) {
	flavour := strings.TrimPrefix(tail, "-")
	return flavour, slices.Contains(suseFlavours, flavour)
}

// tumbleweedFlavour: with a plain number for a release, azure is Ubuntu's.
func tumbleweedFlavour(tail string) (string, bool) {
	flavour, ok := suseFlavour(tail)
	return flavour, ok && flavour != "azure"
}

// rpmFlavour: the architecture and what follows it. RHEL 8 and older write
// ".debug" where later ones write "+debug".
func rpmFlavour(tail string) (string, bool) {
	_, flavour, ok := strings.Cut(strings.TrimPrefix(tail, "."), ".")
	if !ok {
		return "", true // azl3, cm2: without an architecture
	}
	arch, _, _ := strings.Cut(flavour, "+")
	arch, _, _ = strings.Cut(arch, ".")
	return flavour, slices.Contains([]string{"x86_64", "aarch64", "ppc64le", "ppc64", "s390x", "riscv64", "loongarch64", "i686", "i386", "armv7hl", "armv7hnl"}, arch)
}
