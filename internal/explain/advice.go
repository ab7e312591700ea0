package explain

import (
	"strings"
)

// family is how a distribution names, rebuilds and reinstalls what belongs to
// a kernel. It is told by the uname -r in the log, and only by that.
type family struct {
	owner     string // the package of a file: OWNER FILE
	reinstall string // of that package
	headers   string // of a release, REL
	initrd    string // of a release, REL
}

var (
	debian = family{"dpkg -S", "apt install --reinstall PACKAGE", "apt install --reinstall linux-headers-REL", "update-initramfs -u -k REL"}
	fedora = family{"rpm -qf", "dnf reinstall PACKAGE", "dnf reinstall kernel-devel-REL", "dracut -f --kver REL"}
	suse   = family{"rpm -qf", "zypper install --force PACKAGE", "zypper install --force kernel-devel", "dracut -f --kver REL"}
	arch   = family{"pacman -Qo", "pacman -S PACKAGE", "pacman -S the -headers package of the kernel", "mkinitcpio -P"}
	alpine = family{"apk info -W", "apk fix PACKAGE", "apk fix the -dev package of the kernel", "mkinitfs REL"}
)

// familyOf tells the distribution from a uname -r; ok is false for a kernel
// that does not say whose it is.
func familyOf(release string) (family, bool) {
	for _, f := range []struct {
		mark string
		fam  family
	}{
		{"-amd64", debian}, {"-arm64", debian}, {"-686", debian}, {"+deb", debian}, {"+bpo", debian}, {"-generic", debian}, {"-lowlatency", debian}, {"-pve", debian},
		{"-armmp", debian}, {"-powerpc64le", debian}, {"-s390x", debian}, {"-azure", debian}, {"-aws", debian}, {"-gcp", debian}, {"-oracle", debian}, {"+rpt", debian},
		{".fc", fedora}, {".el", fedora}, {".amzn", fedora}, {"-default", suse}, {"-arch", arch}, {"-zen", arch}, {"-MANJARO", arch}, {"-lts", alpine}, {"-virt", alpine},
	} {
		if strings.Contains(release, f.mark) {
			return f.fam, true
		}
	}
	return family{}, false
}

// target is how a command names the kernel that the log is of.
func (e *event) target() string {
	if e.Release != "" {
		return e.Release
	}
	return `"$(uname -r)"`
}

// inTree are the cures for a refused module of the kernel's own packages, as
// far as the log knows: which build its file is of is the question.
func (e *event) inTree() []string {
	name, rel := e.Module, e.target()
	if name == "" {
		name = "MODULE"
	}
	fam, known := familyOf(e.Release)
	cures := []string{
		"if packages were upgraded since the boot: reboot, the modules on disk are of the new build",
		"if that does not help, an older copy of the kernel boots (ESP, /boot): kpkg-btf verify names the file",
	}
	if e.early {
		first := "the module was loaded from the initrd, before the root file system: rebuild it for this kernel"
		if known {
			first += ": " + strings.ReplaceAll(fam.initrd, "REL", rel)
		}
		cures = append([]string{first}, cures...)
	}
	file := "$(modinfo -k " + rel + " -n " + name + ")"
	if known {
		cures = append(cures, "which package and build the file is of: "+fam.owner+` "`+file+`"`, "where /proc/version names another one: "+fam.reinstall)
		if !e.early {
			cures = append(cures, "where the initrd holds the module: "+strings.ReplaceAll(fam.initrd, "REL", rel))
		}
	} else {
		cures = append(cures, `which package and build the file is of: dpkg -S or rpm -qf "`+file+`"`,
			"where /proc/version names another one: reinstall that of the running build and rebuild the initrd")
	}
	return append(cures, checkCure)
}

// outOfTree are the cures for a module that was not built with the kernel:
// only building it again for the kernel that runs helps. Where it lies says
// who builds it; from a log alone that is open.
func (e *event) outOfTree(path string) []string {
	rel, name := e.target(), e.Module
	if name == "" {
		name = "MODULE"
	}
	dkms := "dkms build --force NAME/VERSION -k " + rel + " && dkms install --force NAME/VERSION -k " + rel
	kmod := "akmods --force --kernels " + rel + ", or the kmod or vendor package for it"
	var cures []string
	switch {
	case strings.Contains(path, "dkms"):
		cures = []string{"rebuild it for the running kernel (dkms status says NAME/VERSION):", dkms}
	case strings.HasPrefix(path, "extra/"), strings.HasPrefix(path, "weak-updates/"), strings.HasPrefix(path, "updates/"):
		cures = []string{"rebuild it for the running kernel:", kmod}
	default:
		cures = []string{
			"rebuild it for the running kernel; modinfo -k " + rel + " -n " + name + " says who built it",
			"in updates/dkms: " + dkms,
			"in extra, updates or weak-updates: " + kmod,
		}
	}
	headers := "against the headers of the running build"
	if fam, known := familyOf(e.Release); known {
		headers += ": " + strings.ReplaceAll(fam.headers, "REL", rel)
	}
	return append(cures, headers, "for several kernels: kpkg-btf check MODULES --on KERNEL says whether to distil or to strip it")
}

// memory are the cures where the kernel had none.
func (e *event) memory() []string {
	load := "modprobe " + e.Module
	if e.Module == "" {
		load = "load the module"
	}
	return []string{"free memory and " + load + " again", "in a crash kernel: a larger crashkernel=, or leave the module out of its initrd"}
}

// byErrno are refusals that are not about another build.
var byErrno = map[int]what{
	-7: {"the header of the BTF is longer than this kernel knows and says something there (E2BIG): the module was encoded for a newer kernel, by pahole with --btf_features=layout (1.31+), and kernels up to 7.0 refuse it",
		[]string{"build the module with the pahole flags of the running kernel (scripts/Makefile.btf of its headers)", "kpkg-btf inspect FILE.ko shows the header"}},
	-524: {"the BTF has a version, flag or encoding that this kernel does not know (ENOTSUPP): newer tools, or a damaged section",
		[]string{"kpkg-btf inspect FILE.ko shows which", "build the module with the tools of the running kernel's build"}},
}

// refusedAdvice is what is said of a refusal whose source is not known.
func (e *event) refusedAdvice() what {
	switch {
	case e.baseBad != "":
		return baseBad
	case e.Errno == -12:
		return what{refusalMeaning(e), e.memory()}
	case byErrno[e.Errno].meaning != "":
		return byErrno[e.Errno]
	case e.external:
		return what{refusalMeaning(e), append(e.outOfTree(""), checkCure)}
	}
	return what{refusalMeaning(e), e.inTree()}
}
