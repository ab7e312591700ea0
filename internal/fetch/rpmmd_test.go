package fetch

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/where"
)

// newRpmMD is a signed repository made by createrepo_c.
func newRpmMD(t *testing.T, by *signer, args ...string) string {
	t.Helper()
	root := t.TempDir()
	packageFile(t, filepath.Join(root, "p"), "rpm", "kernel-core", "6.12.9", "", "x86_64")
	packageFile(t, filepath.Join(root, "p"), "rpm", "kernel-devel", "6.12.9", "", "x86_64")
	packageFile(t, filepath.Join(root, "p"), "rpm", "bash", "5", "", "x86_64")
	run(t, root, "", append(append([]string{"createrepo_c", "-q"}, args...), ".")...)
	by.gpg(t, "--armor", "--detach-sign", "--output", filepath.Join(root, "repodata/repomd.xml.asc"), filepath.Join(root, "repodata/repomd.xml"))
	return root
}

func TestRpmMD(t *testing.T) {
	by := newSigner(t)
	for _, args := range [][]string{nil, {"--general-compress-type=xz"}, {"--general-compress-type=bz2"}, {"--checksum=sha512"}} {
		root := newRpmMD(t, by, args...)
		s := serve(t, root)
		c := client(t)
		src := &RpmMD{Client: c, URL: s.URL, Keys: by.keys(t), Arches: []string{"x86_64"}}
		got, err := all(src, c)
		if err != nil || len(got) != 2 {
			t.Fatalf("%v: %v, %v", args, got, err)
		}
		for name, file := range got {
			same(t, file, filepath.Join(root, "p", name+"_6.12.9_x86_64.rpm"))
		}
		src.Arches = []string{"aarch64"}
		if got, err := all(src, c); err != nil || len(got) != 0 {
			t.Errorf("of another architecture: %v, %v", got, err)
		}
	}
}

func TestRpmMDRefuses(t *testing.T) {
	by, other := newSigner(t), newSigner(t)
	change := func(t *testing.T, glob, from, to string) {
		t.Helper()
		files, _ := filepath.Glob(glob)
		if len(files) != 1 {
			t.Fatalf("%s: %v", glob, files)
		}
		b := read(t, files[0])
		n := bytes.Replace(b, []byte(from), []byte(to), 1)
		if bytes.Equal(b, n) {
			n = bytes.Clone(b)
			n[len(n)-20] ^= 1
		}
		write(t, files[0], n)
	}
	for _, tc := range []struct {
		name   string
		tamper func(*testing.T, string, *RpmMD)
		want   string
	}{
		{"a byte of repomd.xml", func(t *testing.T, root string, _ *RpmMD) { change(t, root+"/repodata/repomd.xml", "<size>", "<size >") }, "signature is wrong"},
		{"a byte of the index", func(t *testing.T, root string, _ *RpmMD) { change(t, root+"/repodata/*primary.xml.gz", "\x00none", "") }, "sha256 is"},
		{"a byte of a package", func(t *testing.T, root string, _ *RpmMD) { change(t, root+"/p/kernel-core_*", "\x00none", "") }, "sha256 is"},
		{"not signed", func(t *testing.T, root string, _ *RpmMD) { os.Remove(root + "/repodata/repomd.xml.asc") }, "not signed"},
		{"signed by another key", func(t *testing.T, root string, m *RpmMD) { m.Keys = other.keys(t) }, "signed by no key"},
		{"checksums that prove nothing", func(t *testing.T, root string, m *RpmMD) {
			m.Keys = nil
			change(t, root+"/repodata/repomd.xml", `type="sha256"`, `type="sha1"`)
		}, "checksum type sha1 proves nothing"},
		{"a file outside", func(t *testing.T, root string, m *RpmMD) {
			m.Keys = nil
			change(t, root+"/repodata/repomd.xml", `href="repodata/`, `href="../repodata/`)
		}, "its file is named"},
		{"no XML", func(t *testing.T, root string, m *RpmMD) {
			m.Keys = nil
			write(t, root+"/repodata/repomd.xml", []byte("<html>"))
		}, "repomd.xml: "},
		{"no repository", func(t *testing.T, root string, m *RpmMD) { os.RemoveAll(root + "/repodata") }, "not there"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := newRpmMD(t, by, "--checksum=sha256")
			s := serve(t, root)
			c := client(t)
			src := &RpmMD{Client: c, URL: s.URL, Keys: by.keys(t)}
			tc.tamper(t, root, src)
			_, err := all(src, c)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q in one line", err, tc.want)
			}
			if where.KindOf(err) == where.Internal {
				t.Errorf("%v is of kind internal", err)
			}
		})
	}
}

// TestRpmMDBounded: one record may not take all memory.
func TestRpmMDBounded(t *testing.T) {
	head := `<metadata xmlns="http://linux.duke.edu/metadata/common"><package type="rpm"><name>`
	_, err := (&RpmMD{}).read(strings.NewReader(head+strings.Repeat("x", maxRecord)), func(*Package) bool { return true })
	if where.KindOf(err) != where.Limit {
		t.Errorf("%v", err)
	}
	if _, err = (&RpmMD{}).read(strings.NewReader(head), func(*Package) bool { return true }); where.KindOf(err) != where.Malformed {
		t.Errorf("cut short: %v", err)
	}
}

func TestRpmNames(t *testing.T) {
	x := primary{Name: "kernel-core", Arch: "x86_64", Source: "kernel-6.12.9-200.fc41.src.rpm"}
	x.Version.Epoch, x.Version.Version, x.Version.Release = "1", "6.12.9", "200.fc41"
	x.Provides = append(x.Provides, struct {
		Name    string `xml:"name,attr"`
		Version string `xml:"ver,attr"`
		Release string `xml:"rel,attr"`
	}{"kernel-core-uname-r", "6.12.9", "200.fc41.x86_64"})
	p := x.asPackage()
	if p.Version != "1:6.12.9-200.fc41" || p.Source != "kernel" || p.Release != "6.12.9-200.fc41.x86_64" {
		t.Errorf("%+v", p)
	}
}
