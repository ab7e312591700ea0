package fetch

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// run runs a program of the machine in a folder.
func run(t *testing.T, dir string, stdout string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, complaint.String())
	}
	if stdout != "" {
		write(t, filepath.Join(dir, stdout), out.Bytes())
	}
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// signer makes a key with gpg, once for all tests, and signs with it.
type signer struct{ home, public string }

func newSigner(t *testing.T) *signer {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg") // short: the agent's socket lies in it
	if err != nil {
		t.Fatal(err)
	}
	s := &signer{home, filepath.Join(home, "public.gpg")}
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	s.gpg(t, "--quick-generate-key", "archive@example.org", "ed25519", "sign", "0")
	s.gpg(t, "--output", s.public, "--export")
	return s
}

func (s *signer) gpg(t *testing.T, args ...string) {
	t.Helper()
	run(t, s.home, "", append([]string{"gpg", "--homedir", s.home, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
}

func (s *signer) keys(t *testing.T) *Keyring {
	t.Helper()
	k, err := ReadKeyring(s.public)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// packageFile builds a small .deb or .rpm with incompressible content.
func packageFile(t *testing.T, dir, format, name, version, source, arch string) {
	t.Helper()
	info := nfpm.WithDefaults(&nfpm.Info{Name: name, Version: version, Arch: arch, Platform: "linux", Maintainer: "T <t@example.org>", Description: "test",
		MTime: time.Unix(1e9, 0), VersionSchema: "none",
		Overridables: nfpm.Overridables{Contents: files.Contents{{Source: noise(t, name+version), Destination: "/usr/share/" + name}}}})
	if format == "deb" {
		info.Deb.Fields = map[string]string{"Source": source}
		info.Release = "1"
	}
	p, err := nfpm.Get(format)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Package(info, &b); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, fmt.Sprintf("%s_%s_%s.%s", name, version, arch, format)), b.Bytes())
}

// noise is a file of 64 KiB that does not compress.
func noise(t *testing.T, seed string) string {
	t.Helper()
	b := make([]byte, 64<<10)
	x := uint64(14695981039346656037)
	for _, c := range []byte(seed) {
		x = (x ^ uint64(c)) * 1099511628211
	}
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 32)
	}
	file := filepath.Join(t.TempDir(), "noise")
	write(t, file, b)
	return file
}

// archive is a signed apt archive made by apt-ftparchive.
type archive struct {
	root string
	by   *signer
}

func (a *archive) dist() string { return filepath.Join(a.root, "dists/test") }

func newArchive(t *testing.T, by *signer) *archive {
	t.Helper()
	a := &archive{t.TempDir(), by}
	pool := filepath.Join(a.root, "pool")
	packageFile(t, pool, "deb", "linux-image-6.1.0-1-amd64", "6.1.1", "linux-signed-amd64 (6.1.1+1)", "amd64")
	packageFile(t, pool, "deb", "linux-headers-6.1.0-1-amd64", "6.1.1", "linux", "amd64")
	packageFile(t, pool, "deb", "other", "1", "other", "amd64")
	a.index(t)
	a.sign(t, time.Now().Add(time.Hour))
	return a
}

func (a *archive) index(t *testing.T) {
	t.Helper()
	bin := "dists/test/main/binary-amd64"
	if err := os.MkdirAll(filepath.Join(a.root, bin, "by-hash/SHA256"), 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, a.root, bin+"/Packages", "apt-ftparchive", "packages", "pool")
	run(t, a.root, "", "xz", "-kf", bin+"/Packages")
}

// sign writes Release and InRelease, and puts the index under its digest.
func (a *archive) sign(t *testing.T, until time.Time) {
	t.Helper()
	os.Remove(filepath.Join(a.dist(), "Release"))
	os.Remove(filepath.Join(a.dist(), "InRelease"))
	bin := filepath.Join(a.dist(), "main/binary-amd64")
	run(t, bin, "", "sh", "-c", `rm -f by-hash/SHA256/*; for f in Packages*; do cp "$f" by-hash/SHA256/$(sha256sum "$f" | cut -d" " -f1); done`)
	run(t, a.dist(), "../Release", "apt-ftparchive", "-o", "APT::FTPArchive::Release::Suite=test", "-o", "APT::FTPArchive::Release::Codename=testing",
		"-o", "APT::FTPArchive::Release::Acquire-By-Hash=yes", "release", ".")
	text := read(t, filepath.Join(a.root, "dists/Release"))
	write(t, filepath.Join(a.dist(), "Release"), append([]byte("Valid-Until: "+until.UTC().Format("Mon, 02 Jan 2006 15:04:05")+" UTC\n"), text...))
	a.by.gpg(t, "--clearsign", "--output", filepath.Join(a.dist(), "InRelease"), filepath.Join(a.dist(), "Release"))
}

// server serves a folder and remembers what it was asked for.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // "path" or "path from-offset"
	// cut, if it is > 0, ends the next bodies of .deb files after so many bytes.
	cut, cuts int
	noRange   bool
}

func serve(t *testing.T, root string) *server {
	t.Helper()
	s := &server{}
	files := http.FileServer(http.Dir(root))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, strings.TrimSpace(r.URL.Path+" "+strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")))
		if s.noRange {
			r.Header.Del("Range")
		}
		if s.cuts > 0 && strings.HasSuffix(r.URL.Path, ".deb") {
			s.cuts--
			w = &cutWriter{ResponseWriter: w, left: s.cut}
			defer func() { panic(http.ErrAbortHandler) }()
		}
		files.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	return s
}

// cutWriter ends a body early, as a connection that breaks.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.ResponseWriter.Write(p[:n])
	c.left -= n
	if f, ok := c.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
	if n < len(p) {
		return n, http.ErrHandlerTimeout
	}
	return n, nil
}

func (s *server) count(part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, a := range s.asked {
		if strings.Contains(a, part) {
			n++
		}
	}
	return n
}
