//go:build e2e

package kimage

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/tri"
)

// parsed keeps the facts of the images that several tests look at.
var parsed = map[string]*Facts{}

// parseReal returns the facts of the image in a package: boot/vmlinuz-* until
// 6.18, later vmlinuz of the modules' folder, vmlinux in headers.
func parseReal(t testing.TB, spec string) *Facts {
	t.Helper()
	if parsed[spec] == nil {
		parsed[spec] = mustParse(t, realtest.Member(t, realtest.Deb(t, spec), imageName(spec)))
	}
	return parsed[spec]
}

func imageName(spec string) string {
	switch _, pkg, _ := strings.Cut(spec, "/"); {
	case strings.HasPrefix(pkg, "linux-headers-"):
		return "vmlinux"
	case strings.HasPrefix(pkg, "linux-binary-"):
		return "vmlinuz"
	}
	return "boot/vmlinuz-*"
}

const (
	debian72     = "module+ distilled+ order- chain+ kfunc- dtor- mismatch- proto+ duplicate+ sig+ 019 032 512"
	debian72None = "module- distilled+ order- chain+ kfunc- dtor- mismatch- proto- duplicate+ sig+ 000 000 000" // DEBUG_INFO_BTF=n
)

func TestRealImages(t *testing.T) {
	for _, c := range []struct {
		pkg, format, release string
		arch                 model.Arch
		sum                  string // of the base, "" for any, "-" for no base
		abilities            string
		certs                int
	}{
		{realtest.PairAOld, "bzImage xz ELF", "6.1.0-55-amd64", model.X8664, "c09f1a7c",
			"module+ distilled- order+ chain+ kfunc- dtor+ mismatch? proto- duplicate- sig+ 019 024 512", 1},
		{realtest.PairANew, "bzImage xz ELF", "6.1.0-56-amd64", model.X8664, "a53c4b97",
			"module+ distilled- order+ chain+ kfunc- dtor+ mismatch? proto- duplicate- sig+ 019 024 512", 1},
		{realtest.PairBOld, "bzImage zstd ELF", "6.12.115+deb13-amd64", model.X8664, "db58ed16",
			"module+ distilled+ order+ chain+ kfunc- dtor- mismatch+ proto+ duplicate- sig+ 019 024 512", 1},
		{realtest.Image73, "bzImage zstd ELF", "7.3.4+deb13-amd64", model.X8664, "5a05808c",
			"module+ distilled+ order- chain+ kfunc- dtor- mismatch- proto+ duplicate+ sig+ 019 032 512", 1},
		{realtest.Image72("amd64"), "bzImage zstd ELF", "7.2.13+deb14-amd64", model.X8664, "", debian72, 1},
		{realtest.Image72("arm64"), "Image", "7.2.13+deb14-arm64", model.ARM64, "", debian72, 2},
		{realtest.Image72("armmp"), "zImage xz raw", "7.2.13+deb14-armmp", model.ARM, "-", debian72None, 1},
		{realtest.Image72("loong64"), "EFI-zboot zstd Image", "7.2.13+deb14-loong64", model.LoongArch64, "-", debian72None, 1},
		{realtest.Image72("powerpc64le"), "ELF", "7.2.13+deb14-powerpc64le", model.PPC64LE, "", debian72, 1},
		{realtest.Image72("riscv64"), "Image", "7.2.13+deb14-riscv64", model.RISCV64, "", debian72, 1},
		{realtest.Image72("s390x"), "s390-bzImage zstd raw", "7.2.13+deb14-s390x", model.S390X, "", debian72, 1},
	} {
		t.Run(c.pkg, func(t *testing.T) {
			f := parseReal(t, c.pkg)
			if got := strings.Join(f.Format, " "); got != c.format || f.Release != c.release || f.Arch != c.arch {
				t.Errorf("%q %q %q, want %q %q %q", got, f.Release, f.Arch, c.format, c.release, c.arch)
			}
			sum := "-"
			if f.BTF != nil {
				s := sha256.Sum256(f.BTF)
				sum = hex.EncodeToString(s[:])
			}
			if (sum == "-") != (c.sum == "-") || !strings.HasPrefix(sum, c.sum) {
				t.Errorf("base %s at %s, want %s", sum, f.BTFWhere, c.sum)
			}
			if got := words(&f.Abilities); got != c.abilities {
				t.Errorf("abilities\n got %s\nwant %s\n%+v", got, c.abilities, f.Abilities)
			}
			if !strings.HasPrefix(f.Vermagic, c.release+" SMP ") { // on every architecture of Debian
				t.Errorf("vermagic %q", f.Vermagic)
			}
			if len(f.Certs) != c.certs {
				t.Errorf("%d certificates, want %d", len(f.Certs), c.certs)
			}
			t.Logf("%s %d bytes, %d exports, %q", f.BTFWhere, len(f.BTF), len(f.Exports), f.Banner)
		})
	}
}

// TestRealConfigs compares what the images tell with the configuration that
// their packages ship, on every architecture.
func TestRealConfigs(t *testing.T) {
	type source struct{ image, config, name string }
	list := []source{
		{realtest.PairAOld, realtest.PairAOld, "boot/config-*"},
		{realtest.PairBNew, realtest.PairBNew, "boot/config-*"},
		{realtest.Image73, realtest.Base73, "config"},
	}
	for _, f := range realtest.Flavours72 {
		list = append(list, source{realtest.Image72(f.Flavour), realtest.Base72(f.Flavour), "config"})
	}
	for _, s := range list {
		t.Run(s.image, func(t *testing.T) {
			f := parseReal(t, s.image)
			config := realtest.Member(t, realtest.Deb(t, s.config), s.name)
			on := func(option string) bool { return hasLine(config, "CONFIG_"+option+"=y") }
			if len(config) < 100000 || (f.BTF != nil) != on("DEBUG_INFO_BTF") {
				t.Errorf("base %v, DEBUG_INFO_BTF %v", f.BTF != nil, on("DEBUG_INFO_BTF"))
			}
			for option, a := range map[string]ability.Fact{
				"DEBUG_INFO_BTF_MODULES": f.Abilities.ModuleBTF, "MODULE_SIG": f.Abilities.SigModule,
				"MODULE_ALLOW_BTF_MISMATCH": f.Abilities.AllowMismatch,
			} {
				if a.Is != tri.Unknown && (a.Is == tri.Yes) != on(option) {
					t.Errorf("%s is %v, image says %+v", option, on(option), a)
				}
			}
			crc := slices.ContainsFunc(f.Exports, func(s symvers.Symbol) bool { return s.HasCRC })
			if f.Exports != nil && crc != on("MODVERSIONS") {
				t.Errorf("MODVERSIONS %v, checksums %v", on("MODVERSIONS"), crc)
			}
		})
	}
}

// TestRealBase compares types and strings with known counts.
func TestRealBase(t *testing.T) {
	for pkg, want := range map[string][2]uint32{
		realtest.PairAOld: {100800, 1794321},
		realtest.PairANew: {100751, 1794309},
	} {
		f := parseReal(t, pkg)
		r, err := btf.Parse(f.BTF)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]uint32{r.NumTypes(), r.StrLen()}; got != want {
			t.Errorf("%s: %v types and string bytes, want %v", pkg, got, want)
		}
	}
}

// TestRealHeaders reads the vmlinux of headers packages: BTF alone, the same
// as the image's.
func TestRealHeaders(t *testing.T) {
	for _, c := range [][2]string{
		{realtest.PairBOldHeaders, realtest.PairBOld},
		{realtest.Headers73, realtest.Image73},
	} {
		h := parseReal(t, c[0])
		i := parseReal(t, c[1])
		if !h.BTFOnly || i.BTFOnly || h.Release != "" || !bytes.Equal(h.BTF, i.BTF) {
			t.Errorf("%s: BTF only %v (image %v), release %q, same base %v", c[0], h.BTFOnly, i.BTFOnly, h.Release, bytes.Equal(h.BTF, i.BTF))
		}
		if a, b := words(&h.Abilities), words(&i.Abilities); a != b {
			t.Logf("abilities without texts: %s\n              with texts: %s", a, b)
		}
	}
}

// TestRealExports compares the image's tables with Module.symvers, on every
// architecture, with and without sections.
func TestRealExports(t *testing.T) {
	list := [][2]string{
		{realtest.PairAOldHeaders, realtest.PairAOld},
		{realtest.PairBOldHeaders, realtest.PairBOld},
		{realtest.Headers73, realtest.Image73},
	}
	for _, f := range realtest.Flavours72 {
		list = append(list, [2]string{realtest.Headers72(f.Flavour), realtest.Image72(f.Flavour)})
	}
	for _, c := range list {
		want := symversOf(t, realtest.Member(t, realtest.Deb(t, c[0]), "Module.symvers"))
		got := slices.Clone(parseReal(t, c[1]).Exports)
		code, data := 0, 0
		for i := range got { // what a symbol is, Module.symvers does not say
			switch got[i].What {
			case symvers.Code:
				code++
			case symvers.Data:
				data++
			}
			got[i].What = symvers.Unknown
		}
		// An image that is no ELF file has no sections that would tell.
		if code+data > 0 && (code+data < len(got)*99/100 || code < 5*data) {
			t.Errorf("%s: %d exports, %d code, %d data", c[1], len(got), code, data)
		}
		if len(want) < 9000 || !slices.Equal(got, want) {
			t.Errorf("%s: %d exports, Module.symvers has %d", c[1], len(got), len(want))
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Errorf("first difference: %+v, want %+v", got[i], want[i])
					break
				}
			}
		}
	}
}

// symversOf reads the lines of vmlinux by hand: crc, name, owner, type, namespace.
func symversOf(t *testing.T, text []byte) []symvers.Symbol {
	var out []symvers.Symbol
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		c := strings.Split(s.Text(), "\t")
		if len(c) != 5 || c[2] != "vmlinux" {
			continue
		}
		raw, err := hex.DecodeString(strings.TrimPrefix(c[0], "0x"))
		if err != nil || len(raw) != 4 {
			t.Fatalf("crc %q", c[0])
		}
		sym := symvers.Symbol{Name: c[1], CRC: be.Uint32(raw), Owner: c[2], Namespace: c[4], Export: symvers.ExportAny}
		sym.HasCRC = sym.CRC != 0
		if c[3] == "EXPORT_SYMBOL_GPL" {
			sym.Export = symvers.ExportGPL
		}
		out = append(out, sym)
	}
	slices.SortFunc(out, func(a, b symvers.Symbol) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// BenchmarkFacts measures what is left of Parse without decompression.
func BenchmarkFacts(b *testing.B) {
	data := realtest.Member(b, realtest.Deb(b, realtest.PairAOld), imageName(realtest.PairAOld))
	var p parser
	in, err := openBzImage(data)
	if err != nil {
		b.Fatal(err)
	}
	var dec codec.Decoder
	elf, _, err := dec.DecodePrefix(nil, in[0].packed, in[0].data, 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	p.ctx, p.dec = context.Background(), &dec
	for b.Loop() {
		if _, err := p.kernel(node{data: elf, claim: -1}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse measures the whole of it.
func BenchmarkParse(b *testing.B) {
	data := realtest.Member(b, realtest.Deb(b, realtest.PairAOld), imageName(realtest.PairAOld))
	for b.Loop() {
		mustParse(b, data)
	}
}
