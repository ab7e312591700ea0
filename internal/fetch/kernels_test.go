package fetch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// deb and rpm make packages out of "name version [source]" and "name version arch [uname -r]".
func deb(lines ...string) (list []Package) {
	for _, l := range lines {
		f := append(strings.Fields(l), "")
		list = append(list, Package{Name: f[0], Version: f[1], Source: f[2], Arch: "amd64"})
	}
	return list
}

func rpm(lines ...string) (list []Package) {
	for _, l := range lines {
		f := append(strings.Fields(l), "")
		list = append(list, Package{Name: f[0], Version: f[1], Arch: f[2], Release: f[3], Rpm: true})
	}
	return list
}

func summary(ks []*Kernel) []string {
	var out []string
	for _, k := range ks {
		h := "-"
		if k.Headers != nil {
			h = k.Headers.Name
		}
		var im []string
		for _, p := range k.Image {
			im = append(im, p.Name)
		}
		out = append(out, fmt.Sprintf("%s %s: %s %s", k.Release, k.Version, h, strings.Join(im, "+")))
	}
	return out
}

func TestSelect(t *testing.T) {
	debian := deb(
		"linux-image-6.1.0-54-amd64 6.1.190-1 linux-signed-amd64", "linux-headers-6.1.0-54-amd64 6.1.190-1 linux",
		"linux-image-6.1.0-9-amd64 6.1.27-1 linux-signed-amd64", "linux-image-6.1.0-9-amd64 6.1.27-1~bpo1 linux-signed-amd64", "linux-image-6.1.0-9-amd64-dbg 6.1.27-1 linux",
		"linux-image-6.1.0-55-amd64 6.1.192-1 linux-signed-amd64", "linux-image-6.1.0-55-amd64-unsigned 6.1.192-1 linux", "linux-headers-6.1.0-55-amd64 6.1.192-1 linux",
		"linux-image-6.1.0-55-cloud-amd64 6.1.192-1 linux-signed-amd64", "linux-image-6.1.0-55-rt-amd64-unsigned 6.1.192-1 linux",
		"linux-headers-6.1.0-55-common 6.1.192-1 linux", "linux-image-amd64 6.1.192-1 linux-signed-amd64", "linux-kbuild-6.1 6.1.192-1 linux",
		"linux-binary-7.1.13+deb13-amd64 7.1.13-1 linux", "linux-modules-7.1.13+deb13-amd64 7.1.13-1 linux", "linux-base-7.1.13+deb13-amd64 7.1.13-1 linux", "linux-headers-7.1.13+deb13-amd64 7.1.13-1 linux",
	)
	const k55 = "6.1.0-55-amd64 6.1.192-1: linux-headers-6.1.0-55-amd64 linux-image-6.1.0-55-amd64"
	const cloud = "6.1.0-55-cloud-amd64 6.1.192-1: - linux-image-6.1.0-55-cloud-amd64"
	const rt = "6.1.0-55-rt-amd64 6.1.192-1: - linux-image-6.1.0-55-rt-amd64-unsigned"
	const k71 = "7.1.13+deb13-amd64 7.1.13-1: linux-headers-7.1.13+deb13-amd64 linux-binary-7.1.13+deb13-amd64+linux-modules-7.1.13+deb13-amd64+linux-base-7.1.13+deb13-amd64"
	for _, tc := range []struct {
		name string
		list []Package
		q    Query
		want []string
	}{
		{"newest of each flavour", debian, Query{}, []string{cloud, rt, k71}},
		{"by pattern", debian, Query{Patterns: []string{"linux-image-6.1.0-*-amd64"}}, []string{k55, cloud}},
		{"by source", debian, Query{Sources: []string{"linux-signed-amd64"}}, []string{k55, cloud}},
		{"by one pattern of headers", debian, Query{Patterns: []string{"linux-headers-7*"}}, []string{k71}},
		{"by name", debian, Query{Name: "6.1.0-54-amd64"}, []string{"6.1.0-54-amd64 6.1.190-1: linux-headers-6.1.0-54-amd64 linux-image-6.1.0-54-amd64"}},
		{"by name, all flavours", debian, Query{Name: "6.1.0-55-amd64"}, []string{k55, cloud, rt}},
		{"by name, two versions", debian, Query{Name: "6.1.0-9-amd64"}, []string{"6.1.0-9-amd64 6.1.27-1: - linux-image-6.1.0-9-amd64", "6.1.0-9-amd64 6.1.27-1~bpo1: - linux-image-6.1.0-9-amd64"}},
		{"nothing", debian, Query{Patterns: []string{"linux-image-5*"}}, nil},
		{"Ubuntu", deb("linux-image-6.8.0-50-generic 6.8.0-50.51", "linux-image-unsigned-6.8.0-50-generic 6.8.0-50.51", "linux-modules-6.8.0-50-generic 6.8.0-50.51", "linux-headers-6.8.0-50-generic 6.8.0-50.51"), Query{},
			[]string{"6.8.0-50-generic 6.8.0-50.51: linux-headers-6.8.0-50-generic linux-image-6.8.0-50-generic+linux-modules-6.8.0-50-generic"}},
		{"Proxmox", deb("proxmox-kernel-7.0.14-14-pve-signed 7.0.14-14", "proxmox-headers-7.0.14-14-pve 7.0.14-14"), Query{},
			[]string{"7.0.14-14-pve 7.0.14-14: proxmox-headers-7.0.14-14-pve proxmox-kernel-7.0.14-14-pve-signed"}},
		{"Fedora", rpm("kernel-core 6.12.9-200.fc41 x86_64 6.12.9-200.fc41.x86_64", "kernel-modules-core 6.12.9-200.fc41 x86_64 6.12.9-200.fc41.x86_64", "kernel-devel 6.12.9-200.fc41 x86_64 6.12.9-200.fc41.x86_64",
			"kernel-core 6.12.10-200.fc41 x86_64 6.12.10-200.fc41.x86_64", "kernel-headers 6.12.10-200.fc41 x86_64"), Query{},
			[]string{"6.12.10-200.fc41.x86_64 6.12.10-200.fc41: - kernel-core"}},
		{"SUSE", rpm("kernel-default 6.4.0-1 x86_64", "kernel-default-devel 6.4.0-1 x86_64"), Query{}, []string{"6.4.0-1-default 6.4.0-1: kernel-default-devel kernel-default"}},
	} {
		if got := summary(tc.q.Select(tc.list)); !slices.Equal(got, tc.want) {
			t.Errorf("%s:\n got  %s\n want %s", tc.name, strings.Join(got, "\n      "), strings.Join(tc.want, "\n      "))
		}
		back := slices.Clone(tc.list)
		slices.Reverse(back)
		if n := len(tc.q.Select(back)); n != len(tc.want) {
			t.Errorf("%s: in another order %d kernels", tc.name, n)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		rpm  bool
		less string
		more string
	}{{false, "6.1.190-1", "6.1.192-1"}, {false, "6.1.9-1", "6.1.10-1"}, {false, "6.1.27-1~bpo1", "6.1.27-1"}, {false, "6.1.1-1", "1:1-1"},
		{true, "6.12.9-200", "6.12.10-1"}, {true, "6.12.0-0.rc7.1~x", "6.12.0-0.rc7.1"}, {true, "6.1-1", "1:1-1"}} {
		a, b := &Kernel{Version: c.less, Rpm: c.rpm}, &Kernel{Version: c.more, Rpm: c.rpm}
		if a.Compare(b) >= 0 || b.Compare(a) <= 0 || a.Compare(a) != 0 {
			t.Errorf("%s < %s", c.less, c.more)
		}
	}
}
