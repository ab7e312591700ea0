package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

func spec() *Spec {
	base := []byte("the BTF of a kernel")
	return &Spec{
		Base: base, MTime: time.Unix(1700000000, 0).UTC(), Maintainer: "A <a@example.org>",
		Manifest: &manifest.Manifest{
			Tool: "kpkg-btf test", Release: "6.1.0-56-amd64", Arch: model.X8664, Scope: manifest.Full,
			Packages: []manifest.Package{{Name: "config", Version: "9", Arch: "all", Kind: "deb"}, {Name: "linux-image", Version: "1:6.1.192-2", Arch: "amd64", Kind: "deb", Gives: []string{"image"}}},
			Base:     &manifest.Base{SHA256: sha256.Sum256(base), Size: int64(len(base)), Types: 1, StrLen: 1, HdrLen: 24, Where: "section .BTF"},
		},
	}
}

func build(t *testing.T, s *Spec, k Kind) string {
	t.Helper()
	var a, b bytes.Buffer
	if err := s.Write(&a, k); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(&b, k); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("%s: not the same bytes again: %v", k, err)
	}
	path := filepath.Join(t.TempDir(), "x."+string(k))
	if err := os.WriteFile(path, a.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func output(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// dpkg reads the package: its fields and its two files, nothing else.
func TestDeb(t *testing.T) {
	s := spec()
	sum := hex.EncodeToString(s.Manifest.Base.SHA256[:])
	path := build(t, s, Deb)
	got := output(t, "dpkg-deb", "--show", "--showformat=${Package}|${Version}|${Architecture}|${Provides}|${Maintainer}", path)
	if want := "linux-btf-6.1.0-56-amd64|1:6.1.192-2|amd64|kernel-btf-" + sum[:16] + "|A <a@example.org>"; got != want {
		t.Errorf("fields %q, want %q", got, want)
	}
	list := output(t, "dpkg-deb", "--contents", path)
	for _, want := range []string{"./usr/lib/linux/6.1.0-56-amd64/btf.json", "./usr/lib/linux/6.1.0-56-amd64/" + sum + ".btf.zst", "-rw-r--r-- root/root", "2023-11-14 22:13"} {
		if !strings.Contains(list, want) {
			t.Errorf("no %s in\n%s", want, list)
		}
	}
	if n := strings.Count("\n"+list, "\n-"); n != 2 {
		t.Errorf("%d files in\n%s", n, list)
	}
	dir := t.TempDir()
	output(t, "dpkg-deb", "-x", path, dir)
	text, err := os.ReadFile(filepath.Join(dir, "usr/lib/linux/6.1.0-56-amd64/btf.json"))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := manifest.Read(text); err != nil || m.Release != s.Manifest.Release {
		t.Errorf("%v", err)
	}
	f, err := os.Open(filepath.Join(dir, "usr/lib/linux/6.1.0-56-amd64", sum+".btf.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := manifest.ReadBase(f, s.Manifest.Base.SHA256); err != nil || !bytes.Equal(b, s.Base) {
		t.Errorf("%q %v", b, err)
	}
	if name, err := s.FileName(Deb); err != nil || name != "linux-btf-6.1.0-56-amd64_6.1.192-2_amd64.deb" {
		t.Errorf("%s %v", name, err)
	}
}

// rpm reads the package: the provide carries the whole checksum.
func TestRPM(t *testing.T) {
	s := spec()
	s.Manifest.Release = "5.14.0-427.13.1.el9_4.x86_64"
	s.Manifest.Packages = []manifest.Package{{Name: "kernel-core", Version: "5.14.0-427.13.1.el9_4", Arch: "x86_64", Kind: "rpm", Gives: []string{"image"}}}
	path := build(t, s, RPM)
	sum := hex.EncodeToString(s.Manifest.Base.SHA256[:])
	if got := output(t, "rpm", "-qp", "--qf", "%{NAME}|%{VERSION}|%{RELEASE}|%{ARCH}|%{BUILDHOST}|%{BUILDTIME}", path); got != "linux-btf-5.14.0-427.13.1.el9-4.x86-64|5.14.0|427.13.1.el9_4|x86_64|localhost|1700000000" {
		t.Errorf("fields %q", got)
	}
	if got := output(t, "rpm", "-qp", "--provides", path); !strings.Contains(got, "kernel-btf(5.14.0-427.13.1.el9_4.x86_64) = "+sum+"\n") {
		t.Errorf("provides\n%s", got)
	}
	if got := output(t, "rpm", "-qpl", path); !strings.Contains(got, "/usr/lib/linux/5.14.0-427.13.1.el9_4.x86_64/btf.json\n") || !strings.Contains(got, sum+".btf.zst\n") {
		t.Errorf("files\n%s", got)
	}
	if got := output(t, "rpm", "-K", "--nosignature", path); !strings.Contains(got, "digests OK") {
		t.Errorf("%s", got)
	}
}

func TestWithoutBase(t *testing.T) {
	s := spec()
	s.Manifest.Base, s.Base = nil, nil
	for _, k := range []Kind{Deb, RPM} {
		if p := s.Provides(k); p != nil {
			t.Errorf("provides %v", p)
		}
		build(t, s, k)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec)
		kind   where.Kind
	}{
		"no base":      {func(s *Spec) { s.Base = nil }, where.Inconclusive},
		"no version":   {func(s *Spec) { s.Manifest.Packages = nil }, where.Usage},
		"bad version":  {func(s *Spec) { s.Version = "6.1\nProvides: x" }, where.Usage},
		"no arch":      {func(s *Spec) { s.Manifest.Arch, s.Manifest.Packages[1].Arch = "", "" }, where.Inconclusive},
		"bad release":  {func(s *Spec) { s.Manifest.Release = "../../etc" }, where.Malformed},
		"empty":        {func(s *Spec) { s.Manifest.Release = "" }, where.Malformed},
		"hidden name":  {func(s *Spec) { s.Manifest.Release = ".." }, where.Malformed},
		"white spaces": {func(s *Spec) { s.Manifest.Release = "6.1 x" }, where.Malformed},
	} {
		s := spec()
		c.change(s)
		if err := s.Write(&bytes.Buffer{}, Deb); where.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := spec().Write(&bytes.Buffer{}, "apk"); where.KindOf(err) != where.Usage {
		t.Error(err)
	}
}

func TestVersions(t *testing.T) {
	for text, want := range map[string]version{
		"1:6.1.192-2": {"1", "6.1.192", "2"}, "6.1": {"", "6.1", ""}, "7.3.4-1~bpo13+1": {"", "7.3.4", "1~bpo13+1"}, "6.8.0-45.45": {"", "6.8.0", "45.45"},
	} {
		if got := parseVersion(text); got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
}
