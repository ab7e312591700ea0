package repair

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/pack/packtest"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/where"
)

// deb is a package of the files, with a hard link to the first module.
func deb(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	d := packtest.Deb{Ext: ".xz", Compress: func(b []byte) []byte { return pipe(t, []string{"xz", "-c"}, b) }}
	linked := ""
	for _, path := range slices.Sorted(maps.Keys(files)) {
		d.Files = append(d.Files, packtest.Reg("./"+path, string(files[path])))
		if linked == "" && isModule(path) {
			linked = path
		}
	}
	d.Files = append(d.Files, packtest.Special("./"+strings.Replace(linked, "/drivers/", "/drivers/linked/", 1), tar.TypeLink, "./"+linked))
	return d.Build()
}

// save writes a file into a folder of its own.
func save(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// unpacked returns the regular files of a package.
func unpacked(t testing.TB, path string) map[string][]byte {
	t.Helper()
	p, err := (&pack.Input{Path: path, Size: -1}).Open(t.Context(), pack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out := map[string][]byte{}
	err = p.Walk(context.Background(), func(e *pack.Entry, r io.Reader) error {
		if e.Type != pack.Regular {
			return nil
		}
		b, err := io.ReadAll(r)
		out[e.Path] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStripDeb(t *testing.T) {
	files := kernelFiles(t, 8, releasetest.Kernel{})
	in := save(t, "linux-image.deb", deb(t, files))
	before, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	o := stripping(t, in)
	if _, err := Run(t.Context(), o); where.KindOf(err) != where.Usage || !strings.Contains(err.Error(), "never written in place") {
		t.Errorf("without -o: %v", err)
	}
	o.Out = in
	if _, err := Run(t.Context(), o); where.KindOf(err) != where.Usage {
		t.Errorf("over itself: %v", err)
	}
	o.Out = t.TempDir()
	rep, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(o.Out, "linux-image.deb")
	if word(rep.Actions, "stripped") != 9 || rep.Outputs[0].Output != out || !rep.Outputs[0].Published || rep.Outputs[0].SHA256 != sumOf(t, out) {
		t.Errorf("%+v", rep.Outputs)
	}
	got := unpacked(t, out)
	if len(got) != len(files) {
		t.Errorf("%d files, %d before", len(got), len(files))
	}
	for path, now := range got {
		switch {
		case isModule(path):
			sameButBTF(t, path, files[path], now)
		case !bytes.Equal(now, files[path]):
			t.Errorf("%s changed", path)
		}
	}
	if msg, err := exec.Command("dpkg-deb", "--info", out).CombinedOutput(); err != nil {
		t.Errorf("dpkg-deb: %v\n%s", err, msg)
	}
	if now, _ := os.ReadFile(in); !bytes.Equal(before, now) {
		t.Error("the input changed")
	}
	if _, err := Run(t.Context(), o); where.KindOf(err) != where.Usage || !strings.Contains(err.Error(), "exists") {
		t.Errorf("over what is there: %v", err)
	}
	// What is right already is copied.
	o = stripping(t, out)
	o.Out = filepath.Join(t.TempDir(), "again.deb")
	rep, err = Run(t.Context(), o)
	if err != nil || word(rep.Actions, "right already") != 9 {
		t.Fatalf("%+v, %v", rep, err)
	}
	a, _ := os.ReadFile(out)
	b, _ := os.ReadFile(o.Out)
	if !bytes.Equal(a, b) || len(a) == 0 {
		t.Error("the copy is not one")
	}
}

// A package that belongs to an upload is not replaced unseen.
func TestUploaded(t *testing.T) {
	in := save(t, "linux-image.deb", deb(t, kernelFiles(t, 1, releasetest.Kernel{})))
	changes := strings.TrimSuffix(in, ".deb") + ".changes"
	text := "Format: 1.8\nChecksums-Sha256:\n " + strings.Repeat("0", 64) + " 1 linux-image.deb\n"
	if err := os.WriteFile(changes, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	o := stripping(t, in)
	o.Out = t.TempDir()
	if _, err := Run(t.Context(), o); where.KindOf(err) != where.Usage || !strings.Contains(err.Error(), "linux-image.changes lists this package") {
		t.Errorf("%v", err)
	}
	o.Force = true
	if _, err := Run(t.Context(), o); err != nil {
		t.Errorf("forced: %v", err)
	}
}

// Several packages go to a folder; one without modules is not written.
func TestSeveralPackages(t *testing.T) {
	files := kernelFiles(t, 4, releasetest.Kernel{})
	image, one, two := map[string][]byte{}, map[string][]byte{}, map[string][]byte{}
	for path, data := range files {
		switch {
		case !isModule(path):
			image[path] = data
		case strings.Contains(path, "m00") || strings.Contains(path, "m01"):
			one[path] = data
		default:
			two[path] = data
		}
	}
	in := []string{save(t, "image.deb", releasetest.Deb("linux-image", "1", "amd64", image)), save(t, "one.deb", deb(t, one)), save(t, "two.deb", deb(t, two))}
	o := stripping(t, in...)
	o.Out = filepath.Join(t.TempDir(), "x.deb")
	if _, err := Run(t.Context(), o); where.KindOf(err) != where.Usage || !strings.Contains(err.Error(), "2 packages are written") {
		t.Errorf("to one file: %v", err)
	}
	o.Out = t.TempDir()
	rep, err := Run(t.Context(), o)
	if err != nil || len(rep.Outputs) != 2 || rep.Checks[0].Result != "ok" {
		t.Fatalf("%+v, %v", rep, err)
	}
	entries, _ := os.ReadDir(o.Out)
	if len(entries) != 2 {
		t.Errorf("%d files written", len(entries))
	}
}

func sumOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))
}
