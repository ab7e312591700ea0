// Package realtest gives tests the real packages they name: fetched by
// testdata/real/fetch.sh into a cache outside the repository, verified by apt
// against the archive's signed index. Only tests import it.
package realtest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The packages whose measured truths tests pin (shared knowledge of the
// project, docs/kernel-rules.md, "Measured pairs"), as specs for Deb. Debian's archive drops old versions:
// Deb then says "GONE name version" and skips, which CI counts apart; the
// invariants run on Newest as well.
const (
	PairAOld        = "bookworm-security/linux-image-6.1.0-55-amd64=6.1.192-1"
	PairANew        = "bookworm-security/linux-image-6.1.0-56-amd64=6.1.192-2"
	PairAOldHeaders = "bookworm-security/linux-headers-6.1.0-55-amd64=6.1.192-1"
	PairANewHeaders = "bookworm-security/linux-headers-6.1.0-56-amd64=6.1.192-2"
	PairBOld        = "trixie-security/linux-image-6.12.115+deb13-amd64=6.12.115-1"
	PairBNew        = "trixie-security/linux-image-6.12.115+deb13.1-amd64=6.12.115-2"
	PairBOldHeaders = "trixie-security/linux-headers-6.12.115+deb13-amd64=6.12.115-1"
	PairBNewHeaders = "trixie-security/linux-headers-6.12.115+deb13.1-amd64=6.12.115-2"
	PairCOld        = "bookworm-security/linux-image-6.1.0-54-amd64=6.1.190-1"
	PairCOldHeaders = "bookworm-security/linux-headers-6.1.0-54-amd64=6.1.190-1"
	Image510        = "bullseye-security/linux-image-5.10.0-46-amd64=5.10.262-1"
	Image618        = "trixie-backports/linux-image-6.18.15+deb13-amd64=6.18.15-1~bpo13+1"
	Image71         = "trixie-backports/linux-binary-7.1.13+deb13-amd64=7.1.13-1~bpo13+1"
	Image7211       = "trixie-backports/linux-binary-7.2.11+deb13-amd64=7.2.11-1~bpo13+1"
	Image73         = "trixie-backports/linux-binary-7.3.4+deb13-amd64=7.3.4-1~bpo13+1"
	Modules73       = "trixie-backports/linux-modules-7.3.4+deb13-amd64=7.3.4-1~bpo13+1"
	Base73          = "trixie-backports/linux-base-7.3.4+deb13-amd64=7.3.4-1~bpo13+1"
	Headers73       = "trixie-backports/linux-headers-7.3.4+deb13-amd64=7.3.4-1~bpo13+1"
)

// Flavours72 are the builds of Debian's 7.2.13, one for each architecture that
// has one, with Debian's name of the architecture.
var Flavours72 = []struct{ Flavour, Deb string }{
	{"amd64", "amd64"}, {"arm64", "arm64"}, {"armmp", "armhf"}, {"loong64", "loong64"},
	{"powerpc64le", "ppc64el"}, {"riscv64", "riscv64"}, {"s390x", "s390x"},
}

// Image72 is the spec of the package with a flavour's image.
func Image72(flavour string) string { return sid72("linux-binary", flavour) }

// Modules72 is the spec of the package with a flavour's modules.
func Modules72(flavour string) string { return sid72("linux-modules", flavour) }

// Base72 is the spec of the package with a flavour's config and lists.
func Base72(flavour string) string { return sid72("linux-base", flavour) }

// Headers72 is the spec of the package with a flavour's Module.symvers.
func Headers72(flavour string) string { return sid72("linux-headers", flavour) }

func sid72(kind, flavour string) string {
	for _, f := range Flavours72 {
		if f.Flavour == flavour {
			return "sid/" + kind + "-7.2.13+deb14-" + flavour + ":" + f.Deb + "=7.2.13-1"
		}
	}
	panic("no flavour " + flavour)
}

// Root is the top of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../..")
}

// Cache is the folder of downloads.
func Cache() string {
	if d := os.Getenv("KPKG_BTF_CACHE"); d != "" {
		return d
	}
	if d := os.Getenv("XDG_CACHE_HOME"); d != "" {
		return filepath.Join(d, "kpkg-btf")
	}
	return filepath.Join(os.Getenv("HOME"), ".cache/kpkg-btf")
}

// GoneError is a package version that has left the archive.
type GoneError struct{ What string }

func (e *GoneError) Error() string { return "GONE " + e.What }

// Fetch brings one package (SUITE/NAME[:ARCH][=VERSION]) and gives its file.
func Fetch(ctx context.Context, spec string) (string, error) {
	out, err := script(ctx, spec)
	if err != nil {
		return "", err
	}
	if what, gone := strings.CutPrefix(out, "GONE "); gone {
		return "", &GoneError{what}
	}
	return out, nil
}

// Newest names the newest packages of a suite whose names match a POSIX
// extended regular expression, as specs for Fetch, the newest first.
func Newest(ctx context.Context, suite, regex string, n int) ([]string, error) {
	out, err := script(ctx, "newest", suite, regex, fmt.Sprint(n))
	if err != nil {
		return nil, err
	}
	var specs []string
	for line := range strings.Lines(out) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		specs = append(specs, suite+"/"+name+"="+version)
	}
	return specs, nil
}

func script(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(Root(), "testdata/real/fetch.sh"), append([]string{"-c", Cache()}, args...)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("fetch.sh %s: %w\n%s", strings.Join(args, " "), err, complaint.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// Deb is Fetch for a test that needs exactly this version: without it the
// test cannot run, says so and is counted as gone. `go test` of several
// packages hides what passing tests print, so it is written to GoneFile too,
// which `make e2e` shows at the end.
func Deb(tb testing.TB, spec string) string {
	tb.Helper()
	file, err := Fetch(tb.Context(), spec)
	var gone *GoneError
	if errors.As(err, &gone) {
		fmt.Println(gone)
		note(tb, gone.Error())
		tb.Skip(gone)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return file
}

// GoneFile has the lines about versions that tests missed.
func GoneFile() string { return filepath.Join(Cache(), "gone") }

func note(tb testing.TB, line string) {
	tb.Helper()
	f, err := os.OpenFile(GoneFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(line + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// NewestDebs fetches the newest packages of a name pattern.
func NewestDebs(tb testing.TB, suite, regex string, n int) []string {
	tb.Helper()
	specs, err := Newest(tb.Context(), suite, regex, n)
	if err != nil {
		tb.Fatal(err)
	}
	if len(specs) < n {
		tb.Fatalf("%s has %d packages like %s, %d are needed", suite, len(specs), regex, n)
	}
	var files []string
	for _, s := range specs {
		files = append(files, Deb(tb, s))
	}
	return files
}

// Walk gives every regular file of a .deb as dpkg-deb unpacks it: an
// independent reader for the tests of ours. fs.SkipAll ends it early.
func Walk(tb testing.TB, deb string, f func(name string, content io.Reader) error) {
	tb.Helper()
	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", deb)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatalf("dpkg-deb (make deps installs it): %v", err)
	}
	for r := tar.NewReader(out); err == nil; {
		var h *tar.Header
		if h, err = r.Next(); err == nil && h.Typeflag == tar.TypeReg {
			err = f(strings.TrimPrefix(h.Name, "./"), r)
		}
	}
	if err != io.EOF {
		_ = out.Close() // ends the children that dpkg-deb has, too
		_ = cmd.Wait()
		if err != fs.SkipAll {
			tb.Fatalf("%s: %v", deb, err)
		}
		return
	}
	_, _ = io.Copy(io.Discard, out) // the padding after the archive
	if err := cmd.Wait(); err != nil {
		tb.Fatalf("%s: dpkg-deb: %v: %s", deb, err, complaint.String())
	}
}

// Member is the first file of a .deb whose last path elements match a pattern
// of path.Match with as many: "boot/vmlinuz-*", "Module.symvers".
func Member(tb testing.TB, deb, pattern string) []byte {
	tb.Helper()
	return Members(tb, deb, pattern)[0]
}

// Members is Member for several files in one pass, in the patterns' order.
func Members(tb testing.TB, deb string, patterns ...string) [][]byte {
	tb.Helper()
	found, missing := make([][]byte, len(patterns)), len(patterns)
	Walk(tb, deb, func(name string, content io.Reader) (err error) {
		for i, p := range patterns {
			if found[i] == nil && matches(p, name) {
				if found[i], err = io.ReadAll(content); err != nil {
					return err
				}
				missing--
				break
			}
		}
		if missing == 0 {
			return fs.SkipAll
		}
		return nil
	})
	for i, p := range patterns {
		if len(found[i]) == 0 {
			tb.Fatalf("%s has no %s", deb, p)
		}
	}
	return found
}

func matches(pattern, name string) bool {
	parts := strings.Split(name, "/")
	from := max(0, len(parts)-1-strings.Count(pattern, "/"))
	ok, err := path.Match(pattern, strings.Join(parts[from:], "/"))
	return ok && err == nil
}

// Extract unpacks a .deb into a folder with dpkg-deb.
func Extract(tb testing.TB, deb, dir string) {
	tb.Helper()
	if out, err := exec.Command("dpkg-deb", "-x", deb, dir).CombinedOutput(); err != nil {
		tb.Fatalf("dpkg-deb -x %s: %v\n%s", deb, err, out)
	}
}

// WriteFile writes a file and the folders above it.
func WriteFile(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, content); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// Binary is the program under test, built by `make build`.
func Binary(tb testing.TB) string {
	tb.Helper()
	bin := filepath.Join(Root(), "bin/kpkg-btf")
	if _, err := os.Stat(bin); err != nil {
		tb.Fatalf("%v: run make build", err)
	}
	return bin
}

// Run runs the program under test and gives its output and exit code.
func Run(tb testing.TB, args ...string) (stdout, stderr string, code int) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), Binary(tb), args...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		tb.Fatal(err)
	}
	return out.String(), complaint.String(), cmd.ProcessState.ExitCode()
}
