package loadcheck_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/kmodtest"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/modsig/modsigtest"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/tri"
)

const magic = "6.12.0-test SMP preempt mod_unload modversions "

func sym(name string, crc uint32) symvers.Symbol {
	return symvers.Symbol{Name: name, CRC: crc, HasCRC: crc != 0, Owner: symvers.Vmlinux, Export: symvers.ExportAny}
}

func gpl(s symvers.Symbol) symvers.Symbol { s.Export = symvers.ExportGPL; return s }

func in(ns string, s symvers.Symbol) symvers.Symbol { s.Namespace = ns; return s }

func owned(owner string, s symvers.Symbol) symvers.Symbol { s.Owner = owner; return s }

// kernel is one with symbol versions and signatures, as distributions have.
func kernel(exports ...symvers.Symbol) *loadcheck.Kernel {
	k := &loadcheck.Kernel{
		Arch: model.X8664, Major: 6, Minor: 12, Vermagic: magic,
		Modversions: tri.Yes, ForceLoad: tri.No, FreeNamespaces: tri.No, SigModule: tri.Yes, SigForce: tri.No, CertsKnown: true,
	}
	c, err := modsig.ParseCertificate(modsigtest.NewKey("build").Cert)
	if err != nil {
		panic(err)
	}
	k.Certs = []*modsig.Certificate{c}
	k.SetExports(symvers.NewTable(append([]symvers.Symbol{sym("module_layout", 1), sym("printk", 2)}, exports...)))
	return k
}

// module is one that the kernel loads.
func module() kmodtest.Module {
	return kmodtest.Module{Name: "m", Vermagic: magic, Imports: []string{"printk"},
		Versions: []kmod.Version{{Name: "module_layout", CRC: 1}, {Name: "printk", CRC: 2}}}
}

// using is the module with further imports: "name", or "name:crc".
func using(imports ...string) kmodtest.Module {
	m := module()
	for _, im := range imports {
		name, text, ok := strings.Cut(im, ":")
		m.Imports = append(m.Imports, name)
		if ok {
			crc, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				panic(err)
			}
			m.Versions = append(m.Versions, kmod.Version{Name: name, CRC: uint32(crc)})
		}
	}
	return m
}

func facts(t *testing.T, data []byte) *kmod.Facts {
	t.Helper()
	f, err := kmod.Parse(data, kmod.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func signed(m kmodtest.Module) []byte { return modsigtest.NewKey("build").Sign(m.Bytes()) }

// Each case is one module on one kernel: the refusals in order, "!" before
// those that need enforcement, and the gaps.
func TestCheck(t *testing.T) {
	change := func(f func(*kmodtest.Module)) kmodtest.Module { m := module(); f(&m); return m }
	with := func(f func(*loadcheck.Kernel)) *loadcheck.Kernel { k := kernel(); f(k); return k }
	for _, c := range []struct {
		name string
		m    kmodtest.Module
		k    *loadcheck.Kernel
		want []string
		gaps []string
	}{
		{name: "loads", m: module()},
		{name: "another release, symbol versions", m: change(func(m *kmodtest.Module) {
			m.Vermagic = strings.Replace(magic, "test", "other", 1)
		})},
		{name: "another option in vermagic", m: change(func(m *kmodtest.Module) { m.Vermagic = "6.12.0-test SMP mod_unload modversions " }),
			want: []string{"m: version magic '6.12.0-test SMP mod_unload modversions ' should be '" + magic + "' (err -8)"}},
		{name: "another release, kernel without symbol versions", m: change(func(m *kmodtest.Module) { m.Vermagic = "6.12.1 SMP " }),
			k:    with(func(k *loadcheck.Kernel) { k.Modversions, k.Vermagic = tri.No, "6.12.0 SMP " }),
			want: []string{"m: version magic '6.12.1 SMP ' should be '6.12.0 SMP ' (err -8)"}},
		{name: "the same, as if one release", m: change(func(m *kmodtest.Module) { m.Vermagic = "6.12.1 SMP " }),
			k: with(func(k *loadcheck.Kernel) {
				k.Modversions, k.Vermagic, k.SameRelease = tri.No, "6.12.0 SMP ", true
			})},
		{name: "another release, only extended versions", m: change(func(m *kmodtest.Module) {
			m.ExtVersions, m.Vermagic = true, "6.14.1 SMP "
		}),
			k:    with(func(k *loadcheck.Kernel) { k.Vermagic, k.Minor = "6.14.0 SMP ", 14 }),
			want: []string{"m: version magic '6.14.1 SMP ' should be '6.14.0 SMP ' (err -8)"}},
		{name: "extended versions on a kernel that does not read them", m: change(func(m *kmodtest.Module) { m.ExtVersions = true }),
			want: []string{"refused without a word (err -8)"}},
		{name: "no vermagic", m: change(func(m *kmodtest.Module) { m.NoVermagic = true }), want: []string{"refused without a word (err -8)"}},
		{name: "no vermagic, forced load allowed", m: change(func(m *kmodtest.Module) { m.NoVermagic = true }),
			k: with(func(k *loadcheck.Kernel) { k.ForceLoad = tri.Yes })},
		{name: "vermagic not known", m: module(), k: with(func(k *loadcheck.Kernel) { k.Vermagic = "" }), gaps: []string{"the kernel's vermagic"}},
		{name: "no versions", m: change(func(m *kmodtest.Module) { m.Versions = nil }), want: []string{"refused without a word (err -8)"}},
		{name: "module_layout", m: change(func(m *kmodtest.Module) { m.Versions[0].CRC = 9 }),
			want: []string{"m: disagrees about version of symbol module_layout (err -8)"}},
		{name: "a symbol's version", m: change(func(m *kmodtest.Module) { m.Versions[1].CRC = 9 }),
			want: []string{"m: disagrees about version of symbol printk (err -22)"}},
		{name: "extended versions", m: change(func(m *kmodtest.Module) { m.ExtVersions, m.Versions[1].CRC = true, 9 }),
			k:    with(func(k *loadcheck.Kernel) { k.Minor = 14 }),
			want: []string{"m: disagrees about version of symbol printk (err -22)"}},
		{name: "versions are not compared", m: change(func(m *kmodtest.Module) { m.Versions[0].CRC, m.Versions[1].CRC = 9, 9 }),
			k: with(func(k *loadcheck.Kernel) { k.Modversions = tri.No })},
		{name: "whether versions are compared is not known", m: change(func(m *kmodtest.Module) { m.Versions[1].CRC = 9 }),
			k:    with(func(k *loadcheck.Kernel) { k.Modversions = tri.Unknown }),
			gaps: []string{"whether the kernel compares symbol versions (CONFIG_MODVERSIONS)"}},
		{name: "no version of this import", m: using("free"), k: kernel(sym("free", 7))},
		{name: "a symbol nobody exports", m: using("gone"), want: []string{"m: Unknown symbol gone (err -2)"}},
		{name: "weak", m: change(func(m *kmodtest.Module) { m.WeakImports = []string{"gone"} })},
		{name: "a dependency that is not given", m: change(func(m *kmodtest.Module) { m.Imports, m.Depends = append(m.Imports, "x"), []string{"x-core"} }),
			gaps: []string{"what x_core exports, which it depends on and which is not among the inputs"}},
		{name: "GPL only", m: change(func(m *kmodtest.Module) { m.Imports = append(m.Imports, "free") }), k: kernel(gpl(sym("free", 7)))},
		{name: "a list of modules", m: using("free"), k: kernel(in("module:x,m*", sym("free", 7)))},
		{name: "another list of modules", m: using("free"), k: kernel(in("module:x", sym("free", 7))),
			want: []string{"m: module uses symbol (free) from namespace module:x, but does not import it. (err -22)"}},
		{name: "a list of modules, built out of tree", m: change(func(m *kmodtest.Module) { m.OutOfTree, m.Imports = true, []string{"free"} }),
			k:    func() *loadcheck.Kernel { k := kernel(in("module:m", sym("free", 7))); k.Minor = 17; return k }(),
			want: []string{"m: module uses symbol (free) from namespace module:m, but does not import it. (err -22)"}},
		{name: "an import of a list", m: change(func(m *kmodtest.Module) { m.Modinfo = []string{"import_ns=module:m"} }),
			k:    with(func(k *loadcheck.Kernel) { k.Minor = 16 }),
			want: []string{"m: module tries to import module namespace: module:m (err -1)"}},
		{name: "a namespace", m: using("free"), k: kernel(in("CRYPTO", sym("free", 7))),
			want: []string{"m: module uses symbol (free) from namespace CRYPTO, but does not import it. (err -22)"}},
		{name: "an imported namespace", m: change(func(m *kmodtest.Module) {
			m.Imports, m.Modinfo = []string{"free"}, []string{"import_ns=A", "import_ns=CRYPTO"}
		}), k: kernel(in("CRYPTO", sym("free", 7)))},
		{name: "namespaces are not asked for", m: using("free"),
			k: func() *loadcheck.Kernel {
				k := kernel(in("CRYPTO", sym("free", 7)))
				k.FreeNamespaces = tri.Yes
				return k
			}()},
		{name: "exports what the image exports", m: change(func(m *kmodtest.Module) { m.Exports = []symvers.Symbol{sym("printk", 2)} }),
			want: []string{"m: exports duplicate symbol printk (owned by kernel) (err -8)"}},
		{name: "exports not known", m: using("gone"), k: func() *loadcheck.Kernel {
			k := kernel()
			n := *k
			n = loadcheck.Kernel{Arch: k.Arch, Vermagic: magic, Modversions: k.Modversions, SigModule: k.SigModule, Certs: k.Certs, CertsKnown: true}
			return &n
		}(), gaps: []string{"what the kernel exports"}},
		{name: "another architecture", m: change(func(m *kmodtest.Module) { m.Machine = 183 }),
			want: []string{"m: of architecture aarch64, the kernel is of x86_64 (err -8)"}},
		{name: "struct module of another size", m: module(), k: with(func(k *loadcheck.Kernel) { k.StructModule = 1280 }),
			want: []string{"module m: .gnu.linkonce.this_module section size must match the kernel's built struct module size at run time (err -8)"}},
		{name: "struct module of the same size", m: module(), k: with(func(k *loadcheck.Kernel) { k.StructModule = 64 })},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.k == nil {
				c.k = kernel()
			}
			s := loadcheck.Environment{Kernel: c.k, Peers: loadcheck.Of(nil, nil)}
			r := s.Check(facts(t, signed(c.m)), "m")
			compare(t, &r, c.want, c.gaps)
		})
	}
}

func compare(t *testing.T, r *loadcheck.Result, want, gaps []string) {
	t.Helper()
	var got []string
	for i := range r.Reasons {
		mark := ""
		if r.Reasons[i].When == loadcheck.Enforced {
			mark = "!"
		}
		got = append(got, mark+r.Reasons[i].String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("refusals\n%q, want\n%q", got, want)
	}
	if !slices.Equal(r.Gaps, gaps) {
		t.Errorf("gaps\n%q, want\n%q", r.Gaps, gaps)
	}
}

// A proprietary module sees no GPL-only symbol; the text is that of one
// nobody exports. kmodtest writes license=GPL first, so the facts are changed.
func TestProprietary(t *testing.T) {
	for _, c := range []struct {
		license string
		want    []string
	}{
		{"GPL v2", nil}, {"Dual MIT/GPL", nil},
		{"Proprietary", []string{"m: Unknown symbol free (err -2): exported to GPL modules only"}},
		{"", []string{"m: Unknown symbol free (err -2): exported to GPL modules only"}},
	} {
		f := facts(t, signed(using("free")))
		f.Modinfo.License = c.license
		s := loadcheck.Environment{Kernel: kernel(gpl(sym("free", 7)))}
		r := s.Check(f, "m")
		compare(t, &r, c.want, nil)
	}
}

// Who uses a proprietary module's symbols may not use GPL-only ones.
func TestInheritedTaint(t *testing.T) {
	owner, user := facts(t, signed(kmodtest.Module{Name: "owner", Exports: []symvers.Symbol{sym("own", 5)}})), facts(t, signed(using("free", "own")))
	owner.Modinfo.License = "Proprietary"
	s := loadcheck.Environment{Kernel: kernel(gpl(sym("free", 7))), Peers: loadcheck.Of([]*kmod.Facts{owner}, []string{"owner"})}
	r := s.Check(user, "m")
	compare(t, &r, []string{"m: module using GPL-only symbols uses symbols own from proprietary module owner. (err -2)"}, nil)
}

func TestSignature(t *testing.T) {
	plain := module().Bytes()
	build, other := modsigtest.NewKey("build"), modsigtest.NewKey("other")
	for _, c := range []struct {
		name string
		data []byte
		k    func(*loadcheck.Kernel)
		sig  loadcheck.Signature
		want []string
		gaps []string
	}{
		{"own key", build.Sign(plain), nil, loadcheck.SigValid, nil, nil},
		{"none", plain, nil, loadcheck.SigNone, []string{"!Loading of unsigned module is rejected (err -129)"}, nil},
		{"unknown key", other.Sign(plain), nil, loadcheck.SigUnknownKey, []string{"!Loading of module with unavailable key is rejected (err -129)"}, nil},
		{"forced", plain, func(k *loadcheck.Kernel) { k.SigForce = tri.Yes }, loadcheck.SigNone, []string{"Loading of unsigned module is rejected (err -129)"}, nil},
		{"no signatures in the kernel", plain, func(k *loadcheck.Kernel) { k.SigModule = tri.No }, loadcheck.SigIgnored, nil, nil},
		{"stale", restamp(build, plain), nil, loadcheck.SigStale, []string{"Key was rejected by service (err -129)"}, nil},
		{"attributes", build.SignWith(plain, modsigtest.Options{Attrs: true}), nil, loadcheck.SigForm, []string{"Invalid module sig (has authattrs) (err -129)"}, nil},
		{"certificate not at hand", build.Sign(plain), func(k *loadcheck.Kernel) {
			k.Signers = []string{fmt.Sprintf("%x", k.Certs[0].Serial)}
			k.Certs = nil
		}, loadcheck.SigUnverified, nil, []string{"whether the kernel knows and accepts the signature"}},
		{"certificates not known", build.Sign(plain), func(k *loadcheck.Kernel) { k.Certs, k.CertsKnown = nil, false }, loadcheck.SigUnverified,
			nil, []string{"whether the kernel knows and accepts the signature"}},
		{"an algorithm that is not there", build.Sign(plain), func(k *loadcheck.Kernel) {
			k.Ciphers = map[string]loadcheck.Cipher{"ecdsa": {Has: tri.No, Why: "CONFIG_CRYPTO_ECDSA is off"}}
		}, loadcheck.SigNoCipher, []string{"Key was rejected by service (err -129), without a word: the kernel cannot verify signatures by ecdsa, CONFIG_CRYPTO_ECDSA is off"}, nil},
		{"an algorithm that may not be there", build.Sign(plain), func(k *loadcheck.Kernel) {
			k.Ciphers = map[string]loadcheck.Cipher{"ecdsa": {Why: "it is a module"}}
		}, loadcheck.SigNoCipher, nil, []string{"whether the kernel has the algorithm of the signature, ecdsa: it is a module"}},
		{"another algorithm that is not there", build.Sign(plain), func(k *loadcheck.Kernel) {
			k.Ciphers = map[string]loadcheck.Cipher{"rsa": {Has: tri.No}}
		}, loadcheck.SigValid, nil, nil},
		{"an unknown key of an algorithm that is not there", other.Sign(plain), func(k *loadcheck.Kernel) {
			k.Ciphers = map[string]loadcheck.Cipher{"ecdsa": {Has: tri.No}}
		}, loadcheck.SigUnknownKey, []string{"!Loading of module with unavailable key is rejected (err -129)"}, nil},
		{"whether it looks is not known", plain, func(k *loadcheck.Kernel) { k.SigModule = tri.Unknown }, "kernel-not-known", nil, []string{"whether the kernel looks at signatures"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := kernel()
			if c.k != nil {
				c.k(k)
			}
			s := loadcheck.Environment{Kernel: k}
			r := s.Check(facts(t, c.data), "m")
			compare(t, &r, c.want, c.gaps)
			if r.Signature != c.sig {
				t.Errorf("signature %s, want %s", r.Signature, c.sig)
			}
			if (r.Why(true) != nil) != (len(c.want) > 0) || (r.Why(false) != nil) != (len(c.want) > 0 && !strings.HasPrefix(c.want[0], "!")) {
				t.Errorf("blocked: enforced %v, not %v", r.Why(true) != nil, r.Why(false) != nil)
			}
		})
	}
}

// restamp puts the signature of a module behind another one.
func restamp(k *modsigtest.Key, plain []byte) []byte {
	m := module()
	m.Text = "other code of m"
	return append(m.Bytes(), k.Sign(plain)[len(plain):]...)
}

// A crypto this program's own reader does not know is no pass.
func TestUnsupportedCrypto(t *testing.T) {
	f := facts(t, signed(module()))
	f.Sig.Hash = "oid:1.2.3"
	s := loadcheck.Environment{Kernel: kernel()}
	r := s.Check(f, "m")
	compare(t, &r, []string{"!Loading of module with unsupported crypto is rejected (err -129)"}, nil)
}
