//go:build pipelines

package pipelines

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/modsig/modsigtest"
	"kpkg-btf/internal/realtest"
)

// partSpec packs a stage as it is.
const partSpec = `
Name: partlinux
Version: 6.1.192
Release: 2
Summary: test
License: GPL-2.0
%%global _binary_payload w3.zstdio
%%global __os_install_post %%{nil}
%%global debug_package %%{nil}
%%global _build_id_links none
AutoReqProv: no
%%description
test
%%install
mkdir -p %%{buildroot}
cp -a %s/. %%{buildroot}/
%%files
/boot/*
/lib/modules/*
`

const partControl = `Package: partlinux
Version: 6.1.192-2
Architecture: amd64
Maintainer: X <x@example.org>
Installed-Size: %d
Description: part of a kernel
 A test.
`

// partModules are modules of pair A, about 40; among them those with kfuncs
// and with lists of base ids.
var partModules = []string{"kernel/net/netfilter/nf_", "kernel/net/ipv4/tcp_", "kernel/lib/libcrc32c", "kernel/crypto/crc32c"}

// part is a package of a part of a kernel, made by its system's own builder.
type part struct {
	stage, file string
	trusted     string // certificate of who signed its modules, "" for Debian
	install     func(t *testing.T, files ...string) (root string)
	check       []string // the command that reads the finished package
}

// parts are what partFiles has read, by package.
var parts = map[string]map[string][]byte{}

// partFiles are the files of the part as Debian ships them in one package,
// which is read once for all tests: nobody changes what is in it.
func partFiles(t *testing.T, spec string) map[string][]byte {
	t.Helper()
	if parts[spec] != nil {
		return parts[spec]
	}
	found, modules := map[string][]byte{}, 0
	realtest.Walk(t, realtest.Deb(t, spec), func(path string, content io.Reader) error {
		wanted := strings.HasPrefix(path, "boot/vmlinuz-") || strings.HasPrefix(path, "boot/config-") || strings.HasSuffix(path, "/modules.builtin")
		for _, p := range partModules {
			wanted = wanted || strings.Contains(path, "/"+p)
		}
		if !wanted {
			return nil
		}
		data, err := io.ReadAll(content)
		if bytes.Contains(data, []byte(btfName)) && strings.HasSuffix(path, ".ko") {
			modules++
		}
		found[path] = data
		return err
	})
	if modules < 30 || modules > 80 || len(found) != modules+3 {
		t.Fatalf("%d modules with BTF among %d files", modules, len(found))
	}
	parts[spec] = found
	return found
}

// btfName is the name of the section where names of sections lie.
const btfName = "\x00.BTF\x00"

// stagePart writes the part; rewrite may change a module and its name.
func stagePart(t *testing.T, all map[string][]byte, rewrite func(path string, data []byte) (string, []byte)) string {
	t.Helper()
	stage := t.TempDir()
	for path, data := range all {
		if strings.HasSuffix(path, ".ko") {
			path, data = rewrite(path, data)
		}
		write(t, filepath.Join(stage, path), data)
	}
	return stage
}

// debPart: plain modules, signed by Debian's build.
func debPart(t *testing.T, all map[string][]byte) *part {
	t.Helper()
	stage := stagePart(t, all, func(path string, data []byte) (string, []byte) { return path, data })
	var sums strings.Builder
	size := 0
	for path, data := range files(t, stage) {
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(data), path)
		size += (len(data) + 1023) / 1024
	}
	tree := t.TempDir()
	if out, err := exec.Command("cp", "-a", stage+"/.", tree).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	must(t, os.Chmod(tree, 0o755))
	write(t, filepath.Join(tree, "DEBIAN/control"), fmt.Appendf(nil, partControl, size))
	write(t, filepath.Join(tree, "DEBIAN/md5sums"), []byte(sums.String()))
	file := filepath.Join(t.TempDir(), "partlinux.deb")
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", tree, file).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v\n%s", err, out)
	}
	return &part{stage: stage, file: file, install: install, check: []string{"dpkg-deb", "--contents"}}
}

// rpmPart: modules signed by a vendor that is known, then compressed with xz
// as kbuild does.
func rpmPart(t *testing.T, all map[string][]byte) *part {
	t.Helper()
	vendor := modsigtest.NewRSA("vendor", 2048)
	stage := stagePart(t, all, func(path string, data []byte) (string, []byte) {
		content, _ := splitSignature(t, data)
		xz := exec.Command("xz", "-c", "--check=crc32", "--lzma2=preset=0,dict=1MiB")
		xz.Stdin = bytes.NewReader(vendor.SignWith(content, modsigtest.Options{}))
		out, err := xz.Output()
		must(t, err)
		return path + ".xz", out
	})
	top := t.TempDir()
	write(t, filepath.Join(top, "x.spec"), fmt.Appendf(nil, partSpec, stage))
	if out, err := exec.Command("rpmbuild", "-bb", "--define", "_topdir "+top, filepath.Join(top, "x.spec")).CombinedOutput(); err != nil {
		t.Fatalf("rpmbuild: %v\n%s", err, lastLines(string(out), 20))
	}
	found, err := filepath.Glob(filepath.Join(top, "RPMS/*/*.rpm"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	trusted := filepath.Join(top, "vendor.der")
	write(t, trusted, vendor.Cert)
	return &part{stage: stage, file: found[0], trusted: trusted, install: installRPM, check: []string{"rpm", "-K", "--nosignature"}}
}

// installRPM lets the real rpm install packages, each over the one before, and
// verify what is present.
func installRPM(t *testing.T, rpms ...string) (root string) {
	t.Helper()
	root = t.TempDir()
	run := func(args ...string) string {
		out, err := exec.Command("rpm", append([]string{"--root", root}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("rpm %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("--initdb")
	for _, file := range rpms {
		run("-U", "--nodeps", "--nosignature", "--replacepkgs", file)
	}
	if said := run("-V", "--nodeps", "partlinux"); strings.TrimSpace(said) != "" {
		t.Errorf("rpm -V: %s", said)
	}
	return root
}

// files are the files below a folder that belong to the part.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, top := range []string{"boot", "lib/modules"} {
		must(t, filepath.WalkDir(filepath.Join(dir, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			name, err := filepath.Rel(dir, path)
			must(t, err)
			out[name], err = os.ReadFile(path)
			return err
		}))
	}
	return out
}

// splitSignature takes a module apart as the kernel does (mod_check_sig).
func splitSignature(t *testing.T, ko []byte) (content, cms []byte) {
	t.Helper()
	const magic, about = "~Module signature appended~\n", 12
	body, signed := bytes.CutSuffix(ko, []byte(magic))
	if !signed {
		return ko, nil
	}
	at := len(body) - about
	from := at - int(binary.BigEndian.Uint32(body[at+about-4:]))
	return body[:from:from], body[from:at]
}

// newKey lets openssl make a key with its certificate.
func newKey(t *testing.T) (key, cert string) {
	t.Helper()
	dir := t.TempDir()
	key, cert = filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=one more key", "-keyout", key, "-out", cert).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl req: %v\n%s", err, out)
	}
	return key, cert
}

// TestApplyPackages: a package of real files is stripped, its modules without
// their signatures or signed anew: the system's own tools read, install and
// verify what comes out, the tool itself keeps it, and only modules changed.
func TestApplyPackages(t *testing.T) {
	all := partFiles(t, realtest.PairANew)
	for name, pack := range map[string]func(*testing.T, map[string][]byte) *part{"deb": debPart, "rpm": rpmPart} {
		t.Run(name, func(t *testing.T) {
			p := pack(t, all)
			key, cert := newKey(t)
			t.Run("dropped", func(t *testing.T) { p.applied(t, "", "--drop-signature") })
			sign := []string{"--resign", key, "--cert", cert, "--allow-foreign-key"}
			if p.trusted != "" {
				sign = append(sign, "--trusted-cert", p.trusted)
			} else {
				sign = append(sign, "--allow-unsigned-input")
			}
			t.Run("re-signed", func(t *testing.T) { p.applied(t, cert, sign...) })
			t.Run("refused", func(t *testing.T) {
				p.refused(t, "lose")
				p.refused(t, "trusted", "--resign", key, "--cert", cert, "--allow-foreign-key", "--trusted-cert", cert)
				p.refused(t, "not in the kernel image", append(sign[:4:4], sign[5:]...)...)
			})
		})
	}
}

// applied strips the package and looks at the result with every eye there is.
func (p *part) applied(t *testing.T, cert string, flags ...string) {
	before := digestOf(t, p.file)
	dir := t.TempDir()
	out, complaint, code := realtest.Run(t, append([]string{"apply", "--action=strip", p.file, "-o", dir}, flags...)...)
	if code != 0 {
		t.Fatalf("apply: exit %d\n%s%s", code, out, complaint)
	}
	made := filepath.Join(dir, filepath.Base(p.file))
	if now := digestOf(t, p.file); now != before || digestOf(t, made) == before {
		t.Errorf("the input was %s and is %s", before, now)
	}
	if out, err := exec.Command(p.check[0], append(p.check[1:], made)...).CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s", p.check, err, out)
	}
	p.compare(t, files(t, p.install(t, p.file, made)), cert)
	out, complaint, code = realtest.Run(t, "check", made)
	if code != 0 || !strings.Contains(out, "KEEP   ") {
		t.Errorf("check: exit %d\n%s%s", code, out, complaint)
	}
}

// compare holds what was installed against what was packed.
func (p *part) compare(t *testing.T, now map[string][]byte, cert string) {
	t.Helper()
	was := files(t, p.stage)
	if len(now) != len(was) {
		t.Errorf("%d files, packed were %d", len(now), len(was))
	}
	modules := 0
	for path, data := range now {
		if !strings.Contains(path, ".ko") {
			if !bytes.Equal(data, was[path]) {
				t.Errorf("%s changed", path)
			}
			continue
		}
		modules++
		if strings.HasSuffix(path, ".xz") {
			data = unxz(t, path, data)
		}
		content, cms := splitSignature(t, data)
		if bytes.Contains(content, []byte(btfName)) || !bytes.HasPrefix(content, []byte("\x7fELF")) {
			t.Errorf("%s: not stripped", path)
		}
		if (cms != nil) != (cert != "") {
			t.Errorf("%s: a signature of %d bytes", path, len(cms))
		}
		if cms != nil {
			signedBy(t, path, data, cert)
		}
	}
	if modules < 30 {
		t.Errorf("%d modules installed", modules)
	}
}

// unxz wants kbuild's settings kept: a check of CRC32.
func unxz(t *testing.T, path string, data []byte) []byte {
	t.Helper()
	if len(data) < 8 || data[7] != 1 { // xz-file-format 2.1.1.2, stream flags
		t.Errorf("%s: no CRC32", path)
	}
	cmd := exec.Command("xz", "-dc")
	cmd.Stdin = bytes.NewReader(data)
	plain, err := cmd.Output()
	if err != nil {
		t.Fatal(path, err)
	}
	return plain
}

// signedBy lets openssl verify a module's signature and modinfo name its signer.
func signedBy(t *testing.T, path string, ko []byte, cert string) {
	t.Helper()
	dir := t.TempDir()
	content, cms := splitSignature(t, ko)
	for name, data := range map[string][]byte{"content": content, "cms": cms, "m.ko": ko} {
		write(t, filepath.Join(dir, name), data)
	}
	out, err := exec.Command("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", filepath.Join(dir, "cms"), "-content", filepath.Join(dir, "content"),
		"-certfile", cert, "-CAfile", cert, "-purpose", "any", "-out", os.DevNull).CombinedOutput()
	if err != nil {
		t.Errorf("%s: openssl: %v\n%s", path, err, out)
	}
	info, err := exec.Command("/usr/sbin/modinfo", "-F", "signer", filepath.Join(dir, "m.ko")).CombinedOutput()
	if err != nil || strings.TrimSpace(string(info)) != "one more key" {
		t.Errorf("%s: modinfo: signer %q, %v", path, info, err)
	}
}

// refused wants a usage error that says why, and nothing written.
func (p *part) refused(t *testing.T, why string, flags ...string) {
	t.Helper()
	dir := t.TempDir()
	_, complaint, code := realtest.Run(t, append([]string{"apply", "--action=strip", p.file, "-o", dir}, flags...)...)
	if code != 2 || !strings.Contains(complaint, why) {
		t.Errorf("want exit 2 and %q: exit %d %s", why, code, complaint)
	}
	if left := dirs(t, dir); len(left) != 0 {
		t.Errorf("%q: %s was written", why, left[0].Name())
	}
}

func digestOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return fmt.Sprintf("%x", sha256.Sum256(data))
}
