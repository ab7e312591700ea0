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
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The packages whose measured truths tests pin (shared knowledge of the
// project, CASES.md). Debian's archive drops old versions: Deb then prints
// "GONE name version" and skips, which CI counts apart; the invariants run on
// Newest as well.
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
	Image73         = "trixie-backports/linux-binary-7.3.4+deb13-amd64=7.3.4-1~bpo13+1"
	Modules73       = "trixie-backports/linux-modules-7.3.4+deb13-amd64=7.3.4-1~bpo13+1"
	Base73          = "trixie-backports/linux-base-7.3.4+deb13-amd64=7.3.4-1~bpo13+1"
	Headers73       = "trixie-backports/linux-headers-7.3.4+deb13-amd64=7.3.4-1~bpo13+1"
)

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
// test cannot run, says so and is counted as gone.
func Deb(tb testing.TB, spec string) string {
	tb.Helper()
	file, err := Fetch(tb.Context(), spec)
	var gone *GoneError
	if errors.As(err, &gone) {
		fmt.Println(gone.Error()) // seen by CI without -v
		tb.Skip(gone.Error())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return file
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
// independent reader for the tests of ours.
func Walk(tb testing.TB, deb string, f func(name string, content io.Reader) error) {
	tb.Helper()
	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", deb)
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	defer cmd.Wait()
	for r := tar.NewReader(out); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err == nil && h.Typeflag == tar.TypeReg {
			err = f(strings.TrimPrefix(h.Name, "./"), r)
		}
		if err != nil {
			tb.Fatalf("%s: %v", deb, err)
		}
	}
}

// Member is one file of a .deb, found by the end of its path.
func Member(tb testing.TB, deb, suffix string) []byte {
	tb.Helper()
	var data []byte
	Walk(tb, deb, func(name string, content io.Reader) (err error) {
		if data == nil && strings.HasSuffix(name, suffix) {
			data, err = io.ReadAll(content)
		}
		return err
	})
	if data == nil {
		tb.Fatalf("%s has no %s", deb, suffix)
	}
	return data
}

// Extract unpacks a .deb into a folder with dpkg-deb.
func Extract(tb testing.TB, deb, dir string) {
	tb.Helper()
	if out, err := exec.Command("dpkg-deb", "-x", deb, dir).CombinedOutput(); err != nil {
		tb.Fatalf("dpkg-deb -x %s: %v\n%s", deb, err, out)
	}
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
