//go:build pipelines

package pipelines

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
)

// kernelDebs are two packages of one kernel, the first with the maintainer
// scripts of Debian's own. A version for each, so that they can be upgraded.
func kernelDebs(t *testing.T, image, extra string, versions ...string) [][]string {
	t.Helper()
	dir := t.TempDir()
	scripts := filepath.Join(dir, "scripts")
	output(t, "dpkg-deb", "-e", realtest.Deb(t, realtest.PairANew), scripts)
	var all [][]string
	for _, v := range versions {
		var debs []string
		for name, tree := range map[string]string{"linux-image-" + release: image, "linux-modules-extra-" + release: extra} {
			write(t, filepath.Join(tree, "DEBIAN/control"), fmt.Appendf(nil, "Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: X <x@example.org>\nDescription: part of a kernel\n", name, v))
			if tree == image {
				output(t, "sh", "-c", `cp "$1"/p* "$2/DEBIAN/"`, "sh", scripts, tree)
			}
			debs = append(debs, filepath.Join(dir, name+"_"+v+".deb"))
			output(t, "dpkg-deb", "-Znone", "--root-owner-group", "-b", tree, debs[len(debs)-1])
			must(t, os.RemoveAll(filepath.Join(tree, "DEBIAN")))
		}
		all = append(all, debs)
	}
	return all
}

// program writes one.
func (m *machine) program(t *testing.T, name, text string) {
	t.Helper()
	write(t, filepath.Join(m.root, name), []byte(text))
	must(t, os.Chmod(filepath.Join(m.root, name), 0o755))
}

// put copies files into the machine's /pool.
func (m *machine) put(t *testing.T, files ...string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(m.root, "pool"), 0o755))
	output(t, append(append([]string{"cp", "-r"}, files...), filepath.Join(m.root, "pool"))...)
}

var rebootFiles = []string{"run/reboot-required", "run/reboot-required.pkgs", "run/reboot-needed"}

// asked returns what asks for a reboot, and forgets it.
func (m *machine) asked(t *testing.T) string {
	t.Helper()
	var all string
	for _, f := range rebootFiles {
		if text := m.file(t, f); text != "" {
			all += f + ": " + text
			must(t, os.Remove(filepath.Join(m.root, f)))
		}
	}
	return all
}

const debianAsks = "run/reboot-required: *** System restart required ***\nrun/reboot-required.pkgs: linux-image-" + release + "\n"

// TestHostHooks: the tool's own packages on a machine whose kernel is replaced
// while it runs, from installing to purging them.
func TestHostHooks(t *testing.T) {
	m := newMachine(t)
	image, extra := t.TempDir(), t.TempDir()
	k := &replaced{machine: m, modules: kernelParts(t, image, extra)}
	m.put(t, toolDebs(t).debs...)
	for _, debs := range kernelDebs(t, image, extra, "1", "2") {
		m.put(t, debs...)
	}
	// Of Debian's package linux-base, which keeps links to the newest kernel.
	m.program(t, "usr/bin/linux-update-symlinks", "#!/bin/sh\n")
	m.program(t, "usr/bin/linux-check-removal", "#!/bin/sh\n")
	must(t, os.MkdirAll(filepath.Join(m.root, "etc/kernel/postinst.d"), 0o755))
	before := m.list(t)

	said, code := m.run(t, asHost, "dpkg -i /pool/kpkg-btf_*.deb /pool/kpkg-btf-host_*.deb")
	k.silent(t, "the tool installed", said, code)
	k.autopkgtest(t, "command")
	k.trigger(t)
	k.autopkgtest(t, "installed-kernel")
	k.modprobe(t)
	k.elsewhere(t)
	k.configured(t)
	k.byHand(t)
	k.dkms(t)
	k.upgraded(t)

	// Removed, not purged: the settings and the hook stay, and do nothing.
	m.must(t, asHost, "dpkg -r kpkg-btf-host")
	said, code = m.run(t, asHost, installKernel("1"))
	k.silent(t, "the package removed", said, code)
	m.must(t, asHost, "dpkg -P kpkg-btf-host kpkg-btf linux-modules-extra-"+release+" linux-image-"+release)
	after := m.list(t)
	if left, gone := without(after, before), without(before, after); len(left)+len(gone) > 0 {
		t.Errorf("after purging there are %v and no longer %v", left, gone)
	}
	k.rpm(t, image, extra)
}

// replaced is a machine whose running kernel is one that the packages replace.
type replaced struct {
	*machine
	modules int // in both packages
}

func installKernel(version string) string {
	return "dpkg -i /pool/linux-*_" + version + ".deb"
}

// says checks that the log has our line, once, and that it is right; and that
// the reboot is asked for.
func (k *replaced) says(t *testing.T, what, said, asks string) {
	t.Helper()
	lines := ours(said)
	if len(lines) != 1 || !strings.HasPrefix(lines[0], fmt.Sprintf("kpkg-btf: %s was replaced while it runs: of %d modules ", release, k.modules)) || !strings.HasSuffix(lines[0], "; reboot") {
		t.Errorf("%s: %q in\n%s", what, lines, said)
	}
	if asked := k.asked(t); asked != asks {
		t.Errorf("%s: reboot: %q", what, asked)
	}
}

// silent checks that nothing was said and nothing asked for.
func (k *replaced) silent(t *testing.T, what, said string, code int) {
	t.Helper()
	if asked := k.asked(t); code != 0 || len(ours(said)) > 0 || asked != "" {
		t.Errorf("%s: exit %d, asked %q\n%s", what, code, asked, said)
	}
}

// autopkgtest runs one of debian/tests in the machine.
func (k *replaced) autopkgtest(t *testing.T, name string) {
	t.Helper()
	k.put(t, filepath.Join(realtest.Root(), "debian/tests", name))
	k.must(t, asHost, "mkdir /tmp/test && AUTOPKGTEST_TMP=/tmp/test sh /pool/"+name+" && rm -r /tmp/test /pool/"+name)
}

// trigger: one line a transaction, by dpkg and by apt, which runs dpkg several
// times and the triggers at the end.
func (k *replaced) trigger(t *testing.T) {
	t.Helper()
	said := k.must(t, asHost, installKernel("1"))
	k.says(t, "dpkg", said, debianAsks)
	if n := strings.Count(said, "Processing triggers for kpkg-btf-host"); n != 1 {
		t.Errorf("the trigger ran %d times\n%s", n, said)
	}
	apt := "apt-get -y -o Dpkg::Use-Pty=0 -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root install /pool/linux-*_2.deb"
	k.says(t, "apt", k.must(t, asHost, "mkdir -p /var/cache/apt/archives/partial /var/lib/apt/lists/partial; "+apt), debianAsks)
}

// modprobe: the line of the hook modprobe.d, for a module that the running
// kernel would misread, keeps the real modprobe from loading it.
func (k *replaced) modprobe(t *testing.T) {
	t.Helper()
	said, _ := k.run(t, asHost, "kpkg-btf verify --format json 2>/dev/null")
	var rep model.HostReport
	must(t, json.Unmarshal([]byte(said), &rep))
	name := ""
	for _, m := range rep.Kernels[0].Meets {
		for _, w := range m.Wrong {
			if m.On == "running" && w.Verdict == model.Attached {
				name = w.Name
			}
		}
	}
	if name == "" {
		t.Fatalf("no module is misread: %s", said)
	}
	k.must(t, asHost, `kpkg-btf hooks print modprobe.d | sed -n "s/^# *install/install/; s/nf_conntrack/`+name+`/gp" >/etc/modprobe.d/kpkg-btf.conf`)
	said = k.must(t, asHost, "modprobe -n -v "+name+"; modprobe --show-depends "+name)
	if n := strings.Count(said, "install kpkg-btf verify --quiet --module "+name+" && /sbin/modprobe --ignore-install "+name); n != 2 {
		t.Errorf("modprobe -n: %s", said)
	}
	said, code := k.run(t, asHost, "modprobe "+name)
	if code == 0 || !strings.Contains(said, "Error running install command") || !strings.Contains(said, "retcode 3") {
		t.Errorf("modprobe: exit %d\n%s", code, said)
	}
	must(t, os.Remove(filepath.Join(k.root, "etc/modprobe.d/kpkg-btf.conf")))
}

// elsewhere: silent in a chroot with /proc and /sys, in a container, where the
// running kernel is none of this root's, and in an image build that says so.
func (k *replaced) elsewhere(t *testing.T) {
	t.Helper()
	for what, how := range map[string][2]string{
		"chroot":       {asChroot, ""},
		"container":    {asHost, ": >/run/.containerenv; trap 'rm /run/.containerenv' EXIT; "},
		"image build":  {asHost, "export SYSTEMD_OFFLINE=1; "},
		"other kernel": {asHost, "mv /lib/modules/" + release + " /lib/modules/other; trap 'mv /lib/modules/other /lib/modules/" + release + "' EXIT; "},
	} {
		command := "KPKG_BTF_FAIL=strict /usr/lib/kpkg-btf/host-check"
		if what == "chroot" {
			command = installKernel("1")
		}
		said, code := k.run(t, how[0], how[1]+command)
		k.silent(t, what, said, code)
	}
}

// configured: /etc/default/kpkg-btf lets it fail the transaction, and turns it
// off.
func (k *replaced) configured(t *testing.T) {
	t.Helper()
	said, code := k.run(t, asHost, "echo KPKG_BTF_FAIL=1 >>/etc/default/kpkg-btf; "+installKernel("2"))
	if code != 1 || !strings.Contains(said, "installed kpkg-btf-host package post-installation script subprocess returned error exit status 3") {
		t.Errorf("KPKG_BTF_FAIL: exit %d\n%s", code, said)
	}
	k.says(t, "KPKG_BTF_FAIL", said, debianAsks)
	said = k.must(t, asHost, "sed -i s/^KPKG_BTF_FAIL=1/KPKG_BTF_HOST=off/ /etc/default/kpkg-btf; dpkg --configure -a; "+installKernel("1"))
	k.silent(t, "KPKG_BTF_HOST=off", said, 0)
	k.must(t, asHost, "sed -i s/^KPKG_BTF_HOST=off/#local/ /etc/default/kpkg-btf")
}

// byHand: postinst.d as installkernel calls it for a kernel that no package
// brought; and the hooks copied to a machine without kpkg-btf-host, in a
// transaction.
func (k *replaced) byHand(t *testing.T) {
	t.Helper()
	said := k.must(t, asHost, "run-parts --report --exit-on-error --arg="+release+" --arg=/boot/vmlinuz-"+release+" /etc/kernel/postinst.d")
	k.says(t, "installkernel", said, debianAsks)
	said = k.must(t, asHost, `dpkg -r kpkg-btf-host >/dev/null
		mkdir -p /usr/local/lib/kpkg-btf; kpkg-btf hooks print host-check -o /usr/local/lib/kpkg-btf/host-check
		kpkg-btf hooks print postinst.d -f -o /etc/kernel/postinst.d/zz-kpkg-btf
		`+installKernel("2")+`
		rm -r /usr/local/lib/kpkg-btf; dpkg -i /pool/kpkg-btf-host_*.deb`)
	k.says(t, "the hooks copied", said, debianAsks)
}

// dkms: Debian's own dkms installs a module that was built for the kernel that
// runs, under the name it has now. Imitated is what dkms builds: the module is
// there already, one of the older kernel's own, without its signature.
func (k *replaced) dkms(t *testing.T) {
	t.Helper()
	k.put(t, "/usr/sbin/dkms")
	ko, _ := splitSignature(t, realtest.Member(t, realtest.Deb(t, realtest.PairAOld), "mce-inject.ko"))
	write(t, filepath.Join(k.root, "usr/src/away-1/mce-inject"), bytes.ReplaceAll(ko, []byte("6.1.0-55-amd64"), []byte(release)))
	write(t, filepath.Join(k.root, "usr/src/away-1/dkms.conf"), []byte(`PACKAGE_NAME=away
PACKAGE_VERSION=1
BUILT_MODULE_NAME[0]=mce-inject
DEST_MODULE_LOCATION[0]=/updates/dkms
MAKE[0]="cp mce-inject mce-inject.ko"
CLEAN=true
STRIP[0]=no
`))
	write(t, filepath.Join(k.root, "etc/dkms/away.conf"), []byte(`POST_INSTALL="../../../usr/lib/kpkg-btf/dkms-post-install"`+"\n"))
	said := k.must(t, asHost, "mkdir -p /lib/modules/"+release+"/build/include; /pool/dkms install away/1 -k "+release)
	added := "kpkg-btf: modules added to " + release + " are external: of 1 module 1 will load without BTF; build them again"
	if lines := ours(said); !slices.Equal(lines, []string{added}) || !strings.Contains(said, "Running the post_install script") {
		t.Errorf("dkms: %q in\n%s", lines, said)
	}
	if asked := k.asked(t); asked != "" {
		t.Errorf("dkms: no reboot helps, asked %q", asked)
	}

	// Within a transaction dkms is silent, and the trigger says it all.
	tree := t.TempDir()
	write(t, filepath.Join(tree, "DEBIAN/control"), []byte("Package: away-dkms\nVersion: 1\nArchitecture: all\nMaintainer: X <x@example.org>\nDescription: a module\n"))
	write(t, filepath.Join(tree, "DEBIAN/postinst"), []byte("#!/bin/sh\nset -e\n/pool/dkms install --force away/1 -k "+release+"\n"))
	must(t, os.Chmod(filepath.Join(tree, "DEBIAN/postinst"), 0o755))
	output(t, "dpkg-deb", "-b", tree, filepath.Join(k.root, "pool/away-dkms.deb"))
	said = k.must(t, asHost, "dpkg -i /pool/away-dkms.deb")
	lines := ours(said)
	if len(lines) != 2 || !strings.HasSuffix(lines[0], "; reboot") || lines[1] != added || strings.Index(said, added) < strings.Index(said, "Processing triggers for kpkg-btf-host") {
		t.Errorf("dkms in a transaction: %q in\n%s", lines, said)
	}
	k.asked(t)
	k.must(t, asHost, "dpkg -P away-dkms; /pool/dkms remove away/1 --all; rm -r /usr/src/away-1 /etc/dkms /var/lib/dkms /lib/modules/"+release+"/build")
}

// upgraded: a later version of the host package leaves changed settings alone
// and works on.
func (k *replaced) upgraded(t *testing.T) {
	t.Helper()
	deb, err := filepath.Glob(filepath.Join(k.root, "pool/kpkg-btf-host_*.deb"))
	must(t, err)
	dir := filepath.Join(t.TempDir(), "host")
	output(t, "dpkg-deb", "-R", deb[0], dir)
	output(t, "sed", "-i", "s/^Version: .*/Version: 9/", filepath.Join(dir, "DEBIAN/control"))
	output(t, "sed", "-i", "$a # later", filepath.Join(dir, "etc/default/kpkg-btf"), filepath.Join(dir, "etc/kernel/postinst.d/zz-kpkg-btf"))
	output(t, "dpkg-deb", "-b", dir, filepath.Join(k.root, "pool/later.deb"))
	k.must(t, asHost, "dpkg --force-confdef --force-confold -i /pool/later.deb; rm /etc/default/kpkg-btf.dpkg-dist")
	if text := k.file(t, "etc/default/kpkg-btf"); !strings.Contains(text, "#local") || strings.Contains(text, "# later") {
		t.Errorf("changed settings after an upgrade:\n%s", text)
	}
	if text := k.file(t, "etc/kernel/postinst.d/zz-kpkg-btf"); !strings.Contains(text, "# later") {
		t.Errorf("the unchanged hook after an upgrade:\n%s", text)
	}
	k.says(t, "after an upgrade", k.must(t, asHost, installKernel("1")), debianAsks)
}

const kernelSpec = `
Name: %[1]s
Version: 1
Release: 1
Summary: part of a kernel
License: GPL-2.0
AutoReqProv: no
%%global debug_package %%{nil}
%%global __os_install_post %%{nil}
%%global _build_id_links none
%%global _binary_payload w0.gzdio
%%description
test
%%install
mkdir -p %%{buildroot}
cp -a %[2]s/. %%{buildroot}/
%%posttrans
echo posttrans of %[1]s
%%files
%[3]s
`

// kernelRpms are the two packages as rpms.
func kernelRpms(t *testing.T, image, extra string) []string {
	t.Helper()
	top := t.TempDir()
	for name, tree := range map[string]string{"kernel-core": image, "kernel-modules-extra": extra} {
		files := "/lib"
		if tree == image {
			files += "\n/boot"
		}
		spec := filepath.Join(top, name+".spec")
		write(t, spec, fmt.Appendf(nil, kernelSpec, name, tree, files))
		output(t, "rpmbuild", "-bb", "--define", "_topdir "+top, spec)
	}
	rpms, err := filepath.Glob(filepath.Join(top, "RPMS/*/*.rpm"))
	if err != nil || len(rpms) != 2 {
		t.Fatal(rpms, err)
	}
	return rpms
}

// rpm: the same machine without a word of Debian on it: one line after every
// %posttrans, nothing in a chroot, a failure that rpm reports and gets over.
// Debian's rpm does the transactions; dnf and zypper around it are missing.
func (k *replaced) rpm(t *testing.T, image, extra string) {
	t.Helper()
	must(t, os.Remove(filepath.Join(k.root, "etc/debian_version")))
	kernels := strings.Join(kernelRpms(t, image, extra), " ")
	rpm := func(where, args string) (string, int) {
		return k.outside(t, where, `rpm --root "$1" --nodeps --nosignature `+args)
	}
	before := k.list(t)
	said, code := rpm(asHost, "-i "+strings.Join(slices.DeleteFunc(slices.Clone(toolRpms(t)), func(f string) bool { return strings.Contains(f, "rpm-macros") }), " "))
	k.silent(t, "the tool's rpms", said, code)

	said, code = rpm(asHost, "-i "+kernels)
	k.says(t, "rpm", said, "")
	if code != 0 || strings.LastIndex(said, "posttrans of") > strings.Index(said, "kpkg-btf: ") {
		t.Errorf("rpm: exit %d, or not after every posttrans\n%s", code, said)
	}
	said, code = rpm(asChroot, "-U --replacepkgs "+kernels)
	k.silent(t, "rpm in a chroot", said, code)

	must(t, os.Mkdir(filepath.Join(k.root, "etc/zypp"), 0o755))
	write(t, filepath.Join(k.root, "etc/sysconfig/kpkg-btf"), []byte("KPKG_BTF_FAIL=1\n"))
	said, code = rpm(asHost, "-U --replacepkgs "+kernels)
	if code != 0 || !strings.Contains(said, "scriptlet failed, exit status 3") {
		t.Errorf("rpm, KPKG_BTF_FAIL: exit %d\n%s", code, said)
	}
	k.says(t, "rpm on SUSE", said, "run/reboot-needed: reboot\n")
	must(t, os.Remove(filepath.Join(k.root, "etc/zypp")))

	said, code = rpm(asHost, "-e kpkg-btf kpkg-btf-host kernel-core kernel-modules-extra")
	k.silent(t, "rpms erased", said, code)
	left := slices.DeleteFunc(without(k.list(t), before), func(f string) bool { return strings.Contains(f, " d") }) // folders that others own
	if len(left) != 1 || !strings.HasPrefix(left[0], "/etc/sysconfig/kpkg-btf.rpmsave ") {
		t.Errorf("after erasing there are %v", left)
	}
}
