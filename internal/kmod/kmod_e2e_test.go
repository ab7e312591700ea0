//go:build e2e

package kmod_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/symvers"
)

// packages are real releases and the truths about them: what was counted in them
// once with other tools, and Module.symvers of the headers package.
var packages = []struct {
	modules, image, headers string // specs
	count                   int
	btf                     int64
	withIDs                 int
	compression, algorithm  string
	trailer                 int // bytes; 0: they differ
}{
	{realtest.PairAOld, "", realtest.PairAOldHeaders, 4023, 60226433, 4, "", "rsa", 681 + 40},
	{realtest.PairBOld, "", realtest.PairBOldHeaders, 4230, 72944928, 7, "xz", "ecdsa", 0},
	{realtest.Modules73, realtest.Image73, realtest.Headers73, 4225, 107656984, 128, "xz", "ecdsa", 0},
}

// walk hands out the regular files of a package.
func walk(t testing.TB, spec string, fn func(path string, data []byte)) {
	t.Helper()
	realtest.Walk(t, realtest.Deb(t, spec), func(path string, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err == nil {
			fn(path, data)
		}
		return err
	})
}

type member struct {
	path string // "drivers/net/mii"
	data []byte
}

// release returns the modules of a package and the certificates of its image.
func release(t testing.TB, modules, image string) (list []member, certs []*modsig.Certificate) {
	t.Helper()
	file := func(path string, data []byte) {
		if strings.Contains(filepath.Base(path), "vmlinuz") {
			certs = certificates(t, data)
		}
		if _, rel, ok := strings.Cut(path, "/kernel/"); ok {
			if rel, _, ok := strings.Cut(rel, ".ko"); ok {
				list = append(list, member{rel, data})
			}
		}
	}
	walk(t, modules, file)
	if image != "" {
		walk(t, image, file)
	}
	return list, certs
}

func certificates(t testing.TB, image []byte) (certs []*modsig.Certificate) {
	t.Helper()
	var dec codec.Decoder
	for at := range image {
		if f := codec.Detect(image[at:]); f != codec.XZ && f != codec.Zstd {
			continue
		}
		vmlinux, _, err := dec.DecodePrefix(nil, codec.Detect(image[at:]), image[at:], limits.MaxImage)
		if err != nil || !bytes.HasPrefix(vmlinux, []byte("\x7fELF")) {
			continue
		}
		for _, der := range modsig.FindCertificates(vmlinux) {
			c, err := modsig.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			certs = append(certs, c)
		}
		return certs
	}
	t.Fatal("no kernel in the image")
	return nil
}

func TestRealReleases(t *testing.T) {
	for _, p := range packages {
		t.Run(p.modules, func(t *testing.T) {
			list, certs := release(t, p.modules, p.image)
			if len(list) != p.count || len(certs) != 1 {
				t.Fatalf("%d modules and %d certificates, want %d and 1", len(list), len(certs), p.count)
			}
			known := symbolTable(t, p.headers)
			var dec codec.Decoder
			var btf, ids, exports int
			var verify time.Duration
			for _, m := range list {
				f, err := kmod.ParseFile(m.data, &dec, kmod.Options{OmitSections: true})
				if err != nil {
					t.Fatal(m.path, err)
				}
				btf += f.BTF.Len()
				if f.IDs != nil {
					ids++
				}
				start := time.Now()
				if r := certs[0].Verify(f.Sig); r != modsig.Valid {
					t.Errorf("%s: signature is %v", m.path, r)
				}
				verify += time.Since(start)
				if f.Compression != p.compression || f.Sig.Algorithm != p.algorithm || p.trailer != 0 && f.Sig.Len != p.trailer || f.Anomalies != nil {
					t.Errorf("%s: %s, %s, trailer of %d, %q", m.path, f.Compression, f.Sig.Algorithm, f.Sig.Len, f.Anomalies)
				}
				if f.Modinfo.Vermagic == "" || !f.Modinfo.Intree {
					t.Errorf("%s: %+v", m.path, f.Modinfo)
				}
				for _, e := range f.Exports {
					exports++
					e.Owner, e.What = m.path, symvers.Unknown // the table does not tell
					if known[e.Name] != e {
						t.Errorf("got %+v, Module.symvers has %+v", e, known[e.Name])
					}
				}
			}
			owned := 0
			for _, e := range known {
				if e.Owner != symvers.Vmlinux {
					owned++
				}
			}
			if int64(btf) != p.btf || ids != p.withIDs || exports != owned {
				t.Errorf("%d bytes of BTF, %d with ids, %d exports; want %d, %d, %d", btf, ids, exports, p.btf, p.withIDs, owned)
			}
			t.Logf("%d signatures verified in %v", len(list), verify)
		})
	}
}

// symbolTable reads Module.symvers of a headers package.
func symbolTable(t *testing.T, headers string) map[string]symvers.Symbol {
	t.Helper()
	out := map[string]symvers.Symbol{}
	text := realtest.Member(t, realtest.Deb(t, headers), "Module.symvers")
	for sc := bufio.NewScanner(bytes.NewReader(text)); sc.Scan(); {
		w := strings.Split(sc.Text(), "\t")
		s := symvers.Symbol{Name: w[1], Owner: w[2], Namespace: w[4], Export: symvers.ExportAny}
		if strings.HasSuffix(w[3], "_GPL") {
			s.Export = symvers.ExportGPL
		}
		fmt.Sscanf(w[0], "0x%x", &s.CRC)
		s.HasCRC = s.CRC != 0
		out[s.Name] = s
	}
	if len(out) == 0 {
		t.Fatal("no Module.symvers in ", headers)
	}
	return out
}

// TestRealCopies: what strip and objcopy make of real modules agrees with them.
func TestRealCopies(t *testing.T) {
	list, _ := release(t, packages[0].modules, "")
	for i := 0; i < len(list); i += 100 {
		data := list[i].data
		want := mustParse(t, data).AllocDigest
		for _, copied := range [][]byte{
			tool(t, data, "strip", "-g"), tool(t, data, "strip", "--strip-unneeded"), tool(t, data, "objcopy", "--remove-section", ".BTF"),
		} {
			if mustParse(t, copied).AllocDigest != want {
				t.Errorf("%s: a stripped copy differs", list[i].path)
			}
		}
	}
}

// BenchmarkRelease reads all modules of 6.1 from memory. sha256-ns is what
// hashing them alone takes.
func BenchmarkRelease(b *testing.B) {
	list, _ := release(b, packages[0].modules, "")
	total := 0
	start := time.Now()
	for _, m := range list {
		sha256.Sum256(m.data)
		total += len(m.data)
	}
	b.ReportMetric(float64(time.Since(start)), "sha256-ns")
	b.SetBytes(int64(total))
	for b.Loop() {
		for _, m := range list {
			if _, err := kmod.Parse(m.data, kmod.Options{OmitSections: true}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
