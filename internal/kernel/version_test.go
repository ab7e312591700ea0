package kernel

import "testing"

// Debian's ABI names need not hold the stable version; banners do.
func TestVersionOf(t *testing.T) {
	for _, c := range []struct {
		banner, name string
		want         [3]int
	}{
		{"Linux version 6.1.0-56-amd64 (x) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)", "6.1.0-56-amd64", [3]int{6, 1, 192}},
		{"Linux version 7.3.4+deb13-amd64 (x) (gcc-14 (Debian 14.2.0-19) 14.2.0) #1 SMP Debian 7.3.4-1~bpo13+1 (2026-11-15)", "7.3.4+deb13-amd64", [3]int{7, 3, 4}},
		{"Linux version 6.17.9-200.fc42.x86_64 (mockbuild@x) (gcc (GCC) 15) #1 SMP", "6.17.9-200.fc42.x86_64", [3]int{6, 17, 9}},
		{"", "7.3-rc1", [3]int{7, 3, 0}},
		{"Linux version 6.8.0-149-generic (x) #9 SMP Debian 5.10.1-1 (2020)", "6.8.0-149-generic", [3]int{6, 8, 0}},
		{"", "custom", [3]int{}},
	} {
		a, b, p := versionOf(c.banner, c.name)
		if got := [3]int{a, b, p}; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
