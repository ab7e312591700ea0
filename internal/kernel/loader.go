package kernel

import (
	"crypto/sha256"
	"strings"

	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/tri"
)

// loading is what the kernel's loader compares.
type loading struct {
	vermagic     string
	structModule int64
	exports      *symvers.Table // the image's own where it shows them, else the table
	certs        []manifest.Cert
	der          [][]byte // of those of the images
}

func loadingOf(r *release.Release, m *manifest.Manifest) loading {
	l := loading{vermagic: r.Vermagic(), exports: r.Symvers, certs: m.Certs}
	for i := range m.Certs {
		if der := m.Certs[i].DER; len(der) > 0 {
			l.der = append(l.der, der)
		}
	}
	if m.Image != nil {
		l.structModule = m.Image.StructModule
	}
	if im := r.BootImage(); im != nil {
		l.structModule = im.Facts.StructModule
		if im.Facts.Exports != nil {
			l.exports = symvers.NewTable(im.Facts.Exports)
		}
	}
	for _, im := range r.Images {
		l.der = append(l.der, im.Facts.Certs...)
	}
	return l
}

// Trust is what else is known of the keys that a kernel may trust.
type Trust struct {
	// Pool are certificates (DER) that may be among those that a manifest names
	// by digest.
	Pool [][]byte
	// Own are trusted beside those in the image.
	Own [][]byte
	// Verifier may know signatures already; nil: none does.
	Verifier *modsig.Verifier
}

// Certificates are those (DER) of the kernel's images.
func (k *Kernel) Certificates() [][]byte { return k.loading.der }

// Trusted returns the key ids and serial numbers (hex) of the certificates
// that the image carries; known is false where none could be looked for.
func (k *Kernel) Trusted() (ids map[string]bool, known bool) {
	ids = map[string]bool{}
	for _, c := range k.loading.certs {
		ids[strings.TrimLeft(c.KeyID, "0")], ids[strings.TrimLeft(c.Serial, "0")] = true, true
	}
	return ids, len(ids) > 0 || k.showsKeys()
}

// showsKeys reports whether a certificate that the kernel has would have been
// found.
func (k *Kernel) showsKeys() bool { return k.Source == Image || k.Source == Recorded }

// Vermagic is what the kernel wants of a module, "" when not known.
func (k *Kernel) Vermagic() string { return k.loading.vermagic }

// Modules are the modules of the kernel's own release by what it calls them,
// and what a table says that they export.
func (k *Kernel) Modules() *loadcheck.Modules { return loadcheck.InTable(k.symvers, k.modules) }

// ModuleNames are the modules of the kernel's own release, as it calls them.
func (k *Kernel) ModuleNames() []string { return k.modules }

// HasSymbols reports whether the exports of image and modules are known.
func (k *Kernel) HasSymbols() bool { return k.symvers != nil }

// Loader is the kernel as the one that loads modules. sameRelease lets the
// release word of vermagic count as equal.
func (k *Kernel) Loader(t Trust, sameRelease bool) *loadcheck.Kernel {
	l := &k.loading
	out := &loadcheck.Kernel{
		Arch: k.Arch, Vermagic: l.vermagic, SameRelease: sameRelease, StructModule: l.structModule, Verifier: t.Verifier,
		Modversions: k.Option("CONFIG_MODVERSIONS"), ForceLoad: k.Option("CONFIG_MODULE_FORCE_LOAD"),
		FreeNamespaces: k.Option("CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS"),
		SigModule:      k.Abilities.SigModule.Is, SigForce: k.Option("CONFIG_MODULE_SIG_FORCE"), Ciphers: k.ciphers(),
	}
	out.Major, out.Minor, _ = versionOf(k.Banner, k.Name)
	out.SetExports(l.exports)
	if out.Modversions == tri.Unknown {
		out.Modversions = versioned(l.vermagic, l.exports)
	}
	k.trust(out, t)
	return out
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

// trust settles which certificates the kernel has.
func (k *Kernel) trust(to *loadcheck.Kernel, t Trust) {
	add := func(der []byte) {
		if c, err := modsig.ParseCertificate(der); err == nil { // FindCertificates has parsed it already
			to.Certs = append(to.Certs, c)
		}
	}
	at := map[[32]byte][]byte{}
	for _, list := range [][][]byte{t.Pool, k.loading.der} {
		for _, der := range list {
			at[sha256.Sum256(der)] = der
		}
	}
	to.CertsKnown = len(k.loading.certs) > 0 || k.showsKeys()
	for _, c := range k.loading.certs {
		if der := at[c.SHA256]; der != nil {
			add(der)
			continue
		}
		to.Signers = append(to.Signers, c.KeyID, c.Serial)
	}
	for _, der := range t.Own {
		add(der)
	}
}
