//go:build e2e

package codec

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// payload gives the data.tar.xz of a real package, cut out by dpkg-deb's
// sibling ar, and the payload as dpkg-deb decompresses it.
func payload(t *testing.T, name string) ([]byte, []byte) {
	t.Helper()
	cache := os.Getenv("KPKG_BTF_CACHE")
	if cache == "" {
		cache = filepath.Join(os.Getenv("HOME"), ".cache", "kpkg-btf")
	}
	deb := filepath.Join(cache, "pool", name)
	src, err := exec.Command("ar", "p", deb, "data.tar.xz").Output()
	if err != nil {
		t.Fatalf("%s: %v (run make demo)", deb, err)
	}
	want, err := exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output()
	if err != nil {
		t.Fatal(err)
	}
	return src, want
}

func TestRealPayloads(t *testing.T) {
	for _, name := range []string{"linux-image-6.1.0-55-amd64_6.1.192-1_amd64.deb", "linux-image-6.12.115+deb13-amd64_6.12.115-1_amd64.deb"} {
		src, want := payload(t, name)
		for _, jobs := range []int{1, 2} {
			got, err := stream(t.Context(), XZ, src, Options{Jobs: jobs})
			if err != nil || sha256.Sum256(got) != sha256.Sum256(want) {
				t.Errorf("%s, %d jobs: %d bytes, dpkg-deb %d, %v", name, jobs, len(got), len(want), err)
			}
		}
	}
}

func TestRealModules(t *testing.T) {
	_, data := payload(t, "linux-image-6.12.115+deb13-amd64_6.12.115-1_amd64.deb")
	var all, got bytes.Buffer
	var d Decoder
	var dst []byte
	n := 0
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".ko.xz") {
			continue
		}
		src, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		n++
		all.Write(src)
		if dst, err = d.Decode(dst, Detect(src), src, 1<<30); err != nil {
			t.Fatalf("%s: %v", h.Name, err)
		}
		got.Write(dst)
	}
	// One call of xz over all of them: streams may be joined.
	cmd := exec.Command("xz", "-dc")
	cmd.Stdin = &all
	want, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if n != 4230 || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d modules, %d bytes; xz gives %d", n, got.Len(), len(want))
	}
}
