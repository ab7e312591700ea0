package fetch

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

const imageDeb = "linux-image-6.1.0-1-amd64_6.1.1_amd64.deb"

// TestResume: a connection that breaks is continued where it broke, in one
// run and in the next.
func TestResume(t *testing.T) {
	a := newArchive(t, newSigner(t))
	s := serve(t, a.root)
	c := client(t)
	src := a.source(t, c, s.URL)
	s.cut, s.cuts = 9000, 2 // twice broken, the third try ends it
	got, err := all(src, c)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got["linux-image-6.1.0-1-amd64"], filepath.Join(a.root, "pool", imageDeb))
	from := 0
	for _, q := range s.asked {
		if strings.HasSuffix(q, ".deb 9000") || strings.HasSuffix(q, ".deb 18000") {
			from++
		}
	}
	if from != 2 {
		t.Errorf("not continued where it broke: %v", s.asked)
	}

	s.cut, s.cuts = 5000, 3 // the first run fails
	c = client(t)
	src.Client = c
	if _, err := all(src, c); err == nil || !strings.Contains(err.Error(), ".deb") {
		t.Fatalf("three broken connections: %v", err)
	}
	var last float64
	c.Progress = func(_ string, got, total int64) { last = float64(got) / float64(total) }
	if got, err = all(src, c); err != nil {
		t.Fatal(err)
	}
	if q := s.count(".deb 15000"); q != 1 {
		t.Errorf("the second run did not go on: %v", s.asked)
	}
	if last != 1 {
		t.Errorf("progress ended at %v", last)
	}
	same(t, got["linux-image-6.1.0-1-amd64"], filepath.Join(a.root, "pool", imageDeb))
}

// TestResumeWrongPart: what an earlier run left was of another file.
func TestResumeWrongPart(t *testing.T) {
	a := newArchive(t, newSigner(t))
	for _, noRange := range []bool{false, true} {
		s := serve(t, a.root)
		s.noRange = noRange
		c := client(t)
		src := a.source(t, c, s.URL)
		list, err := src.Packages(t.Context(), (&Query{}).May)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			name := filepath.Base(p.At)
			write(t, filepath.Join(c.Cache, p.Digest.Hex[:16], "."+name+".part"), make([]byte, 4000))
			file, err := c.Fetch(t.Context(), &p)
			if err != nil {
				t.Fatal(err)
			}
			same(t, file, filepath.Join(a.root, "pool", name))
		}
		if n := s.count(".deb 4000"); n != len(list) {
			t.Errorf("%d of %d were continued: %v", n, len(list), s.asked)
		}
	}
}

func TestAddresses(t *testing.T) {
	c := client(t)
	for at, want := range map[string]string{
		"ftp://h/x":                       `type "ftp"`,
		"http://user:secret@127.0.0.1:1/": "127.0.0.1:1",
		"file:///nonexistent/x":           "/nonexistent/x",
		"file:///":                        "not a file",
	} {
		_, err := c.small(t.Context(), at)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// What begins encrypted goes on so.
func TestRedirects(t *testing.T) {
	plain := serve(t, t.TempDir())
	for _, c := range []struct {
		from http.Handler
		want string
	}{
		{http.RedirectHandler(plain.URL+"/x", http.StatusFound), "leads from https to http://"},
		{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) }), "more than 10 redirects"},
	} {
		secure := httptest.NewTLSServer(c.from)
		defer secure.Close()
		client := client(t)
		client.http.Transport = secure.Client().Transport
		if _, err := client.small(t.Context(), secure.URL+"/a"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if len(plain.asked) > 0 {
		t.Errorf("asked without encryption: %q", plain.asked)
	}
}
