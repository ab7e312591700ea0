//go:build pipelines

package pipelines

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
)

// realRules has the structure of src:linux's debian/rules.real: a build and an
// install recipe a flavour, run side by side, around the kernel's own make.
const realRules = `
include debian/kpkg-btf.mk
all: install-a install-b
install-a install-b: install-%: build-%
	$(MAKE) -C build-$* modules_install INSTALL_MOD_PATH=$(CURDIR)/image-$* INSTALL_MOD_STRIP=1
	mkdir -p image-$*/boot && cp build-$*/arch/x86/boot/bzImage image-$*/boot/vmlinuz-$(NAME) && cp build-$*/.config image-$*/boot/config-$(NAME)
	$(call kpkg_btf_record,image-$*,debian/record-$*.json)
build-a build-b: build-%:
	$(MAKE) -C build-$*
	$(call kpkg_btf_repair,build-$*)
.PHONY: all build-a build-b install-a install-b
`

// TestRulesReal: the fragment in a package of two flavours that are built in
// parallel: repaired before strip and signing, recorded as shipped.
func TestRulesReal(t *testing.T) {
	dir := t.TempDir()
	cert := buildTree(t, filepath.Join(dir, "build-a"), everyModule)
	copyTree(t, filepath.Join(dir, "build-a"), filepath.Join(dir, "build-b"))
	copyTree(t, filepath.Join(dir, "build-a"), filepath.Join(dir, "pristine"))
	write(t, filepath.Join(dir, "debian/rules.real"), []byte(realRules))
	printHook(t, "rules.real", filepath.Join(dir, "debian/kpkg-btf.mk"))
	old := filepath.Join(t.TempDir(), "old")
	smallOld.stageImage(t, old)
	make := "make -j4 -f debian/rules.real NAME=" + smallNew.release + " "
	against := "KPKG_BTF_BUILD_AGAINST=" + old + " KPKG_BTF_BUILD_CHECK=--as-if-same-release "
	env := append(environment(t), "SOURCE_DATE_EPOCH=1700000000")

	log, err := shell(dir, env, make+against+"all")
	if err != nil {
		t.Fatalf("%v\n%s", err, lastLines(log, 40))
	}
	for _, f := range []string{"a", "b"} {
		with, all := shippedIn(t, filepath.Join(dir, "image-"+f), cert)
		if all < 30 || with == all {
			t.Errorf("%s: %d of %d modules still have BTF\n%s", f, with, all, lastLines(log, 30))
		}
		out, complaint, code := realtest.Run(t, "check", filepath.Join(dir, "image-"+f), "--against", old, "--as-if-same-release", "--signatures", "ignored")
		if code != 0 {
			t.Errorf("what ships: exit %d\n%s%s", code, out, complaint)
		}
	}
	// Two builds, the same bytes.
	if out, err := shell(dir, env, "diff -r image-a image-b && cmp debian/record-a.json debian/record-b.json"); err != nil {
		t.Errorf("two builds differ:\n%s", out)
	}
	// The record is the older side of the next build, found by its name: the
	// same kernel again is kept as it is.
	sh(t, dir, "mkdir debian/abi && cp debian/*.btf.zst debian/abi/ && cp debian/record-a.json debian/abi/amd64_"+smallNew.release+".json && rm -rf image-*")
	log, err = shell(dir, env, make+"install-a")
	if err != nil || !strings.Contains(log, "against") && !strings.Contains(log, "old and initrd") || !strings.Contains(log, "KEEP   ") {
		t.Errorf("%v\n%s", err, lastLines(log, 40))
	}

	t.Run("without the tool", func(t *testing.T) {
		sh(t, dir, "rm -rf image-* build-a && cp -a pristine build-a")
		bare := append(os.Environ(), "PATH=/usr/bin:/bin")
		log, err := shell(dir, bare, make+"install-a")
		if with, all := shippedIn(t, filepath.Join(dir, "image-a"), cert); err != nil || with != all || all == 0 || strings.Count(log, "NOT INSTALLED") != 2 {
			t.Errorf("%v, %d of %d\n%s", err, with, all, lastLines(log, 20))
		}
		if log, err := shell(dir, bare, make+"KPKG_BTF_BUILD_REQUIRED=1 install-a"); err == nil {
			t.Errorf("required and not there, and the build goes on\n%s", lastLines(log, 20))
		}
	})
	t.Run("a bump stops the build", func(t *testing.T) {
		log, err := shell(dir, env, make+against+"KPKG_BTF_BUILD_CHECK='--as-if-same-release --signatures enforced' build-a")
		if err == nil || !strings.Contains(lastLines(log, 4), "refusing to continue with build-a (exit 4)") {
			t.Errorf("%v\n%s", err, lastLines(log, 20))
		}
	})
	t.Run("a signed tree", func(t *testing.T) {
		sh(t, dir, "rm -rf build-a && cp -a pristine build-a")
		sh(t, filepath.Join(dir, "build-a"), "for m in $(cat modules.order); do scripts/sign-file sha256 certs/signing_key.pem certs/signing_key.x509 $m; done")
		log, err := shell(dir, env, make+against+"build-a")
		if err == nil || !strings.Contains(log, "--drop-signature") {
			t.Errorf("signatures were lost without a word: %v\n%s", err, lastLines(log, 20))
		}
		log, err = shell(dir, env, make+against+"KPKG_BTF_BUILD_APPLY=--drop-signature install-a")
		if with, all := shippedIn(t, filepath.Join(dir, "image-a"), cert); err != nil || with == all {
			t.Errorf("%v, %d of %d\n%s", err, with, all, lastLines(log, 20))
		}
	})
}

// stagedRules are those of Proxmox and Ubuntu: modules_install signs, the
// rules strip, which loses the signature, and sign again.
const stagedRules = `
include debian/kpkg-btf.mk
pkg := debian/proxmox-kernel-x
install:
	$(MAKE) -C build modules_install INSTALL_MOD_PATH=$(CURDIR)/$(pkg)
	mkdir -p $(pkg)/boot && cp build/arch/x86/boot/bzImage $(pkg)/boot/vmlinuz-$(NAME) && cp build/.config $(pkg)/boot/config-$(NAME)
	$(call kpkg_btf_staged,$(pkg))
	find $(pkg)/lib/modules -name '*.ko' -exec strip --strip-debug '{}' +
	cd build && find ../$(pkg)/lib/modules -name '*.ko' -exec scripts/sign-file sha256 certs/signing_key.pem certs/signing_key.x509 '{}' ';'
`

// TestBeforeStrip: staged modules are repaired although modules_install signed
// them, and what ships is signed.
func TestBeforeStrip(t *testing.T) {
	dir := t.TempDir()
	cert := buildTree(t, filepath.Join(dir, "build"), everyModule)
	write(t, filepath.Join(dir, "debian/rules"), []byte(stagedRules))
	printHook(t, "before-dh_strip", filepath.Join(dir, "debian/kpkg-btf.mk"))
	old := filepath.Join(t.TempDir(), "old")
	smallOld.stageImage(t, old)
	log, err := shell(dir, environment(t), "make -f debian/rules NAME="+smallNew.release+" KPKG_BTF_BUILD_AGAINST="+old+" KPKG_BTF_BUILD_CHECK=--as-if-same-release install")
	if err != nil {
		t.Fatalf("%v\n%s", err, lastLines(log, 40))
	}
	pkg := filepath.Join(dir, "debian/proxmox-kernel-x")
	if with, all := shippedIn(t, pkg, cert); all < 30 || with == all {
		t.Errorf("%d of %d modules still have BTF\n%s", with, all, lastLines(log, 30))
	}
	if left := sh(t, dir, "ls debian"); strings.Fields(left)[0] != "kpkg-btf.mk" || len(strings.Fields(left)) != 3 {
		t.Errorf("left in debian/: %s", left)
	}
}

// TestKbuildLine: the lines that README gives for a kernel build, between make
// and modules_install, with the kernel's own Makefile.modinst.
func TestKbuildLine(t *testing.T) {
	lines := `kpkg-btf check . --against "$OLD" --as-if-same-release --signatures ignored --policy policy.yaml --report json=decision.json --report kbuild=btf.sh || [ $? = 3 ]
` + `export KPKG_BTF_DECISION=$PWD/decision.json; . ./btf.sh; make modules_install INSTALL_MOD_PATH=$PWD/out ${INSTALL_MOD_STRIP:+INSTALL_MOD_STRIP="$INSTALL_MOD_STRIP"}`
	for name, tc := range map[string]struct {
		keep  func(string) bool
		strip bool
	}{
		// nf_conntrack and others have id lists: strip(1) knows nothing of them.
		"id lists": {everyModule, false},
		// Modules without, all to be stripped: strip(1) does it.
		"none": {func(m string) bool { return strings.Contains(m, "nf_log") || strings.Contains(m, "nf_nat_") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cert := buildTree(t, dir, tc.keep)
			old := filepath.Join(t.TempDir(), "old")
			smallOld.stageImage(t, old)
			write(t, filepath.Join(dir, "policy.yaml"), []byte("schema: kpkg-btf/policy/1.0\nwindow: {dropped: repair}\n"))
			must(t, os.MkdirAll(filepath.Join(dir, "out/boot"), 0o755))
			dropModules(t, old, tc.keep)
			log, err := shell(dir, append(environment(t), "OLD="+old), lines)
			if err != nil {
				t.Fatalf("%v\n%s", err, lastLines(log, 30))
			}
			text, err := os.ReadFile(filepath.Join(dir, "btf.sh"))
			must(t, err)
			if strings.Contains(string(text), "INSTALL_MOD_STRIP=") != tc.strip {
				t.Errorf("btf.sh:\n%s", text)
			}
			with, all := shippedIn(t, filepath.Join(dir, "out"), cert)
			if all < 3 || with != 0 {
				t.Errorf("%d of %d modules still have BTF\n%s", with, all, lastLines(log, 30))
			}
			// What was installed is right, unless nobody said that strip would do it.
			sh(t, dir, "cp arch/x86/boot/bzImage out/boot/vmlinuz-"+smallNew.release+"; cp .config out/boot/config-"+smallNew.release)
			policy := filepath.Join(dir, "installed.yaml")
			write(t, policy, []byte("schema: kpkg-btf/policy/1.0\nnone-expected: ['module:**']\n"))
			for flags, want := range map[string]int{"": map[bool]int{true: 6}[tc.strip], policy: 0} {
				args := []string{"check", filepath.Join(dir, "out"), "--signatures", "ignored"}
				if flags != "" {
					args = append(args, "--policy", flags)
				}
				if out, complaint, code := realtest.Run(t, args...); code != want {
					t.Errorf("%q: exit %d, want %d\n%s%s", flags, code, want, out, complaint)
				}
			}
		})
	}
}

// dropModules removes the staged modules that are not to be kept.
func dropModules(t *testing.T, dir string, keep func(string) bool) {
	t.Helper()
	for path := range files(t, dir) {
		if _, rel, isModule := strings.Cut(path, "/kernel/"); isModule && !keep(rel) {
			must(t, os.Remove(filepath.Join(dir, path)))
		}
	}
}
