package loadcheck

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/tri"
)

// Environment is a kernel and the modules around the one that is loaded.
type Environment struct {
	Kernel *Kernel
	// Peers are the modules that modprobe finds for it: its own release's, or
	// package's. They are loaded before it.
	Peers *Modules
	// AlreadyLoaded are modules of the kernel's own release that may be loaded
	// already, nil where no others than those beside are.
	AlreadyLoaded *Modules
}

// checker is one module on one kernel.
type checker struct {
	*Environment
	f    *kmod.Facts
	name string
	res  Result
	crcs map[string]uint32 // of imports, from the module; nil: it has none this kernel reads
}

// Check judges one module; name is what the kernel calls it. Whether the
// modules it needs load is not looked at: see All.
func (s *Environment) Check(f *kmod.Facts, name string) Result {
	c := checker{Environment: s, f: f, name: name}
	c.signature()
	c.machine()
	c.versions()
	c.layout()
	c.vermagic()
	c.importNS()
	c.imports()
	c.exports()
	return c.res
}

func (c *checker) refuse(rule Rule, errno int, format string, args ...any) {
	c.res.add(Reason{Rule: rule, Errno: errno, Text: fmt.Sprintf(format, args...)})
}

// signature: module_sig_check. What it says of an unsigned module is no error
// unless signatures are enforced.
func (c *checker) signature() {
	k := c.Kernel
	s := k.signature(c.f.Sig)
	c.res.Signature = s
	what := ""
	switch s {
	case SigStale:
		c.res.add(Reason{Rule: RuleSignature, Errno: ekeyrejected})
		return
	case SigForm:
		c.refuse(RuleSignature, ekeyrejected, "Invalid module sig (has authattrs)")
		return
	case SigNoCipher: // fatal whether signatures are enforced or not, and without a word
		cipher := k.Ciphers[c.f.Sig.Algorithm]
		if cipher.Has == tri.Unknown {
			c.res.gap("whether the kernel has the algorithm of the signature, %s: %s", c.f.Sig.Algorithm, cipher.Why)
			return
		}
		c.res.add(Reason{Rule: RuleCipher, Errno: ekeyrejected, Text: fmt.Sprintf("Key was rejected by service (err %d), without a word: the kernel cannot verify signatures by %s, %s", ekeyrejected, c.f.Sig.Algorithm, cipher.Why)})
		return
	case SigUnverified:
		c.res.gap("whether the kernel knows and accepts the signature")
		return
	case sigNotKnown:
		c.res.gap("whether the kernel looks at signatures")
		return
	case SigNone:
		what = "unsigned module"
	case SigUnknownKey:
		what = "module with unavailable key"
	case SigUnsupported:
		what = "module with unsupported crypto"
	default:
		return
	}
	r := Reason{Rule: RuleSignature, Errno: ekeyrejected, When: Enforced, Text: "Loading of " + what + " is rejected"}
	if k.SigForce == tri.Yes {
		r.When = Always
	}
	c.res.add(r)
}

// machine: elf_validity_cache_copy.
func (c *checker) machine() {
	k, f := c.Kernel, c.f
	switch {
	case k.Arch == model.ArchUnknown || f.Arch == model.ArchUnknown:
		c.res.gap("the architecture")
	case k.Arch != f.Arch:
		c.refuse(RuleArch, enoexec, "%s: of architecture %s, the kernel is of %s", c.name, f.Arch, k.Arch)
	case k.StructModule != 0 && k.StructModule != f.ThisModule:
		c.refuse(RuleStruct, enoexec, "module %s: .gnu.linkonce.this_module section size must match the kernel's built struct module size at run time", c.name)
	}
}

// maxBasicName is the longest name in a __versions entry of a 64-bit module;
// kbuild leaves longer ones out of that section.
const maxBasicName = 64 - 8 - 1

// versions reads the module's checksums in the form this kernel reads: the
// extended one since 6.14.
func (c *checker) versions() {
	f := c.f
	extended := f.ExtVersions && c.Kernel.since(6, 14)
	if !extended && !f.BasicVersions {
		return
	}
	c.crcs = make(map[string]uint32, len(f.Versions))
	for _, v := range f.Versions {
		if !extended && len(v.Name) > maxBasicName {
			continue
		}
		if _, twice := c.crcs[v.Name]; !twice {
			c.crcs[v.Name] = v.CRC
		}
	}
}

// layout: check_modstruct_version, the first symbol that is compared.
func (c *checker) layout() {
	if c.Kernel.image == nil || c.Kernel.Modversions == tri.No {
		return
	}
	s := c.Kernel.image["module_layout"]
	if s == nil {
		return // built without CONFIG_MODVERSIONS
	}
	if c.crcs == nil && c.Kernel.Modversions == tri.Yes {
		switch c.Kernel.ForceLoad {
		case tri.No:
			c.res.add(Reason{Rule: RuleLayout, Errno: enoexec, Symbol: s.Name})
		case tri.Unknown:
			c.res.gap("whether the kernel loads modules without symbol versions (CONFIG_MODULE_FORCE_LOAD)")
		}
		return
	}
	c.version(s, RuleLayout, enoexec, Always, "")
}

// version: check_version. A symbol whose checksum is not known on one side is
// a gap; one that the module has no checksum of passes, as "no symbol version
// for" is a warning. False when it was refused.
func (c *checker) version(s *symvers.Symbol, rule Rule, errno int, when When, loaded string) bool {
	if c.Kernel.Modversions == tri.No {
		return true
	}
	crc, ok := c.crcs[s.Name]
	switch {
	case !ok:
		return true
	case !s.HasCRC:
		if crc != 0 && c.Kernel.Modversions == tri.Yes && when == Always {
			c.res.gap("the checksum of %s", s.Name)
		}
		return true
	}
	if when == Always {
		c.res.Compared++
	}
	switch {
	case crc == s.CRC:
		return true
	case c.Kernel.Modversions == tri.Unknown:
		c.res.gap("whether the kernel compares symbol versions (CONFIG_MODVERSIONS)")
		return true
	}
	if when == Always {
		c.res.Changed++
	}
	c.res.add(Reason{Rule: rule, Errno: errno, Symbol: s.Name, Loaded: loaded, When: when,
		Text: fmt.Sprintf("%s: disagrees about version of symbol %s", c.name, s.Name)})
	return false
}

// vermagic: check_modinfo, same_magic. The release word is not compared when
// the kernel has symbol versions and the module a __versions section.
func (c *checker) vermagic() {
	k, have := c.Kernel, c.f.Modinfo.Vermagic
	if have == "" {
		switch k.ForceLoad {
		case tri.No:
			c.res.add(Reason{Rule: RuleVermagic, Errno: enoexec})
		case tri.Unknown:
			c.res.gap("whether the kernel loads modules without vermagic (CONFIG_MODULE_FORCE_LOAD)")
		}
		return
	}
	if k.Vermagic == "" {
		c.res.gap("the kernel's vermagic")
		return
	}
	word, rest, _ := strings.Cut(have, " ")
	kernelWord, kernelRest, _ := strings.Cut(k.Vermagic, " ")
	same := rest == kernelRest
	if word != kernelWord && !k.SameRelease && !(k.Modversions == tri.Yes && c.f.BasicVersions) {
		if same && k.Modversions == tri.Unknown && c.f.BasicVersions {
			c.res.gap("whether the kernel compares the release in vermagic (CONFIG_MODVERSIONS)")
			return
		}
		same = false
	}
	if !same {
		c.refuse(RuleVermagic, enoexec, "%s: version magic '%s' should be '%s'", c.name, have, k.Vermagic)
	}
}
