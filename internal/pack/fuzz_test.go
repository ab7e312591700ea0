package pack

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/pack/packtest"
	"kpkg-btf/internal/where"
)

// fuzzWhole opens and walks a package of given bytes: every entry's path is
// clean and relative, every content as long as said, or there is an error that
// is not our own fault.
func fuzzWhole(f *testing.F, name string) {
	path := filepath.Join(f.TempDir(), name)
	f.Fuzz(func(t *testing.T, in []byte) {
		check(t, os.WriteFile(path, in, 0o600))
		p, err := Open(context.Background(), path, Options{})
		if err == nil {
			defer p.Close()
			err = p.Walk(context.Background(), func(e *Entry, r io.Reader) error {
				if strings.HasPrefix(e.Path, "/") || hasDotDot(e.Path) || e.Path == "" || strings.HasSuffix(e.Path, "/") {
					t.Fatalf("path %q", e.Path)
				}
				n, err := io.Copy(io.Discard, r)
				if err == nil && n != e.Size {
					t.Fatalf("%s: %d bytes of %d", e.Path, n, e.Size)
				}
				return err
			})
		}
		if err != nil && where.KindOf(err) == where.Internal {
			t.Fatal(err)
		}
	})
}

func FuzzDeb(f *testing.F) {
	f.Add(debFile(f, tarFile(f, reg("./a.ko", "module"), special("./l", '2', "x"))))
	fuzzWhole(f, "x.deb")
}

func FuzzRpm(f *testing.F) {
	unsigned := []packtest.Tag{{Tag: 273}}
	f.Add((&packtest.Rpm{Files: sampleRpm().Files, SetSig: unsigned}).Build())
	f.Add((&packtest.Rpm{Files: sampleRpm().Files, SetSig: unsigned, Stripped: true}).Build())
	fuzzWhole(f, "k.rpm")
}
