package fetch

import (
	"bytes"
	"strings"
	"testing"
)

// What any index names lies in its repository, has a size and a digest to hold
// it against, and comes from addresses as they are.
func inRepository(t *testing.T, list []Package) {
	t.Helper()
	if len(list) > maxMatches {
		t.Fatalf("%d packages", len(list))
	}
	for _, p := range list {
		if !strings.HasPrefix(p.At, "http://a/b/") || strings.Contains(p.At, "/../") || p.Size < 0 || p.Digest.Hex == "" {
			t.Errorf("%+v", p)
		}
	}
}

func every(*Package) bool { return true }

func FuzzAptIndex(f *testing.F) {
	sum := strings.Repeat("0f", 32)
	f.Add([]byte("Package: linux-image-1\nVersion: 1\nArchitecture: amd64\nSource: linux (1)\nFilename: pool/l.deb\nSize: 7\nSHA256: " + sum + "\n\nPackage: b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a := &Apt{URL: "http://a/b", Suite: "s"}
		if list, err := a.read(bytes.NewReader(text), every); err == nil {
			inRepository(t, list)
		}
	})
}

func FuzzAptRelease(f *testing.F) {
	f.Add([]byte("Suite: s\nDate: Tue, 01 Dec 2026 00:00:00 UTC\nAcquire-By-Hash: yes\nSHA256:\n " + strings.Repeat("0f", 32) + " 7 main/binary-amd64/Packages.xz\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a := &Apt{URL: "http://a/b", Suite: "s"}
		rel, err := a.parseRelease(text)
		if err != nil {
			return
		}
		if len(rel.files) == 0 {
			t.Error("a Release without files was taken")
		}
		for name, l := range rel.files {
			if l.Name != name || len(l.SHA256) == 0 || l.Size < 0 {
				t.Errorf("%q: %+v", name, l)
			}
		}
	})
}

func FuzzRepomd(f *testing.F) {
	f.Add([]byte(`<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary"><checksum type="sha256">` + strings.Repeat("0f", 32) +
		`</checksum><location href="repodata/primary.xml.gz"/><size>7</size></data></repomd>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := &RpmMD{URL: "http://a/b"}
		p, err := m.parse(text)
		if err == nil && (p.size <= 0 || p.size > maxIndex || p.at == "" || p.want.Hex == "") {
			t.Errorf("%+v", p)
		}
	})
}

func FuzzRpmIndex(f *testing.F) {
	f.Add([]byte(`<metadata><package type="rpm"><name>kernel-core</name><arch>x86_64</arch><version epoch="0" ver="6.12.9" rel="1"/><checksum type="sha256">` + strings.Repeat("0f", 32) +
		`</checksum><size package="7"/><location href="p/k.rpm"/><format><sourcerpm>kernel-6.12.9-1.src.rpm</sourcerpm><provides><entry name="kernel-core-uname-r" ver="6.12.9" rel="1.x86_64"/></provides></format></package></metadata>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := &RpmMD{URL: "http://a/b"}
		list, err := m.read(bytes.NewReader(text), every)
		if err != nil || bytes.Contains(text, []byte("base")) { // xml:base names another address
			return
		}
		inRepository(t, list)
	})
}
