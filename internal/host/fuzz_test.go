package host

import "testing"

// An entry names a kernel.
func FuzzEntries(f *testing.F) {
	f.Add([]byte("label a\n linux ($drive1)/vmlinuz root=x\n initrd /a,/b $c\n"), false)
	f.Add([]byte("kernel=kernel8.img\n"), true)
	f.Add([]byte("linux ($drive1)"), false) // a drive, and no file on it
	f.Fuzz(func(t *testing.T, text []byte, pi bool) {
		for _, e := range parseEntries(text, pi) {
			if e.linux == "" && !pi {
				t.Errorf("%+v", e)
			}
			for _, name := range e.initrds {
				if name == "" {
					t.Errorf("%+v", e)
				}
			}
		}
	})
}
