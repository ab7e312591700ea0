//go:build e2e

package codec

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os/exec"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
)

// payload returns the data.tar.xz of a real package, cut out by dpkg-deb's
// sibling ar, and the payload as dpkg-deb decompresses it.
func payload(t *testing.T, spec string) ([]byte, []byte) {
	t.Helper()
	deb := realtest.Deb(t, spec)
	src, err := exec.Command("ar", "p", deb, "data.tar.xz").Output()
	if err != nil {
		t.Fatalf("%s: %v", deb, err)
	}
	want, err := exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output()
	if err != nil {
		t.Fatal(err)
	}
	return src, want
}

func TestRealPayloads(t *testing.T) {
	for _, name := range []string{realtest.PairAOld, realtest.PairBOld} {
		t.Run(name, func(t *testing.T) {
			src, want := payload(t, name)
			sum := sha256.Sum256(want)
			for _, jobs := range []int{1, 2} {
				got, err := stream(t.Context(), XZ, src, Options{Jobs: jobs})
				if err != nil || sha256.Sum256(got) != sum {
					t.Errorf("%s, %d jobs: %d bytes, dpkg-deb %d, %v", name, jobs, len(got), len(want), err)
				}
			}
		})
	}
}

func TestRealModules(t *testing.T) {
	deb := realtest.Deb(t, realtest.PairBOld)
	// One xz decompresses all of them in the meantime: streams may be joined.
	var want counter
	cmd := exec.Command("xz", "-dc")
	cmd.Stdout = &want
	all, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	got, n := counter{}, 0
	var d Decoder
	var dst []byte
	realtest.Walk(t, deb, func(name string, r io.Reader) error {
		if !strings.HasSuffix(name, ".ko.xz") {
			return nil
		}
		src, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		n++
		if _, err := all.Write(src); err != nil {
			return err
		}
		if dst, err = d.Decode(dst, Detect(src), src, 1<<30); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		_, err = got.Write(dst)
		return err
	})
	if err := errors.Join(all.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	if n != 4230 || got.n != want.n || got.sum() != want.sum() {
		t.Errorf("%d modules, %d bytes; xz gives %d", n, got.n, want.n)
	}
}

// counter knows how much was written to it and the sum of that.
type counter struct {
	n    int64
	hash hash.Hash
}

func (c *counter) Write(p []byte) (int, error) {
	if c.hash == nil {
		c.hash = sha256.New()
	}
	c.n += int64(len(p))
	return c.hash.Write(p)
}

func (c *counter) sum() string {
	if c.hash == nil {
		return ""
	}
	return string(c.hash.Sum(nil))
}
