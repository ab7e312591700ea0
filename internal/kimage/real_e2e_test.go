//go:build e2e

package kimage

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
)

// pool is the folder with the real packages (testdata/real/fetch.sh).
func pool(t testing.TB) string {
	dir := os.Getenv("KPKG_BTF_CACHE")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(home, ".cache", "kpkg-btf")
	}
	return filepath.Join(dir, "pool")
}

// member reads the files of a real package whose path matches the pattern.
func member(t testing.TB, pkg, pattern string) []byte {
	t.Helper()
	debs, err := filepath.Glob(filepath.Join(pool(t), pkg))
	if err != nil || len(debs) != 1 {
		t.Fatalf("%s: %d packages in %s, want one (%v)", pkg, len(debs), pool(t), err)
	}
	tar := exec.Command("dpkg-deb", "--fsys-tarfile", debs[0])
	x := exec.Command("tar", "xO", "--wildcards", pattern)
	if x.Stdin, err = tar.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := tar.Start(); err != nil {
		t.Fatal(err)
	}
	out, err := x.Output()
	if err != nil {
		t.Fatalf("%s: %s: %v", pkg, pattern, err)
	}
	if err := tar.Wait(); err != nil {
		t.Fatal(err)
	}
	return out
}

// parsed keeps the facts of the images that several tests look at.
var parsed = map[[2]string]*Facts{}

// parseReal gives the facts of an image in a package.
func parseReal(t testing.TB, pkg, path string) *Facts {
	t.Helper()
	key := [2]string{pkg, path}
	if parsed[key] == nil {
		parsed[key] = mustParse(t, member(t, pkg, path))
	}
	return parsed[key]
}

const (
	debian72     = "module+ distilled+ order- chain+ kfunc- dtor- mismatch- proto+ duplicate+ sig+ 019 032 512"
	debian72None = "module- distilled+ order- chain+ kfunc- dtor- mismatch- proto- duplicate+ sig+ 000 000 000" // DEBUG_INFO_BTF=n
)

func TestRealImages(t *testing.T) {
	const v = "./usr/lib/modules/*/vmlinuz"
	for _, c := range []struct {
		pkg, path, format, release string
		arch                       model.Arch
		sum                        string // of the base, "" for any, "-" for no base
		abilities                  string
		certs                      int
	}{
		{"linux-image-6.1.0-55-amd64_*", "./boot/vmlinuz*", "bzImage xz ELF", "6.1.0-55-amd64", model.X8664, "c09f1a7c",
			"module+ distilled- order+ chain+ kfunc- dtor+ mismatch? proto- duplicate- sig+ 019 024 512", 1},
		{"linux-image-6.1.0-56-amd64_*", "./boot/vmlinuz*", "bzImage xz ELF", "6.1.0-56-amd64", model.X8664, "a53c4b97",
			"module+ distilled- order+ chain+ kfunc- dtor+ mismatch? proto- duplicate- sig+ 019 024 512", 1},
		{"linux-image-6.12.115+deb13-amd64_*", "./boot/vmlinuz*", "bzImage zstd ELF", "6.12.115+deb13-amd64", model.X8664, "db58ed16",
			"module+ distilled+ order+ chain+ kfunc- dtor- mismatch+ proto+ duplicate- sig+ 019 024 512", 1},
		{"linux-binary-7.3.4+deb13-amd64_*", v, "bzImage zstd ELF", "7.3.4+deb13-amd64", model.X8664, "5a05808c",
			"module+ distilled+ order- chain+ kfunc- dtor- mismatch- proto+ duplicate+ sig+ 019 032 512", 1},
		{"linux-binary-7.2.13+deb14-amd64_*", v, "bzImage zstd ELF", "7.2.13+deb14-amd64", model.X8664, "", debian72, 1},
		{"linux-binary-7.2.13+deb14-arm64_*", v, "Image", "7.2.13+deb14-arm64", model.ARM64, "", debian72, 2},
		{"linux-binary-7.2.13+deb14-armmp_*", v, "zImage xz raw", "7.2.13+deb14-armmp", model.ARM, "-", debian72None, 1},
		{"linux-binary-7.2.13+deb14-loong64_*", v, "EFI-zboot zstd Image", "7.2.13+deb14-loong64", model.LoongArch64, "-", debian72None, 1},
		{"linux-binary-7.2.13+deb14-powerpc64le_*", v, "ELF", "7.2.13+deb14-powerpc64le", model.PPC64LE, "", debian72, 1},
		{"linux-binary-7.2.13+deb14-riscv64_*", v, "Image", "7.2.13+deb14-riscv64", model.RISCV64, "", debian72, 1},
		{"linux-binary-7.2.13+deb14-s390x_*", v, "s390-bzImage zstd raw", "7.2.13+deb14-s390x", model.S390X, "", debian72, 1},
	} {
		t.Run(c.pkg, func(t *testing.T) {
			f := parseReal(t, c.pkg, c.path)
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
			if got := f.Abilities.words(); got != c.abilities {
				t.Errorf("abilities\n got %s\nwant %s\n%+v", got, c.abilities, f.Abilities)
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
	type source struct{ image, path, config, configPath string }
	list := []source{{"linux-image-6.1.0-55-amd64_*", "./boot/vmlinuz*", "linux-image-6.1.0-55-amd64_*", "./boot/config*"}}
	list = append(list, source{"linux-image-6.12.115+deb13.1-amd64_*", "./boot/vmlinuz*", "linux-image-6.12.115+deb13.1-amd64_*", "./boot/config*"})
	for _, flavour := range []string{"7.3.4+deb13-amd64", "7.2.13+deb14-amd64", "7.2.13+deb14-arm64", "7.2.13+deb14-armmp",
		"7.2.13+deb14-loong64", "7.2.13+deb14-powerpc64le", "7.2.13+deb14-riscv64", "7.2.13+deb14-s390x"} {
		list = append(list, source{"linux-binary-" + flavour + "_*", "./usr/lib/modules/*/vmlinuz", "linux-base-" + flavour + "_*", "*/config"})
	}
	for _, s := range list {
		t.Run(s.image, func(t *testing.T) {
			f := parseReal(t, s.image, s.path)
			config := member(t, s.config, s.configPath)
			on := func(option string) bool { return hasLine(config, "CONFIG_"+option+"=y") }
			if len(config) < 100000 || (f.BTF != nil) != on("DEBUG_INFO_BTF") {
				t.Errorf("base %v, DEBUG_INFO_BTF %v", f.BTF != nil, on("DEBUG_INFO_BTF"))
			}
			for option, a := range map[string]Ability{
				"DEBUG_INFO_BTF_MODULES": f.Abilities.ModuleBTF, "MODULE_SIG": f.Abilities.SigModule,
				"MODULE_ALLOW_BTF_MISMATCH": f.Abilities.AllowMismatch,
			} {
				if a.Is != Unknown && (a.Is == Yes) != on(option) {
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
		"linux-image-6.1.0-55-amd64_*": {100800, 1794321},
		"linux-image-6.1.0-56-amd64_*": {100751, 1794309},
	} {
		f := parseReal(t, pkg, "./boot/vmlinuz*")
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
	for _, c := range [][3]string{
		{"linux-headers-6.12.115+deb13-amd64_*", "linux-image-6.12.115+deb13-amd64_*", "./boot/vmlinuz*"},
		{"linux-headers-7.3.4*", "linux-binary-7.3.4*", "./usr/lib/modules/*/vmlinuz"},
	} {
		h := parseReal(t, c[0], "*/vmlinux")
		i := parseReal(t, c[1], c[2])
		if !h.BTFOnly || i.BTFOnly || h.Release != "" || !bytes.Equal(h.BTF, i.BTF) {
			t.Errorf("%s: BTF only %v (image %v), release %q, same base %v", c[0], h.BTFOnly, i.BTFOnly, h.Release, bytes.Equal(h.BTF, i.BTF))
		}
		if a, b := h.Abilities.words(), i.Abilities.words(); a != b {
			t.Logf("abilities without texts: %s\n              with texts: %s", a, b)
		}
	}
}

// TestRealExports compares the image's tables with Module.symvers.
func TestRealExports(t *testing.T) {
	for _, c := range [][3]string{
		{"linux-headers-6.1.0-55-amd64_*", "linux-image-6.1.0-55-amd64_*", "./boot/vmlinuz*"},
		{"linux-headers-6.12.115+deb13-amd64_*", "linux-image-6.12.115+deb13-amd64_*", "./boot/vmlinuz*"},
		{"linux-headers-7.3.4*", "linux-binary-7.3.4*", "./usr/lib/modules/*/vmlinuz"},
	} {
		want := symversOf(t, member(t, c[0], "*/Module.symvers"))
		got := parseReal(t, c[1], c[2]).Exports
		if len(want) < 10000 || !slices.Equal(got, want) {
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
	data := member(b, "linux-image-6.1.0-55-amd64_*", "./boot/vmlinuz*")
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
	data := member(b, "linux-image-6.1.0-55-amd64_*", "./boot/vmlinuz*")
	for b.Loop() {
		mustParse(b, data)
	}
}
