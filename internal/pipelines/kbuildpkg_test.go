//go:build pipelines

package pipelines

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
)

// packaging is that of a kernel whose own scripts are run: Debian's linux-source
// has them. `make long` runs later ones too: 150 MB and two minutes of CPU each.
type packaging struct{ suite, source string } // source is a pattern of package names

var packagings = []packaging{{"bookworm-security", `^linux-source-6\.1$`}}

// scripts puts the kernel's own scripts where the build tree has its, and
// writes what they expect of a tree of their time. Unpacking takes its time:
// they stay in the cache.
func (k packaging) scripts(t *testing.T, dir string) {
	t.Helper()
	specs, err := realtest.Newest(t.Context(), k.suite, k.source, 1)
	must(t, err)
	if len(specs) == 0 {
		t.Fatalf("no %s in %s", k.source, k.suite)
	}
	t.Log(specs[0])
	kept := filepath.Join(realtest.Cache(), "kbuild", filepath.Base(specs[0]))
	if _, err := os.Stat(kept); err != nil {
		deb := realtest.Deb(t, strings.Replace(specs[0], "=", ":all=", 1))
		sh(t, t.TempDir(), "dpkg-deb --fsys-tarfile '"+deb+"' | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | tar -xJ --strip-components 1 --wildcards 'linux-source-*/scripts/*' 'linux-source-*/init/*'\n"+
			"mkdir -p '"+filepath.Dir(kept)+"'; rm -rf '"+kept+".new'; mkdir '"+kept+".new'; mv scripts init '"+kept+".new'; mv '"+kept+".new' '"+kept+"'")
	}
	copyTree(t, kept, dir)
	if _, err := os.Stat(filepath.Join(dir, "scripts/package/kernel.spec")); err == nil { // 6.6 and later
		sh(t, dir, `sed -i 's/\.ko$/.o/' modules.order; touch modules.builtin.modinfo; mkdir -p include/generated arch/x86/include/generated`)
	}
	vmlinux(t, dir)
}

// vmlinux is for debug packages, with what matters: BTF and the banner.
func vmlinux(t *testing.T, dir string) {
	t.Helper()
	image, err := os.ReadFile(filepath.Join(dir, "arch/x86/boot/bzImage"))
	must(t, err)
	k, err := kimage.Parse(t.Context(), image, kimage.Options{})
	must(t, err)
	write(t, filepath.Join(dir, "vmlinux.btf"), k.BTF)
	write(t, filepath.Join(dir, "vmlinux.banner"), []byte(k.Banner+"\n\x00"))
	sh(t, dir, `echo 'void _start(void) {}' | gcc -x c -nostdlib -static -o vmlinux -
		objcopy --add-section .BTF=vmlinux.btf --add-section .rodata=vmlinux.banner --set-section-flags .rodata=alloc,readonly vmlinux
		rm vmlinux.btf vmlinux.banner; echo CONFIG_64BIT=y >>include/config/auto.conf`)
}

// TestBindebPkg: the kernel's own bindeb-pkg, with its mkdebian and builddeb.
// The module build is imitated (standIn); dpkg-buildpackage, packing and
// signing are real. What comes out is repaired and signed by the tree's key.
func TestBindebPkg(t *testing.T) {
	for _, k := range packagings {
		t.Run(k.suite, k.bindeb)
	}
}

func (k packaging) bindeb(t *testing.T) {
	above := t.TempDir()
	dir := filepath.Join(above, "linux")
	cert := buildTree(t, dir, everyModule)
	k.scripts(t, dir)
	printHook(t, "bindeb-pkg", filepath.Join(dir, "bindeb-pkg.mk"))
	old := filepath.Join(t.TempDir(), "old")
	smallOld.stageImage(t, old)
	env := append(environment(t), "SOURCE_DATE_EPOCH=1700000000", "KDEB_COMPRESS=gzip", "KDEB_CHANGELOG_DIST=unstable", "DEBEMAIL=x@example.org", "KBUILD_PKG_ROOTCMD=env", "KBUILD_BUILD_HOST=x")
	make := "make -f bindeb-pkg.mk bindeb-pkg DPKG_FLAGS=-d "
	against := "KPKG_BTF_BUILD_AGAINST=" + old + " KPKG_BTF_BUILD_CHECK='--as-if-same-release --signatures ignored' "

	// A clean checkout: the build makes the key, and the fragment finds it then.
	// The image does not carry it, as it would after a real build.
	sh(t, dir, "mv certs certs.made")
	log, err := shell(dir, env, make+against)
	if err == nil || !strings.Contains(log, "--allow-foreign-key") {
		t.Errorf("%v\n%s", err, lastLines(log, 20))
	}
	sh(t, above, "rm -f *.deb *.changes *.buildinfo")
	// With a debug package, as any kernel with BTF has it.
	sh(t, dir, "cp include/config/auto.conf auto.conf && echo CONFIG_DEBUG_INFO=y >>include/config/auto.conf")
	sign := "KPKG_BTF_BUILD_APPLY='--resign certs/signing_key.pem --cert certs/signing_key.x509 --trusted-cert certs/signing_key.x509 --allow-foreign-key'"
	log, err = shell(dir, env, make+against+sign)
	if err != nil {
		t.Fatalf("%v\n%s", err, lastLines(log, 40))
	}
	found, err := filepath.Glob(filepath.Join(above, "linux-image-*.deb"))
	if err != nil || len(found) != 2 || strings.Count(strings.Join(found, " "), "-dbg_") != 1 {
		t.Fatal(found, err)
	}
	root := install(t, found...)
	if with, all := shippedIn(t, root, cert); all < 30 || with == all {
		t.Errorf("%d of %d modules still have BTF\n%s", with, all, lastLines(log, 30))
	}
	// The upload lists the repaired package: our reader compares each digest.
	changes, err := filepath.Glob(filepath.Join(above, "*.changes"))
	if err != nil || len(changes) != 1 {
		t.Fatalf("%v %v", changes, err)
	}
	out, complaint, code := realtest.Run(t, "check", changes[0], "--against", old, "--as-if-same-release", "--signatures", "ignored")
	if code != 0 {
		t.Errorf("the upload: exit %d\n%s%s", code, out, complaint)
	}
	sh(t, dir, "mv auto.conf include/config/auto.conf")
	// A bump stops it, with the reason last.
	log, err = shell(dir, env, make+strings.Replace(against, "ignored", "enforced", 1)+sign)
	if err == nil || !strings.Contains(lastLines(log, 8), "the ABI name must change") {
		t.Errorf("%v\n%s", err, lastLines(log, 20))
	}
	// Without the tool: one loud line, and packages all the same.
	log, err = shell(dir, append(env, "PATH=/usr/bin:/bin:/usr/sbin:/sbin"), make)
	if err != nil || strings.Count(log, "NOT INSTALLED") != 1 {
		t.Errorf("without the tool: %v\n%s", err, lastLines(log, 20))
	}
}

// TestBinrpmPkg: the same with the kernel's own mkspec and rpmbuild. Its spec
// sets __spec_install_post itself, so that no macro can bring a step there.
func TestBinrpmPkg(t *testing.T) {
	for _, k := range packagings {
		t.Run(k.suite, k.binrpm)
	}
}

func (k packaging) binrpm(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "linux")
	cert := buildTree(t, dir, everyModule)
	k.scripts(t, dir)
	printHook(t, "bindeb-pkg", filepath.Join(dir, "bindeb-pkg.mk"))
	old := filepath.Join(t.TempDir(), "old")
	smallOld.stageImage(t, old)
	home := t.TempDir()
	env := append(environment(t), "HOME="+home, "SOURCE_DATE_EPOCH=1700000000")
	make := "make -f bindeb-pkg.mk binrpm-pkg RPMOPTS='--define \"_binary_payload w1.gzdio\"' "
	against := "KPKG_BTF_BUILD_AGAINST=" + old + " KPKG_BTF_BUILD_CHECK='--as-if-same-release --signatures ignored' "
	sign := "KPKG_BTF_BUILD_APPLY='--resign certs/signing_key.pem --cert certs/signing_key.x509 --trusted-cert certs/signing_key.x509 --allow-foreign-key'"
	log, err := shell(dir, env, make+against+sign)
	if err != nil {
		t.Fatalf("%v\n%s", err, lastLines(log, 40))
	}
	// In rpmbuild's folder, below the tree from 6.5 on.
	found, err := filepath.Glob(filepath.Join(home, "rpmbuild/RPMS/x86_64/kernel-6*.rpm"))
	if err == nil && len(found) == 0 {
		found, err = filepath.Glob(filepath.Join(dir, "rpmbuild/RPMS/x86_64/kernel-6*.rpm"))
	}
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	root := t.TempDir()
	must(t, os.Mkdir(filepath.Join(root, "boot"), 0o755)) // from 6.6 on all is below lib/modules
	sh(t, dir, "rpm --root "+root+" --initdb && rpm --root "+root+" -U --nodeps --nosignature --noscripts "+found[0])
	if with, all := shippedIn(t, root, cert); all < 30 || with == all {
		t.Errorf("%d of %d modules still have BTF\n%s", with, all, lastLines(log, 30))
	}
	// In a folder of the caller's, too.
	top := strings.Replace(make, "RPMOPTS='", "RPMOPTS='--define \"_topdir "+t.TempDir()+"\" ", 1)
	log, err = shell(dir, env, top+strings.Replace(against, "ignored", "enforced", 1)+sign)
	if err == nil || !strings.Contains(lastLines(log, 4), "must not be shipped (exit 4)") {
		t.Errorf("%v\n%s", err, lastLines(log, 20))
	}
	log, err = shell(dir, append(env, "PATH=/usr/bin:/bin:/usr/sbin:/sbin"), make)
	if err != nil || strings.Count(log, "NOT INSTALLED") != 1 {
		t.Errorf("without the tool: %v\n%s", err, lastLines(log, 20))
	}
}
