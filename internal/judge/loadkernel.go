package judge

import (
	"crypto/sha256"
	"strings"

	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/tri"
)

// loaderOf gathers what a release's kernel compares modules with when it loads
// them, from its image where that is there, else from its manifest. pool are
// certificates (DER) that may be among those a manifest names by digest; own
// are trusted beside those of the image; v may know signatures.
func loaderOf(r *release.Release, m *manifest.Manifest, pool, own [][]byte, v *modsig.Verifier) *loadcheck.Kernel {
	k := &loadcheck.Kernel{
		Arch: r.Arch, Vermagic: r.Vermagic(), Verifier: v,
		Modversions: configured(m.Config, "CONFIG_MODVERSIONS"), ForceLoad: configured(m.Config, "CONFIG_MODULE_FORCE_LOAD"),
		FreeNamespaces: configured(m.Config, "CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS"),
		SigModule:      configured(m.Config, "CONFIG_MODULE_SIG"), SigForce: configured(m.Config, "CONFIG_MODULE_SIG_FORCE"),
	}
	k.Major, k.Minor, _ = versionOf(bannerOf(m), r.Name)
	exports := r.Symvers
	if im := r.BootImage(); im != nil {
		k.StructModule = im.Facts.StructModule
		if im.Facts.Exports != nil {
			exports = symvers.NewTable(im.Facts.Exports)
		}
	}
	k.SetExports(exports)
	if k.Modversions == tri.Unknown {
		k.Modversions = versioned(k.Vermagic, exports)
	}
	if k.SigModule == tri.Unknown {
		k.SigModule = recorded(m, "module-signatures")
	}
	trusted(k, r, m, pool, own)
	return k
}

// configured reads a switch of the kernel's config.
func configured(c manifest.Config, name string) tri.State {
	switch v, ok := c.Value(name); {
	case !ok:
		return tri.Unknown
	case v == "y":
		return tri.Yes
	}
	return tri.No
}

// versioned: without a config, the word in vermagic tells, else the checksums.
func versioned(vermagic string, t *symvers.Table) tri.State {
	switch {
	case strings.Contains(vermagic, " modversions "), t.Covered() > 0:
		return tri.Yes
	case vermagic != "":
		return tri.No
	}
	return tri.Unknown
}

// trusted settles which certificates the kernel has.
func trusted(k *loadcheck.Kernel, r *release.Release, m *manifest.Manifest, pool, own [][]byte) {
	add := func(der []byte) {
		if c, err := modsig.ParseCertificate(der); err == nil { // FindCertificates has parsed it already
			k.Certs = append(k.Certs, c)
		}
	}
	at := map[[32]byte][]byte{}
	for _, der := range pool {
		at[sha256.Sum256(der)] = der
	}
	for _, im := range r.Images {
		for _, der := range im.Facts.Certs {
			at[sha256.Sum256(der)] = der
		}
	}
	k.CertsKnown = len(m.Certs) > 0
	for i := range m.Certs {
		c := &m.Certs[i]
		if der := at[c.SHA256]; der != nil {
			add(der)
			continue
		}
		k.Signers = append(k.Signers, c.KeyID, c.Serial)
	}
	for _, der := range own {
		add(der)
	}
}

// certificates are those of a release's images.
func certificates(r *release.Release) [][]byte {
	var out [][]byte
	for _, im := range r.Images {
		out = append(out, im.Facts.Certs...)
	}
	return out
}

// factsOf lists what loadcheck needs of modules: their facts, and how the
// kernel calls them.
func factsOf(list []*release.Module) (facts []*kmod.Facts, names []string) {
	for _, m := range list {
		facts = append(facts, m.Facts)
		names = append(names, m.Name())
	}
	return facts, names
}

// loadOf puts an answer in the words of the report.
func loadOf(r *loadcheck.Result) model.ModuleLoad {
	l := model.ModuleLoad{Loads: loads(r, false), IfEnforced: loads(r, true), Signature: string(r.Signature), More: r.More, Open: r.Gaps}
	for i := range r.Reasons {
		l.Says = append(l.Says, r.Reasons[i].String())
	}
	return l
}

func loads(r *loadcheck.Result, enforced bool) model.Loads {
	switch why := r.Why(enforced); {
	case why != nil && why.When == loadcheck.IfLoaded:
		return model.LoadsMaybe
	case why != nil:
		return model.LoadsNo
	case len(r.Gaps) > 0:
		return model.LoadsUnknown
	}
	return model.LoadsYes
}

// countLoads counts answers in both states of enforcement.
func countLoads(list []loadcheck.Result) model.LoadCounts {
	ignored, enforced := model.Counter{}, model.Counter{}
	for i := range list {
		ignored.Add(string(loads(&list[i], false)))
		enforced.Add(string(loads(&list[i], true)))
	}
	return model.LoadCounts{Ignored: ignored.Sorted(), Enforced: enforced.Sorted()}
}
