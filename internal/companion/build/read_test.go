package build

import (
	"bytes"
	"crypto/sha256"
	"io"
	"strings"
	"testing"

	"kpkg-btf/internal/companion"
	"kpkg-btf/internal/toolversion"
	"kpkg-btf/internal/where"
)

// written is a package of a kind.
func written(t *testing.T, k Kind) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := spec().Write(&b, k); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What nfpm wrote is read by the other libraries.
func TestRead(t *testing.T) {
	deb, err := read(bytes.NewReader(written(t, "deb")))
	if err != nil || deb.By != "blakesmith/ar" || len(deb.Members) != 3 || deb.Members[0].Name != "debian-binary" || deb.Members[0].SHA256 != sha256.Sum256([]byte("2.0\n")) {
		t.Errorf("%+v, %v", deb, err)
	}
	rpm, err := read(bytes.NewReader(written(t, "rpm")))
	if err != nil || rpm.By != "go-rpmutils" || rpm.Name != "linux-btf-6.1.0-56-amd64" || rpm.Version != "1:6.1.192-2" || rpm.Arch != "x86_64" || rpm.Digests == 0 || rpm.Fitting != rpm.Digests || rpm.Files < rpm.Digests {
		t.Errorf("%+v, %v", rpm, err)
	}
}

// Damage ends in an error, or in a reading of something else; never in a panic, and
// never in the reading of what was not damaged.
func TestReadDamaged(t *testing.T) {
	for _, k := range []Kind{"deb", "rpm"} {
		whole := written(t, k)
		good, err := read(bytes.NewReader(whole))
		if err != nil {
			t.Fatal(err)
		}
		same := func(r *companion.Reading) bool {
			return r.Name == good.Name && r.Version == good.Version && r.Arch == good.Arch && r.Files == good.Files && r.Fitting == good.Fitting && len(r.Members) == len(good.Members) &&
				(len(r.Members) == 0 || r.Members[len(r.Members)-1] == good.Members[len(good.Members)-1])
		}
		refused := 0
		// go-rpmutils does not read the end of a compressed payload, 8 bytes of gzip.
		for at := 0; at < len(whole)-8; at += 1 + len(whole)/100 {
			if r, err := read(bytes.NewReader(whole[:at])); err == nil && same(r) {
				t.Errorf("%s of %d bytes, cut at %d: read as whole", k, len(whole), at)
			} else if err != nil {
				refused++
			}
		}
		if refused == 0 {
			t.Errorf("%s: no cut was refused", k)
		}
		if k == "rpm" {
			continue // go-rpmutils takes the memory that headers claim: the process has limits, this one has none
		}
		for at := 0; at < len(whole); at += 1 + len(whole)/300 {
			b := bytes.Clone(whole)
			b[at] ^= 0xff
			_, _ = read(bytes.NewReader(b)) // must return
		}
	}
	for text, want := range map[string]string{"": "neither", "PK\x03\x04 a zip": "neither", "!<arch>\nshort": "EOF"} {
		if r, err := read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
}

// The program answers to its own version alone.
func TestReadVersion(t *testing.T) {
	var out, said bytes.Buffer
	if code := Main([]string{companion.ReadWord, toolversion.Version + "x"}, strings.NewReader(""), &out, &said); code != 1 || !strings.Contains(said.String(), "is of version") || out.Len() > 0 {
		t.Errorf("exit %d, %q, %q", code, out.String(), said.String())
	}
	if err := companion.SameVersion(companion.Program, toolversion.Version); err != nil {
		t.Error(err)
	}
	if _, err := read(io.MultiReader()); where.KindOf(err) != where.Malformed {
		t.Error(err)
	}
}
