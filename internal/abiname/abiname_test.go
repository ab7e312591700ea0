package abiname

import (
	"testing"

	"pgregory.net/rapid"
)

// Names as distributions have published them.
func TestNext(t *testing.T) {
	for _, c := range []struct{ name, scheme, next, stem, flavour string }{
		// Debian
		{"6.1.0-55-amd64", "Debian", "6.1.0-56-amd64", "6.1.0-55", "amd64"},
		{"6.1.0-9-amd64", "Debian", "6.1.0-10-amd64", "6.1.0-9", "amd64"},
		{"6.1.0-55-rt-amd64", "Debian", "6.1.0-56-rt-amd64", "6.1.0-55", "rt-amd64"},
		{"6.1.0-55-cloud-amd64", "Debian", "6.1.0-56-cloud-amd64", "6.1.0-55", "cloud-amd64"},
		{"6.1.0-55-cloud-arm64", "Debian", "6.1.0-56-cloud-arm64", "6.1.0-55", "cloud-arm64"},
		{"5.10.0-46-rt-686-pae", "Debian", "5.10.0-47-rt-686-pae", "5.10.0-46", "rt-686-pae"},
		{"5.10.0-46-armmp-lpae", "Debian", "5.10.0-47-armmp-lpae", "5.10.0-46", "armmp-lpae"},
		{"4.19.0-27-4kc-malta", "Debian", "4.19.0-28-4kc-malta", "4.19.0-27", "4kc-malta"},
		{"6.5.0-0.deb12.4-amd64", "Debian", "6.5.0-0.deb12.5-amd64", "6.5.0-0.deb12.4", "amd64"},
		{"6.12.115+deb13-amd64", "Debian", "6.12.115+deb13.1-amd64", "6.12.115+deb13", "amd64"},
		{"6.12.115+deb13.1-amd64", "Debian", "6.12.115+deb13.2-amd64", "6.12.115+deb13.1", "amd64"},
		{"6.12.115+deb13.9-rt-arm64", "Debian", "6.12.115+deb13.10-rt-arm64", "6.12.115+deb13.9", "rt-arm64"},
		{"6.12.107+deb13-cloud-amd64", "Debian", "6.12.107+deb13.1-cloud-amd64", "6.12.107+deb13", "cloud-amd64"},
		{"7.2.13+deb14-amd64", "Debian", "7.2.13+deb14.1-amd64", "7.2.13+deb14", "amd64"},
		{"7.2.13+deb14-loong64", "Debian", "7.2.13+deb14.1-loong64", "7.2.13+deb14", "loong64"},
		{"7.2.13+deb14+1-s390x", "Debian", "7.2.13+deb14+2-s390x", "7.2.13+deb14+1", "s390x"},
		{"7.3-rc2+deb14-riscv64", "Debian", "7.3-rc2+deb14.1-riscv64", "7.3-rc2+deb14", "riscv64"},
		// Proxmox
		{"6.8.12-4-pve", "Proxmox", "6.8.12-5-pve", "6.8.12-4", "pve"},
		{"7.0.14-14-pve", "Proxmox", "7.0.14-15-pve", "7.0.14-14", "pve"},
		{"6.14.8-2-bpo12-pve", "Proxmox", "6.14.8-3-bpo12-pve", "6.14.8-2-bpo12", "pve"},
		// Ubuntu
		{"6.8.0-45-generic", "Ubuntu", "6.8.0-46-generic", "6.8.0-45", "generic"},
		{"6.8.0-45-generic-64k", "Ubuntu", "6.8.0-46-generic-64k", "6.8.0-45", "generic-64k"},
		{"6.8.0-1015-aws", "Ubuntu", "6.8.0-1016-aws", "6.8.0-1015", "aws"},
		{"6.8.0-1015-azure", "Ubuntu", "6.8.0-1016-azure", "6.8.0-1015", "azure"},
		{"5.15.0-1023-intel-iotg", "Ubuntu", "5.15.0-1024-intel-iotg", "5.15.0-1023", "intel-iotg"},
		// RHEL and its kin
		{"5.14.0-427.13.1.el9_4.x86_64", "RHEL", "5.14.0-427.13.2.el9_4.x86_64", "5.14.0-427.13.1.el9_4", "x86_64"},
		{"5.14.0-570.el9.aarch64", "RHEL", "5.14.0-571.el9.aarch64", "5.14.0-570.el9", "aarch64"},
		{"5.14.0-427.13.1.el9_4.aarch64+64k-debug", "RHEL", "5.14.0-427.13.2.el9_4.aarch64+64k-debug", "5.14.0-427.13.1.el9_4", "aarch64+64k-debug"},
		{"4.18.0-553.rt7.342.el8_10.x86_64", "RHEL", "4.18.0-553.rt7.343.el8_10.x86_64", "4.18.0-553.rt7.342.el8_10", "x86_64"},
		{"4.18.0-553.16.1.el8_10.x86_64.debug", "RHEL", "4.18.0-553.16.2.el8_10.x86_64.debug", "4.18.0-553.16.1.el8_10", "x86_64.debug"},
		{"6.11.4-301.fc41.x86_64", "RHEL", "6.11.4-302.fc41.x86_64", "6.11.4-301.fc41", "x86_64"},
		{"6.12.0-0.rc3.20241018git4d939780b705.31.fc42.x86_64+debug", "RHEL", "6.12.0-0.rc3.20241018git4d939780b705.32.fc42.x86_64+debug", "6.12.0-0.rc3.20241018git4d939780b705.31.fc42", "x86_64+debug"},
		{"6.1.102-111.182.amzn2023.x86_64", "RHEL", "6.1.102-111.183.amzn2023.x86_64", "6.1.102-111.182.amzn2023", "x86_64"},
		{"5.15.0-209.161.7.2.el9uek.x86_64", "RHEL", "5.15.0-209.161.7.3.el9uek.x86_64", "5.15.0-209.161.7.2.el9uek", "x86_64"},
		{"5.10.0-216.0.0.115.oe2203sp4.x86_64", "RHEL", "5.10.0-216.0.0.116.oe2203sp4.x86_64", "5.10.0-216.0.0.115.oe2203sp4", "x86_64"},
		// SUSE
		{"6.4.0-150600.23.25-default", "SUSE", "6.4.0-150600.23.26-default", "6.4.0-150600.23.25", "default"},
		{"5.14.21-150500.55.83-default", "SUSE", "5.14.21-150500.55.84-default", "5.14.21-150500.55.83", "default"},
		{"5.3.18-lp152.106-preempt", "SUSE", "5.3.18-lp152.107-preempt", "5.3.18-lp152.106", "preempt"},
		{"6.11.3-1-default", "SUSE", "6.11.3-2-default", "6.11.3-1", "default"},
		// unknown, and said so
		{"6.12.6-amd64", "", "", "", ""},
		{"6.11.3-arch1-1", "", "", "", ""},
		{"6.6.56-1-lts", "", "", "", ""},
		{"7.3.4", "", "", "", ""},
		{"7.3.4-custom", "", "", "", ""},
		{"6.1.0-99999999999999999999999-amd64", "", "", "", ""},
		{"", "", "", "", ""},
	} {
		next, scheme, ok := Next(c.name)
		if next != c.next || scheme != c.scheme || ok != (c.next != "") {
			t.Errorf("%s: %q (%s), want %q (%s)", c.name, next, scheme, c.next, c.scheme)
			continue
		}
		if n, _ := Parse(c.name); ok && (n.Stem() != c.stem || n.Flavour != c.flavour) {
			t.Errorf("%s: stem %q flavour %q, want %q %q", c.name, n.Stem(), n.Flavour, c.stem, c.flavour)
		}
	}
}

// A name that an older release has is not suggested.
func TestNextIsNotTaken(t *testing.T) {
	next, _, ok := Next("6.12.115+deb13-amd64", "6.12.115+deb13-amd64", "6.12.115+deb13.2-amd64", "6.12.115+deb13.1-amd64")
	if !ok || next != "6.12.115+deb13.3-amd64" {
		t.Errorf("%q", next)
	}
}

// Whatever is recognised has a next name of the same scheme and flavour, other
// than itself, and so has that.
func TestNextIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[4-7]\.[0-9]{1,2}(\.[0-9]{1,3})?(-rc1)?(\+deb1[2-4]([.+][0-9])?)?(-(lp)?([0-9]{1,4}\.){0,2}[0-9]{1,3})?((-rt|-cloud)?-(amd64|arm64|generic|default|pve|aws)|\.(el9|fc41|el9_4)\.x86_64(\+debug)?)`).Draw(t, "name")
		n, ok := Parse(name)
		if !ok {
			return
		}
		next, scheme, ok := Next(name)
		if !ok || next == name || scheme != n.Scheme {
			t.Fatalf("%s -> %q", name, next)
		}
		m, ok := Parse(next)
		if !ok || m.Scheme != n.Scheme || m.Flavour != n.Flavour || m.Stem() == n.Stem() {
			t.Fatalf("%s -> %s: %+v, %+v", name, next, n, m)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("6.1.0-55-amd64")
	f.Add("5.14.0-427.13.1.el9_4.x86_64")
	f.Fuzz(func(t *testing.T, name string) {
		n, ok := Parse(name)
		if ok && n.Head+n.Number+n.Tail != name {
			t.Fatalf("%q taken apart as %+v", name, n)
		}
	})
}
