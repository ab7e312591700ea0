package judge

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
)

// kernel is a release's image as the one that loads modules: its rules and
// its base.
type kernel struct {
	profile verdict.Profile
	base    *verdict.Base
}

// kernelOf prepares a release's kernel; nil when its image or base is not
// there: a manifest alone, headers without an image.
func kernelOf(r *release.Release) (*kernel, error) {
	im := r.BootImage()
	if im == nil {
		return nil, nil
	}
	blob, from := r.Base()
	if blob == nil {
		return nil, nil
	}
	k := &kernel{profile: profileOf(r.Name, im.Facts, r.Options)}
	var err error
	if k.base, err = verdict.NewBase(&k.profile, blob); err != nil {
		return nil, from.Source.In(err)
	}
	return k, nil
}

// profileOf takes the rules of the image's version and puts over them what
// the image itself shows, because distributions backport.
func profileOf(name string, f *kimage.Facts, config manifest.Config) verdict.Profile {
	major, minor, patch := versionOf(f.Banner, name)
	o := f.Abilities
	if v, ok := config.Value("CONFIG_MODULE_ALLOW_BTF_MISMATCH"); ok {
		o.AllowMismatch = ability.Fact{Is: tri.Of(v == "y"), Evidence: "config: CONFIG_MODULE_ALLOW_BTF_MISMATCH=" + v}
	}
	return verdict.ForVersion(major, minor, patch).With(&o)
}

// Debian's ABI names need not hold the stable version; its banner ends with
// the package's version, "… Debian 6.1.192-2 (2026-11-16)".
var (
	bannerVersion = regexp.MustCompile(`(?:Debian|PMX|PVE) ([0-9]+)\.([0-9]+)\.([0-9]+)[^ ]* \(`)
	nameVersion   = regexp.MustCompile(`^([0-9]+)\.([0-9]+)(?:\.([0-9]+))?`)
)

// versionOf reads the kernel's version from its banner, else from its name.
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

// answer is what becomes of one module on a kernel.
type answer struct {
	verdict model.Verdict
	words   string // why not, the kernel's own where it has any; "" when it takes the module silently
	// bareFails: without BTF the module's init fails there.
	bareFails bool
}

// ask gives the kernel's verdict on a module: its BTF first, then what its
// init does with .BTF_ids.
func (k *kernel) ask(f *kmod.Facts) answer {
	reg := registered(f)
	bare := k.profile.InitMissing(reg)
	a := answer{bareFails: !bare.OK}
	if len(f.BTF) == 0 {
		a.verdict = model.Inert
		if !bare.OK {
			a.verdict, a.words = model.InitFails, bare.Text
		}
		return a
	}
	res := k.base.Module(f.BTF, f.BTFBase)
	a.verdict = k.profile.Outcome(&res)
	if !res.OK {
		a.words = res.String()
		if a.verdict == model.Dropped && !bare.OK {
			a.verdict, a.words = model.InitFails, bare.Text
		}
		return a
	}
	if a.verdict == model.Attached {
		if init := k.base.InitIDs(f.BTF, f.BTFBase, reg, nil); !init.OK {
			a.verdict, a.words = model.InitFails, init.String()
		}
	}
	return a
}

// registered are the kfunc sets a module hands to the kernel. Since 6.9 they
// are marked; a module that marks some has other uses for the rest.
func registered(f *kmod.Facts) verdict.Registered {
	reg := verdict.Registered{RegistersDtors: imports(f, "register_btf_id_dtor_kfuncs")}
	if f.IDs == nil || !imports(f, "register_btf_kfunc_id_set") {
		return reg
	}
	marked := slices.ContainsFunc(f.IDs.Sets, func(s kmod.IDSet) bool { return s.Flags&set8Kfuncs != 0 })
	for i := range f.IDs.Sets {
		if s := &f.IDs.Sets[i]; s.Set8 && (!marked || s.Flags&set8Kfuncs != 0) {
			reg.Kfuncs = append(reg.Kfuncs, verdict.Kfuncs{Name: s.Name, Flags: s.Flags, IDs: s.IDs, PairFlags: s.PairFlags})
		}
	}
	return reg
}

// set8Kfuncs is BTF_SET8_KFUNCS (include/linux/btf_ids.h, 6.9+).
const set8Kfuncs = 1

func imports(f *kmod.Facts, name string) bool {
	for i := range f.Imports {
		if f.Imports[i].Name == name {
			return true
		}
	}
	return false
}
