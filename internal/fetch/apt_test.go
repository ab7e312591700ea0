package fetch

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/where"
)

func client(t *testing.T) *Client {
	c := NewClient(t.TempDir())
	c.Pause = time.Millisecond
	return c
}

func (a *archive) source(t *testing.T, c *Client, base string) *Apt {
	return &Apt{Client: c, URL: base, Suite: "test", Component: "main", Arch: "amd64", Keys: a.by.keys(t)}
}

// all fetches every package of a source that may be wanted.
func all(src Source, c *Client) (map[string]string, error) {
	list, err := src.Packages(context.Background(), (&Query{}).May)
	if err != nil {
		return nil, err
	}
	got := map[string]string{}
	for i := range list {
		if got[list[i].Name], err = c.Fetch(context.Background(), &list[i]); err != nil {
			return got, err
		}
	}
	return got, nil
}

func same(t *testing.T, got, want string) {
	t.Helper()
	if !bytes.Equal(read(t, got), read(t, want)) {
		t.Errorf("%s differs from %s", got, want)
	}
}

func TestApt(t *testing.T) {
	by := newSigner(t)
	a := newArchive(t, by)
	s := serve(t, a.root)
	for _, base := range []string{s.URL, s.URL + "/", "file://" + a.root} {
		c := client(t)
		got, err := all(a.source(t, c, base), c)
		if err != nil || len(got) != 2 {
			t.Fatalf("%s: %v, %v", base, got, err)
		}
		for name, file := range got {
			same(t, file, filepath.Join(a.root, "pool", name+"_6.1.1_amd64.deb"))
		}
	}
	if s.count("by-hash") == 0 || s.count("Packages.xz") != 0 {
		t.Errorf("the index was not asked for by its digest: %v", s.asked)
	}
	// What is there and verified is not fetched again; the index neither.
	c := client(t)
	src := a.source(t, c, s.URL)
	for range 2 {
		if _, err := all(src, c); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.count(".deb"); n != 6 {
		t.Errorf("%d requests for packages, want 2 for each of 3 caches: %v", n, s.asked)
	}
	// A cached file that was damaged is fetched again.
	got, err := all(src, c)
	if err != nil {
		t.Fatal(err)
	}
	image := got["linux-image-6.1.0-1-amd64"]
	write(t, image, []byte("damaged"))
	if _, err := all(src, c); err != nil {
		t.Fatal(err)
	}
	same(t, image, filepath.Join(a.root, "pool", "linux-image-6.1.0-1-amd64_6.1.1_amd64.deb"))
	// Without by-hash files, the index is there by name.
	os.RemoveAll(filepath.Join(a.dist(), "main/binary-amd64/by-hash"))
	c = client(t)
	if _, err := all(a.source(t, c, s.URL), c); err != nil {
		t.Error(err)
	}
}

func TestAptSourceNames(t *testing.T) {
	a := newArchive(t, newSigner(t))
	c := client(t)
	list, err := a.source(t, c, "file://"+a.root).Packages(context.Background(), func(p *Package) bool { return p.Source == "linux-signed-amd64" })
	if err != nil || len(list) != 1 || list[0].Name != "linux-image-6.1.0-1-amd64" || list[0].Version != "6.1.1-1" {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestAptRefuses: every link of the chain, broken.
func TestAptRefuses(t *testing.T) {
	by, other := newSigner(t), newSigner(t)
	flip := func(t *testing.T, file string, at int) {
		b := read(t, file)
		if at < 0 {
			at += len(b)
		}
		b[at] ^= 1
		write(t, file, b)
	}
	for _, tc := range []struct {
		name   string
		tamper func(*testing.T, *archive, *Apt)
		want   string
	}{
		{"a byte of the package", func(t *testing.T, a *archive, _ *Apt) {
			flip(t, filepath.Join(a.root, "pool/linux-image-6.1.0-1-amd64_6.1.1_amd64.deb"), -100)
		}, "sha256 is"},
		{"a package cut short", func(t *testing.T, a *archive, _ *Apt) {
			f := filepath.Join(a.root, "pool/linux-image-6.1.0-1-amd64_6.1.1_amd64.deb")
			write(t, f, read(t, f)[:1000])
		}, "1000 of"},
		{"a longer package", func(t *testing.T, a *archive, _ *Apt) {
			f := filepath.Join(a.root, "pool/linux-image-6.1.0-1-amd64_6.1.1_amd64.deb")
			write(t, f, append(read(t, f), 0))
		}, "more than the"},
		{"a byte of the index", func(t *testing.T, a *archive, _ *Apt) {
			files, _ := filepath.Glob(filepath.Join(a.dist(), "main/binary-amd64/by-hash/SHA256/*"))
			for _, f := range files {
				flip(t, f, -10)
			}
		}, "sha256 is"},
		{"a byte of InRelease", func(t *testing.T, a *archive, _ *Apt) {
			f := filepath.Join(a.dist(), "InRelease")
			flip(t, f, bytes.Index(read(t, f), []byte("SHA256:\n "))+10)
		}, "signature is wrong"},
		{"expired", func(t *testing.T, a *archive, _ *Apt) { a.sign(t, time.Now().Add(-time.Hour)) }, "expired: valid until"},
		{"signed by another key", func(t *testing.T, a *archive, s *Apt) { s.Keys = other.keys(t) }, "signed by no key"},
		{"not signed", func(t *testing.T, a *archive, _ *Apt) {
			write(t, filepath.Join(a.dist(), "InRelease"), read(t, filepath.Join(a.dist(), "Release")))
		}, "not signed"},
		{"text behind the signature", func(t *testing.T, a *archive, _ *Apt) {
			f := filepath.Join(a.dist(), "InRelease")
			write(t, f, append(read(t, f), "SHA256:\n"...))
		}, "InRelease"},
		{"another suite's InRelease", func(t *testing.T, a *archive, s *Apt) {
			if err := os.Rename(a.dist(), filepath.Join(a.root, "dists/newer")); err != nil {
				t.Fatal(err)
			}
			s.Suite = "newer"
		}, "it is of suite test (testing)"},
		{"no such architecture", func(t *testing.T, a *archive, s *Apt) { s.Arch = "m68k" }, "lists no main/binary-m68k/Packages"},
		{"no such suite", func(t *testing.T, a *archive, s *Apt) { s.Suite = "none" }, "not there"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newArchive(t, by)
			s := serve(t, a.root)
			c := client(t)
			src := a.source(t, c, s.URL)
			tc.tamper(t, a, src)
			_, err := all(src, c)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q in one line", err, tc.want)
			}
			if where.KindOf(err) == where.Internal {
				t.Errorf("%v is of kind internal", err)
			}
			if files, _ := filepath.Glob(filepath.Join(c.Cache, "*", "linux-image*")); len(files) != 0 {
				t.Errorf("published all the same: %v", files)
			}
		})
	}
}

// Snapshots: what is expired is taken when asked for, and said; all else of
// the chain holds.
func TestAptExpired(t *testing.T) {
	by := newSigner(t)
	a := newArchive(t, by)
	a.sign(t, time.Now().Add(-time.Hour))
	c := client(t)
	src := a.source(t, c, serve(t, a.root).URL)
	var told []string
	src.Expired = func(at, what string) { told = append(told, at+" "+what) }
	if got, err := all(src, c); err != nil || len(got) != 2 || len(told) != 1 || !strings.Contains(told[0], "/dists/test/ ") {
		t.Errorf("%v, %v, %v", got, err, told)
	}
	f := filepath.Join(a.dist(), "InRelease")
	b := read(t, f)
	b[bytes.Index(b, []byte("SHA256:\n "))+10] ^= 1
	write(t, f, b)
	if _, err := all(src, client(t)); err == nil || !strings.Contains(err.Error(), "signature is wrong") {
		t.Errorf("expired and changed: %v", err)
	}
	a.sign(t, time.Now().Add(time.Hour))
	told = nil
	if _, err := all(src, c); err != nil || len(told) != 0 {
		t.Errorf("in time: %v, %v", err, told)
	}
}

// An InRelease that is older than what was taken from an address before is
// refused, whoever signed it, until somebody asks for it.
func TestAptOlder(t *testing.T) {
	a := newArchive(t, newSigner(t))
	a.sign(t, time.Now().Add(time.Hour))
	file := filepath.Join(a.dist(), "InRelease")
	first := read(t, file)
	at := serve(t, a.root).URL
	c := client(t)
	src := a.source(t, c, at)
	for range 2 { // the same again is no news
		if _, err := all(src, c); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(1100 * time.Millisecond) // dates have seconds
	a.sign(t, time.Now().Add(time.Hour))
	if _, err := all(src, c); err != nil {
		t.Fatal(err)
	}
	write(t, file, first)
	if _, err := all(src, c); err == nil || !strings.Contains(err.Error(), "older than the one of") || !strings.Contains(err.Error(), "/dists/test/InRelease") {
		t.Errorf("the older one: %v", err)
	}
	if _, err := all(a.source(t, client(t), at), client(t)); err != nil {
		t.Errorf("by a cache that has seen none: %v", err)
	}
	var told []string
	src.Older = func(at, what string) { told = append(told, what) }
	if _, err := all(src, c); err != nil || len(told) != 1 || !strings.Contains(told[0], "older than the one of") {
		t.Errorf("asked for: %v, %q", err, told)
	}
	src.Older = nil
	if _, err := all(src, c); err == nil {
		t.Error("what was asked for once became the newest")
	}
	kept, err := filepath.Glob(filepath.Join(c.Cache, "newest-*"))
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	write(t, kept[0], []byte("no date\n"))
	if _, err := all(src, c); err == nil || !strings.Contains(err.Error(), "holds no date") {
		t.Errorf("damaged: %v", err)
	}
}

// The index in each form that archives have it, alone.
func TestAptIndexForms(t *testing.T) {
	by := newSigner(t)
	for _, form := range []string{"gzip -k", "zstd -q", "bzip2 -k", "lz4 -q", "true"} {
		a := newArchive(t, by)
		bin := filepath.Join(a.dist(), "main/binary-amd64")
		run(t, bin, "", "sh", "-c", "rm Packages.xz; "+form+" Packages; ls Packages.* >/dev/null 2>&1 && rm Packages; true")
		a.sign(t, time.Now().Add(time.Hour))
		c := client(t)
		if got, err := all(a.source(t, c, serve(t, a.root).URL), c); err != nil || len(got) != 2 {
			t.Errorf("%s: %v, %v", form, got, err)
		}
	}
}

func TestAptUnsigned(t *testing.T) {
	a := newArchive(t, newSigner(t))
	if err := os.Remove(filepath.Join(a.dist(), "InRelease")); err != nil {
		t.Fatal(err)
	}
	c := client(t)
	src := a.source(t, c, serve(t, a.root).URL)
	if _, err := all(src, c); err == nil {
		t.Error("a suite without InRelease was taken")
	}
	src.Keys = nil
	if got, err := all(src, c); err != nil || len(got) != 2 {
		t.Errorf("unsigned: %v, %v", got, err)
	}
}

func TestBelow(t *testing.T) {
	for _, name := range []string{"", "/etc/passwd", "../x.deb", "pool/../../x.deb", "."} {
		if at, err := below("http://a/b", name); err == nil {
			t.Errorf("%q: %s", name, at)
		}
	}
	if at, err := below("http://a/b/", "./pool/x+1~2 %.deb"); err != nil || at != "http://a/b/pool/x+1~2%20%25.deb" {
		t.Errorf("%s, %v", at, err)
	}
}

func TestReleaseTime(t *testing.T) {
	want := time.Date(2026, 12, 1, 0, 34, 33, 0, time.UTC)
	for _, s := range []string{"Tue, 01 Dec 2026 00:34:33 UTC", "Tue,  1 Dec 2026 00:34:33 UTC", "Tue, 1 Dec 2026 00:34:33 GMT", "Tue, 01 Dec 2026 00:34:33 +0000"} {
		if got, err := releaseTime(s); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
}
