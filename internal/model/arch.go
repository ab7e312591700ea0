package model

// Arch is an architecture by its kernel name (uname -m), independent of what a
// package format calls it.
type Arch string

const (
	ArchUnknown Arch = ""
	X8664       Arch = "x86_64"
	I386        Arch = "i386"
	ARM64       Arch = "aarch64"
	ARM         Arch = "arm"
	PPC64LE     Arch = "ppc64le"
	PPC64       Arch = "ppc64"
	PPC         Arch = "ppc"
	RISCV64     Arch = "riscv64"
	RISCV32     Arch = "riscv32"
	S390X       Arch = "s390x"
	LoongArch64 Arch = "loongarch64"
	MIPS        Arch = "mips"
	MIPSEL      Arch = "mipsel"
	MIPS64      Arch = "mips64"
	MIPS64EL    Arch = "mips64el"
	SPARC64     Arch = "sparc64"
	ALPHA       Arch = "alpha"
	HPPA        Arch = "parisc"
	M68K        Arch = "m68k"
	SH4         Arch = "sh4"
	ARC         Arch = "arc"
)

// packageArch maps the architecture words of dpkg and rpm.
var packageArch = map[string]Arch{
	"amd64": X8664, "x86_64": X8664, "x86_64_v2": X8664, "x86_64_v3": X8664, "x86_64_v4": X8664, "x32": X8664,
	"i386": I386, "i486": I386, "i586": I386, "i686": I386, "athlon": I386,
	"arm64": ARM64, "aarch64": ARM64,
	"armhf": ARM, "armel": ARM, "arm": ARM, "armv5tel": ARM, "armv6hl": ARM, "armv7hl": ARM, "armv7hnl": ARM,
	"ppc64el": PPC64LE, "ppc64le": PPC64LE, "ppc64": PPC64, "powerpc": PPC, "ppc": PPC,
	"riscv64": RISCV64, "s390x": S390X, "loong64": LoongArch64, "loongarch64": LoongArch64,
	"mips": MIPS, "mipsel": MIPSEL, "mips64": MIPS64, "mips64el": MIPS64EL,
	"sparc64": SPARC64, "alpha": ALPHA, "hppa": HPPA, "m68k": M68K, "sh4": SH4, "arc": ARC,
}

// ArchOfPackage returns the architecture a Debian or rpm architecture word
// names; ArchUnknown for "all", "noarch" and words it does not know.
func ArchOfPackage(word string) Arch { return packageArch[word] }

// ELF machine numbers (elf.h e_machine).
var elfArch = map[uint16]Arch{
	3: I386, 62: X8664, 183: ARM64, 40: ARM, 21: PPC64, 20: PPC, 243: RISCV64, 22: S390X, 258: LoongArch64,
	8: MIPS, 43: SPARC64, 0x9026: ALPHA, 15: HPPA, 4: M68K, 42: SH4, 93: ARC, 195: ARC,
}

// ArchOfELF returns the architecture of an ELF header: e_machine, 64 bit or
// not, big endian or not.
func ArchOfELF(machine uint16, is64, bigEndian bool) Arch {
	a := elfArch[machine]
	switch {
	case a == PPC64 && !bigEndian:
		return PPC64LE
	case a == RISCV64 && !is64:
		return RISCV32
	case a == MIPS && is64 && bigEndian:
		return MIPS64
	case a == MIPS && is64:
		return MIPS64EL
	case a == MIPS && !bigEndian:
		return MIPSEL
	}
	return a
}

// The words of the two package formats where they differ from uname -m.
var (
	debWord = map[Arch]string{
		X8664: "amd64", I386: "i386", ARM64: "arm64", ARM: "armhf", PPC64LE: "ppc64el", PPC: "powerpc", LoongArch64: "loong64",
		HPPA: "hppa",
	}
	rpmWord = map[Arch]string{I386: "i686", ARM: "armv7hl"}
)

// DebWord is Debian's word for the architecture (of two, the newer port's).
func (a Arch) DebWord() string { return wordOr(debWord, a) }

// RPMWord is rpm's word for the architecture.
func (a Arch) RPMWord() string { return wordOr(rpmWord, a) }

func wordOr(words map[Arch]string, a Arch) string {
	if w, ok := words[a]; ok {
		return w
	}
	return string(a)
}
