package pack

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack/packtest"
	"kpkg-btf/internal/where"
)

// kernelFiles is one module below lib/modules in each format's own spelling.
func kernelFiles(prefix string) []packtest.Entry {
	return []packtest.Entry{
		packtest.Special(prefix+"lib/modules/6.1.1/", tar.TypeDir, ""),
		packtest.Reg(prefix+"lib/modules/6.1.1/a.ko", "module"),
		packtest.Special(prefix+"lib/modules/6.1.1/build", tar.TypeSymlink, "../../../../etc/passwd"),
	}
}

var wantKernelFiles = []string{"lib/modules/6.1.1|dir||", "lib/modules/6.1.1/a.ko|file||module", "lib/modules/6.1.1/build|symlink|../../../../etc/passwd|"}

func entriesOf(t *testing.T, path string) []string {
	t.Helper()
	got, err := walkAll(path, Options{})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return names(got)
}

// TestOtherFormats: what each is, what it says of itself, and its files.
func TestOtherFormats(t *testing.T) {
	arch := string((&packtest.Arch{Files: kernelFiles("")}).Tar())
	plain := string(packtest.Tar(kernelFiles("./")))
	gzipped := func(s string) string { return gz(t, s) }
	tools := map[string]func(string) string{
		"": func(s string) string { return s }, ".gz": gzipped, ".zst": func(s string) string { return zst(t, s) },
		".xz":  func(s string) string { return filter(t, s, "xz", "-c") },
		".bz2": func(s string) string { return filter(t, s, "bzip2", "-c") },
	}
	type want struct{ kind, name, version, arch, source, coverage string }
	isArch := want{"archlinux", "linux-test", "1:6.1.1.arch1-1", "x86_64", "linux", ""}
	isApk := want{"apk", "linux-lts", "6.1.1-r0", "x86_64", "linux-test", "sha256"}
	isIpk := want{"ipk", "kmod-test", "6.1.1-r1", "mipsel_24kc", "package/kernel/linux", ""}
	cases := []struct {
		name, data string
		want
	}{
		{"a.apk", string((&packtest.Apk{Files: kernelFiles("")}).Build()), isApk},
		{"unsigned.apk", string((&packtest.Apk{Files: kernelFiles(""), Unsigned: true}).Build()), isApk},
		{"any-name", string((&packtest.Apk{Files: kernelFiles("")}).Build()), isApk},
		{"a.ipk", string((&packtest.Ipk{Files: kernelFiles("./")}).Build()), isIpk},
		{"ar.ipk", string((&packtest.Ipk{Files: kernelFiles("./"), Ar: true}).Build()), isIpk},
		{"any-other", string((&packtest.Ipk{Files: kernelFiles("./")}).Build()), isIpk},
	}
	for ext, pack := range tools {
		cases = append(cases,
			struct {
				name, data string
				want
			}{"l.pkg.tar" + ext, pack(arch), isArch},
			struct {
				name, data string
				want
			}{"linux-6.1.1-x86.tar" + ext, pack(plain), want{kind: "tar"}})
	}
	for _, c := range cases {
		path := write(t, c.name, []byte(c.data))
		if got := entriesOf(t, path); !slices.Equal(got, wantKernelFiles) {
			t.Errorf("%s: %q", c.name, got)
		}
		p, err := Open(context.Background(), path, Options{})
		check(t, err)
		if got := (want{string(p.Kind), p.Name, p.Version, p.Arch, p.Source, p.Coverage}); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		if err := p.WalkRaw(context.Background(), nil); where.KindOf(err) != where.Unsupported || !strings.Contains(err.Error(), "is not written again: ") {
			t.Errorf("%s: to be written again: %v", c.name, err)
		}
		check(t, p.Close())
	}
}

// TestOtherFormatsHostile: what is refused, and in which words.
func TestOtherFormatsHostile(t *testing.T) {
	file := packtest.Reg("lib/modules/6.1.1/a.ko", strings.Repeat("module", 1000))
	apk := func(a packtest.Apk) string {
		if a.Files == nil {
			a.Files = []packtest.Entry{file}
		}
		return string(a.Build())
	}
	arch := func(info string, files ...packtest.Entry) string {
		return zst(t, string((&packtest.Arch{Info: info, Files: files}).Tar()))
	}
	parts := (&packtest.Ipk{Files: []packtest.Entry{file}}).Parts()
	ipk := func(m ...packtest.ArMember) string { return string((&packtest.Ipk{Members: m}).Build()) }
	arIpk := func(m ...packtest.ArMember) string { return string((&packtest.Ipk{Members: m, Ar: true}).Build()) }
	sound := apk(packtest.Apk{})
	bomb := bombTar(t, 96<<20, func(w io.Writer) io.WriteCloser { z, err := gzip.NewWriterLevel(w, 9); check(t, err); return z })
	for _, c := range []struct {
		name, data string
		kind       where.Kind
		says       string
	}{
		{"v3.apk", "ADBd\x00\x00", where.Unsupported, "format 3 (ADB)"},
		{"zip.apk", "PK\x03\x04 an Android package", where.Malformed, "not what its name says"},
		{"empty.apk", "", where.Malformed, "not what its name says"},
		{"hash.apk", apk(packtest.Apk{Hash: strings.Repeat("0", 64)}), where.Malformed, "datahash of .PKGINFO is "},
		{"twice.apk", apk(packtest.Apk{Info: "pkgname = a\npkgname = b\npkgver = 1\narch = x\n"}), where.Malformed, "pkgname stands twice"},
		{"nameless.apk", apk(packtest.Apk{Info: "pkgver = 1\narch = x\n"}), where.Malformed, "pkgname, pkgver or arch is missing"},
		{"early.apk", apk(packtest.Apk{Early: []packtest.Entry{file}}), where.Malformed, "a.ko stands before the data"},
		{"infos.apk", apk(packtest.Apk{Early: []packtest.Entry{packtest.Reg(".PKGINFO", "pkgname = b\n")}}), where.Malformed, "two files .PKGINFO"},
		{"hidden.apk", apk(packtest.Apk{Files: []packtest.Entry{packtest.Reg("./lib/a.ko", "m")}}), where.Malformed, "begins with a dot"},
		{"out.apk", apk(packtest.Apk{Files: []packtest.Entry{packtest.Reg("lib/../../a.ko", "m")}}), where.Malformed, "leads out of the package"},
		{"cut.apk", sound[:len(sound)-9], where.Malformed, "data"},
		{"nodata.apk", string(packtest.GZ(packtest.Tar([]packtest.Entry{packtest.Reg(".PKGINFO", "pkgname = a\npkgver = 1\narch = x\n")}))), where.Malformed, "truncated: no data"},
		{"signature.apk", string(packtest.GZ(packtest.Tar([]packtest.Entry{packtest.Reg(".SIGN.RSA.x", "s")}))), where.Malformed, "no .PKGINFO before the data"},
		{"bomb.apk", string(packtest.GZ(packtest.Tar([]packtest.Entry{packtest.Reg(".PKGINFO", "pkgname = a\npkgver = 1\narch = x\n")}))) + bomb, where.Limit, "bomb.apk: data"},
		{"key.pkg.tar.zst", arch("pkgname\n"), where.Malformed, "is not key = value"},
		{"two.pkg.tar.zst", arch("", packtest.Reg(".PKGINFO", "pkgname = b\n")), where.Malformed, "two files .PKGINFO"},
		{"dot.pkg.tar.zst", arch("", packtest.Reg("./usr/lib/a.ko", "m")), where.Malformed, "begins with a dot"},
		{"abs.pkg.tar.zst", arch("", packtest.Reg("/usr/lib/a.ko", "m")), where.Malformed, "is absolute"},
		{"link.pkg.tar.zst", arch("", packtest.Special("usr/a", tar.TypeLink, "../../etc/passwd")), where.Malformed, "leads out of the package"},
		{"none.pkg.tar.xz", filter(t, "no archive", "xz", "-c"), where.Malformed, "not what its name says"},
		{"cut.tar.xz", filter(t, string(packtest.Tar([]packtest.Entry{file})), "xz", "-c")[:60], where.Malformed, "not what its name says"},
		{"cut.tar", string(packtest.Tar([]packtest.Entry{file}))[:3000], where.Malformed, "truncated"},
		{"bomb.tar.gz", bomb, where.Limit, "bomb"},
		{"out.tar", string(packtest.Tar([]packtest.Entry{packtest.Reg("../a.ko", "m")})), where.Malformed, "leads out of the package"},
		{"nul.tar", string(packtest.Tar(nil)), where.Malformed, "a tar archive without an entry"},
		{"part.ipk", ipk(parts[:2]...), where.Malformed, "member control.tar is missing"},
		{"part-ar.ipk", arIpk(parts[0], parts[2]), where.Malformed, "member data.tar is missing"},
		{"two.ipk", ipk(parts[0], parts[1], parts[2], packtest.ArMember{Name: "data.tar.xz"}), where.Malformed, "two members: data.tar.gz and data.tar.xz"},
		{"other.ipk", arIpk(append(slices.Clone(parts), packtest.ArMember{Name: "more", Data: "x"})...), where.Malformed, "member more"},
		{"lz4.ipk", ipk(parts[0], packtest.ArMember{Name: "data.tar.lz4", Data: "x"}, parts[2]), where.Unsupported, "member data.tar.lz4"},
		{"cut.ipk", ipk(parts[0], packtest.ArMember{Name: "data.tar.gz", Data: parts[1].Data[:40]}, parts[2]), where.Malformed, "data.tar.gz"},
		{"bomb.ipk", ipk(parts[0], packtest.ArMember{Name: "data.tar.gz", Data: bomb}, parts[2]), where.Limit, "data.tar.gz"},
		{"held.ipk", ipk(parts[0], packtest.ArMember{Name: "data.tar.gz", Data: strings.Repeat("\x00", int(limits.Cap(0, 1<<40))+(8<<20))}, parts[2]), where.Limit, "are not held in memory"},
	} {
		path := write(t, c.name, []byte(c.data))
		_, err := walkAll(path, Options{})
		if err == nil || where.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s: kind %v, want %v with %q: %v", c.name, where.KindOf(err), c.kind, c.says, err)
		}
	}
}

// TestOtherFormatsCut: no prefix of a package is a package.
func TestOtherFormatsCut(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{
		"a.apk":         string((&packtest.Apk{Files: kernelFiles("")}).Build()),
		"a.ipk":         string((&packtest.Ipk{Files: kernelFiles("./")}).Build()),
		"ar.ipk":        string((&packtest.Ipk{Files: kernelFiles("./"), Ar: true}).Build()),
		"a.pkg.tar.zst": zst(t, string((&packtest.Arch{Files: kernelFiles("")}).Tar())),
		"a.tar.gz":      gz(t, string(packtest.Tar(kernelFiles("./")))),
	} {
		path := filepath.Join(dir, name)
		for n := range len(data) {
			check(t, os.WriteFile(path, []byte(data[:n]), 0o600))
			if _, err := walkAll(path, Options{}); err == nil {
				t.Errorf("%s: %d of %d bytes are taken for all", name, n, len(data))
			} else if k := where.KindOf(err); k != where.Malformed && k != where.Unsupported {
				t.Errorf("%s: %d bytes: %v: %v", name, n, k, err)
			}
		}
	}
}

// TestFolderOfArchives: next to packages an archive is their source, and is read
// where it is named alone.
func TestFolderOfArchives(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.pkg.tar.zst", "b.apk", "c.ipk", "linux_6.1.orig.tar.xz", "linux-6.1.tar.gz"} {
		check(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	got, err := Expand([]string{dir})
	check(t, err)
	var list []string
	for _, in := range got {
		list = append(list, filepath.Base(in.Path))
	}
	if fmt.Sprint(list) != "[a.pkg.tar.zst b.apk c.ipk]" {
		t.Errorf("%v", list)
	}
}

func FuzzApk(f *testing.F) {
	f.Add((&packtest.Apk{Files: []packtest.Entry{packtest.Reg("a.ko", "module")}, Hash: "-"}).Build())
	f.Add([]byte("ADBd"))
	fuzzWhole(f, "x.apk")
}

func FuzzArch(f *testing.F) {
	f.Add((&packtest.Arch{Files: []packtest.Entry{packtest.Reg("a.ko", "module")}}).Tar())
	f.Add(packtest.GZ((&packtest.Arch{Files: []packtest.Entry{packtest.Special("l", tar.TypeSymlink, "../..")}}).Tar()))
	fuzzWhole(f, "x.pkg.tar.zst")
}

func FuzzIpk(f *testing.F) {
	f.Add((&packtest.Ipk{Files: []packtest.Entry{packtest.Reg("./a.ko", "module")}}).Build())
	f.Add((&packtest.Ipk{Files: []packtest.Entry{packtest.Reg("./a.ko", "module")}, Ar: true}).Build())
	fuzzWhole(f, "x.ipk")
}

func FuzzTar(f *testing.F) {
	f.Add(packtest.Tar(kernelFiles("./")))
	f.Add(packtest.GZ(packtest.Tar(kernelFiles(""))))
	fuzzWhole(f, "linux-6.1.1-x86.tar")
}
