package kimage

import "testing"

func TestBanner(t *testing.T) {
	for _, c := range []struct{ name, data, release, banner string }{
		{"plain", "xx\x00Linux version 6.1.0-55-amd64 (a@b) (gcc) #1 SMP\n\x00", "6.1.0-55-amd64", "Linux version 6.1.0-55-amd64 (a@b) (gcc) #1 SMP"},
		{"numbered wins", "Linux version 6.1.0 (a) # SMP\n\x00Linux version 6.1.0-x (a) #12 SMP\n", "6.1.0-x", "Linux version 6.1.0-x (a) #12 SMP"},
		{"first without numbers", "Linux version 6.1.0-a (a) # SMP\n\x00Linux version 6.2 (a)\n", "6.1.0-a", "Linux version 6.1.0-a (a) # SMP"},
		{"format", "Linux version %s (%s)\n\x00", "", ""},
		{"format after a number", "Linux version 6%s (x) #1\n\x00", "", ""},
		{"no digit", "Linux version number is unknown\n\x00", "", ""},
		{"no end", "Linux version 6.1.0 (", "", ""},
		{"no release", "Linux version \n", "", ""},
		{"release alone", "Linux version 6.1.0\x00", "6.1.0", "Linux version 6.1.0"},
		{"control byte", "Linux version 6.1\x1b[2J (a) #1\n", "", ""},
		{"path", "Linux version 6.1/../x (a) #1\n", "", ""},
		{"long release", "Linux version 6.11111111111111111111111111111111111111111111111111111111111111111 #1\n", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := kernel{areas: []area{{0, []byte("no banner here")}, {0, []byte(c.data)}}}
			if banner, release := k.banner(); banner != c.banner || release != c.release {
				t.Errorf("%q %q, want %q %q", release, banner, c.release, c.banner)
			}
		})
	}
}
