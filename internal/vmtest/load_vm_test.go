//go:build vm

package vmtest

import (
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/modsig/modsigtest"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/repair/modfile"
	"kpkg-btf/internal/repair/signing"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/tri"
	"kpkg-btf/internal/vmtest/wire"
)

// loaders are kernels that are asked whether they load a module at all. Debian
// configures all of them with signatures that are not enforced.
var loaders = []struct {
	name        string
	specs       []string
	other       string // another build of the same series, "" for none
	modversions tri.State
}{
	{name: "6.1.192-1", specs: []string{realtest.PairAOld}, other: realtest.PairANew, modversions: tri.Yes},
	{name: "7.3.4", specs: []string{realtest.Image73, realtest.Modules73}, modversions: tri.No},
}

// TestVerdictOfLoad: a kernel that requires signatures, and one that does not,
// load or refuse a module as it is, without its signature, with one that no
// longer matches, and with those of keys that the kernel does not know, with
// the errno and the words that package loadcheck predicts from the image.
func TestVerdictOfLoad(t *testing.T) {
	for _, k := range loaders {
		t.Run(k.name, func(t *testing.T) {
			b := load(t, k.specs...)
			kernel := loaderOf(t, b)
			kernel.Modversions = k.modversions
			signed := whole(t, b, "tcp_bbr")
			cases := append(signatures(signed), repaired(t, signed)...)
			if k.other != "" {
				cases = append(cases, Case{ID: "of another build", Module: whole(t, load(t, k.other), "tcp_bbr")})
			}
			for i := range cases {
				cases[i].Kind = WholeModule
			}
			for _, enforced := range []bool{false, true} {
				job := Job{Cases: cases}
				if enforced {
					job.Cmdline = []string{"module.sig_enforce=1"}
				}
				res, err := Boot(t.Context(), b.Kernel, job)
				if err != nil {
					t.Fatal(err)
				}
				if res.SigEnforced != enforced {
					t.Errorf("enforced is %v, asked for %v", res.SigEnforced, enforced)
				}
				refused := 0
				for i := range res.Verdicts {
					v := &res.Verdicts[i]
					loaded := asPredicted(t, kernel, cases[i].Module, v, enforced)
					if !loaded {
						refused++
					}
					if strings.HasPrefix(v.ID, "stripped") && loaded == enforced {
						t.Errorf("signatures enforced %v: %v", enforced, v)
					}
				}
				t.Logf("%s, signatures enforced %v: %d of %d refused, all as predicted unless said", k.name, enforced, refused, len(cases))
				if v := &res.Verdicts[0]; !v.Loaded() || refused == 0 {
					t.Errorf("the original must load, and some must not: %v", v)
				}
			}
		})
	}
}

// asPredicted compares one answer and reports whether the module was loaded.
func asPredicted(t *testing.T, kernel *loadcheck.Kernel, ko []byte, v *Verdict, enforced bool) bool {
	t.Helper()
	f, err := kmod.Parse(ko, kmod.Options{})
	if err != nil {
		t.Fatal(v.ID, err)
	}
	scene := loadcheck.Environment{Kernel: kernel}
	r := scene.Check(f, f.Modinfo.Name)
	if len(r.Gaps) != 0 {
		t.Errorf("%s: not predicted: %q", v.ID, r.Gaps)
	}
	errno, text := 0, ""
	if why := r.Why(enforced); why != nil {
		errno, text = -why.Errno, why.Text
	}
	t.Logf("predicted errno %d %q, signature %s: %v", errno, text, r.Signature, v)
	if int(v.Errno) != errno || text != "" && !v.Printed(text) {
		t.Errorf("predicted errno %d and the words %q: %v", errno, text, v)
	}
	if v.Loaded() != v.Deleted {
		t.Errorf("loaded and not unloaded: %v", v)
	}
	return v.Loaded()
}

// signatures are a signed module and what becomes of it in wrong hands.
func signatures(signed []byte) []Case {
	unsigned := wire.Unsigned(signed)
	stale := slices.Clone(signed)
	stale[len(unsigned)-1] ^= 1 // the last letter of a section's name
	foreign := func(k *modsigtest.Key, o modsigtest.Options) []byte { return k.SignWith(slices.Clone(unsigned), o) }
	rsa := modsigtest.NewRSA("someone else", 2048)
	return []Case{
		{ID: "as it is", Module: signed},
		{ID: "unsigned", Module: unsigned},
		{ID: "changed", Module: stale},
		{ID: "signed with an RSA key of someone else", Module: foreign(rsa, modsigtest.Options{})},
		{ID: "signed with an RSA key of someone else, named by its key id", Module: foreign(rsa, modsigtest.Options{KeyID: true})},
		{ID: "signed with an ECDSA key of someone else", Module: foreign(modsigtest.NewECDSA("someone else", elliptic.P384()), modsigtest.Options{})},
		{ID: "signed with attributes", Module: foreign(rsa, modsigtest.Options{Attrs: true})},
	}
}

// repaired is a signed module as apply leaves it: stripped, with
// --drop-signature and with --resign by a key that no certificate of the
// kernel is of.
func repaired(t *testing.T, signed []byte) []Case {
	t.Helper()
	r, err := stripModule(wire.Unsigned(signed), modfile.StripOptions{})
	if err != nil || !r.Changed {
		t.Fatal(err)
	}
	key := modsigtest.NewRSA("a foreign key", 4096)
	cert, err := modsig.ParseCertificate(key.Cert)
	if err != nil {
		t.Fatal(err)
	}
	rules := signing.Rules{Signer: anyKey{key}, Certificate: cert, AllowUnsigned: true, Hash: "sha256"}
	resigned, err := rules.Sign(t.Context(), r.Data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return []Case{
		{ID: "stripped, unsigned", Module: r.Data},
		{ID: "stripped, signed anew with a foreign key", Module: resigned},
	}
}

// anyKey signs for package signing with a key of modsigtest.
type anyKey struct{ *modsigtest.Key }

func (k anyKey) Sign(_ context.Context, hash string, digest []byte) ([]byte, error) {
	if hash != "sha256" {
		return nil, fmt.Errorf("hash %q", hash)
	}
	return k.Signer.Sign(rand.Reader, digest, crypto.SHA256)
}

// loaderOf is what a kernel compares modules with, from its image alone.
func loaderOf(t *testing.T, b *Build) *loadcheck.Kernel {
	t.Helper()
	facts, err := kimage.Parse(t.Context(), b.Kernel.Image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k := &loadcheck.Kernel{
		Arch: facts.Arch, Vermagic: facts.Vermagic, StructModule: facts.StructModule,
		SigModule: tri.Yes, SigForce: tri.No, ForceLoad: tri.Yes, CertsKnown: len(facts.Certs) != 0,
	}
	if n, err := fmt.Sscanf(strings.TrimPrefix(facts.Release, "v"), "%d.%d", &k.Major, &k.Minor); n != 2 {
		t.Fatal(facts.Release, err)
	}
	for _, der := range facts.Certs {
		c, err := modsig.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		k.Certs = append(k.Certs, c)
	}
	if facts.Exports != nil {
		k.SetExports(symvers.NewTable(facts.Exports))
	}
	if !k.CertsKnown || len(facts.Exports) == 0 || k.Vermagic == "" {
		t.Fatalf("the image tells too little: %d certificates, %d exports, vermagic %q", len(k.Certs), len(facts.Exports), k.Vermagic)
	}
	return k
}
