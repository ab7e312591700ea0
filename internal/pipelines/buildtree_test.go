//go:build pipelines

package pipelines

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
)

// standIn is the top Makefile of a kernel as far as packaging asks of it. What
// it calls is the kernel's own: scripts/Makefile.modinst, Makefile.package and
// scripts/package. Only compiling is imitated: the tree has its image and
// modules already.
const standIn = `
srctree := $(CURDIR)
objtree := $(CURDIR)
KERNELRELEASE := $(shell cat include/config/kernel.release)
MODLIB = $(INSTALL_MOD_PATH)/lib/modules/$(KERNELRELEASE)
MODORDER := modules.order
KCONFIG_CONFIG := .config
UTS_MACHINE := x86_64
SRCARCH := x86
ARCH := x86
STRIP := strip
OBJCOPY := objcopy
KERNELVERSION := 6.1.192
CC := gcc
HOSTCC := gcc
READELF := readelf
DEPMOD := true
CROSS_COMPILE :=
CONFIG_SHELL := sh
KGZIP := gzip
XZ := xz
ZSTD := zstd
quiet := quiet_
Q := @
MAKEFLAGS += --no-print-directory
include include/config/auto.conf
export srctree objtree KERNELRELEASE MODLIB MODORDER KCONFIG_CONFIG UTS_MACHINE SRCARCH ARCH STRIP OBJCOPY CONFIG_SHELL KGZIP XZ ZSTD KERNELVERSION CC HOSTCC READELF DEPMOD CROSS_COMPILE quiet Q
export MAKE CONFIG_X86=y CONFIG_64BIT=y
.PHONY: all modules_install modules_sign image_name headers headers_install olddefconfig run-command bindeb-pkg binrpm-pkg intdeb-pkg
all: ; @echo "  CC is imitated"; [ ! -d certs.made ] || mv certs.made certs
image_name: ; @echo arch/x86/boot/bzImage
modules_sign: export modules_sign_only := y
modules_install modules_sign: ; $(Q)$(MAKE) -f $(srctree)/scripts/Makefile.modinst
headers olddefconfig: ;
run-command: ; $(Q)$(KBUILD_RUN_COMMAND)
headers_install: ; $(Q)mkdir -p $(INSTALL_HDR_PATH)/include/asm && touch $(INSTALL_HDR_PATH)/include/asm/x.h
bindeb-pkg binrpm-pkg intdeb-pkg: ; $(Q)$(MAKE) -f $(srctree)/scripts/Makefile.package $@
`

// buildTree makes the build tree of the newer small kernel as it is between
// make and modules_install: modules by their place in the source, neither
// signed nor compressed, beside them what else such a tree has under the names
// of kernels and configs. It gives the certificate that modules_install's own
// sign-file will sign with.
func buildTree(t *testing.T, dir string, keep func(module string) bool) (cert string) {
	t.Helper()
	var order []string
	for path, data := range partFiles(t, smallNew.spec) {
		_, rel, isModule := strings.Cut(path, "/kernel/")
		switch {
		case isModule && !keep(rel):
		case isModule:
			content, _ := splitSignature(t, data)
			write(t, filepath.Join(dir, rel), content)
			order = append(order, rel)
		case strings.HasPrefix(path, "boot/vmlinuz-"):
			write(t, filepath.Join(dir, "arch/x86/boot/bzImage"), data)
		case strings.HasPrefix(path, "boot/config-"):
			write(t, filepath.Join(dir, ".config"), data)
		default:
			write(t, filepath.Join(dir, "modules.builtin"), data)
		}
	}
	slices.Sort(order)
	write(t, filepath.Join(dir, "modules.order"), []byte(strings.Join(order, "\n")+"\n"))
	write(t, filepath.Join(dir, "Module.symvers"), realtest.Member(t, realtest.Deb(t, smallNew.headers), "Module.symvers"))
	write(t, filepath.Join(dir, "include/config/kernel.release"), []byte(smallNew.release+"\n"))
	auto := "CONFIG_MODULES=y\nCONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_ALL=y\nCONFIG_MODULE_SIG_HASH=\"sha256\"\nCONFIG_MODULE_SIG_KEY=\"certs/signing_key.pem\"\n"
	write(t, filepath.Join(dir, "include/config/auto.conf"), []byte(auto))
	write(t, filepath.Join(dir, "System.map"), []byte("ffffffff81000000 T _text\n"))
	write(t, filepath.Join(dir, "tools/testing/selftests/bpf/config"), []byte("CONFIG_DEBUG_INFO_BTF=n\n"))
	write(t, filepath.Join(dir, "arch/x86/include/asm/x.h"), nil)
	write(t, filepath.Join(dir, "Makefile"), []byte(standIn))
	// What unpacks the kernel is called vmlinux too.
	wrapper := filepath.Join(dir, "arch/x86/boot/compressed/vmlinux")
	must(t, os.MkdirAll(filepath.Dir(wrapper), 0o755))
	sh(t, dir, "objcopy -I binary -O elf64-x86-64 arch/x86/boot/bzImage arch/x86/boot/compressed/vmlinux")
	key, cert := newKey(t)
	sh(t, dir, fmt.Sprintf("mkdir -p certs; cp %s certs/signing_key.pem; openssl x509 -in %s -outform DER -out certs/signing_key.x509", key, cert))
	kbuildScripts(t, dir)
	return cert
}

// kbuildScripts are the scripts of Debian's linux-kbuild, sign-file included.
func kbuildScripts(t *testing.T, dir string) {
	t.Helper()
	out := t.TempDir()
	for _, d := range realtest.NewestDebs(t, "bookworm-security", "^linux-kbuild-6\\.1$", 1) {
		realtest.Extract(t, d, out)
	}
	copyTree(t, filepath.Join(out, "usr/lib/linux-kbuild-6.1/scripts"), filepath.Join(dir, "scripts"))
}

// sh runs a piece of shell that must succeed.
func sh(t *testing.T, dir, script string) string {
	t.Helper()
	out, err := shell(dir, os.Environ(), script)
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, lastLines(out, 30))
	}
	return out
}

func shell(dir string, env []string, script string) (string, error) {
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// printHook writes a hook as a packager would.
func printHook(t *testing.T, name, file string) {
	t.Helper()
	if _, complaint, code := realtest.Run(t, "hooks", "print", name, "-o", file); code != 0 {
		t.Fatal(complaint)
	}
}

// shippedIn looks at the modules below a folder: all signed with the key, or
// none; it gives how many there are and how many have BTF.
func shippedIn(t *testing.T, dir, cert string) (with, all int) {
	t.Helper()
	for path, data := range files(t, dir) {
		if !strings.HasSuffix(path, ".ko") {
			continue
		}
		all++
		content, cms := splitSignature(t, data)
		if bytes.Contains(content, []byte(btfName)) {
			with++
		}
		if (cms != nil) != (cert != "") {
			t.Errorf("%s: a signature of %d bytes", path, len(cms))
		} else if all == 1 && cms != nil {
			signedBy(t, path, data, cert) // one is enough: the others came the same way
		}
	}
	return with, all
}

// everyModule keeps all.
func everyModule(string) bool { return true }
