package among

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/where"
)

func load(t *testing.T, name string, k releasetest.Kernel) *release.Release {
	t.Helper()
	deb := filepath.Join(t.TempDir(), name+".deb")
	if err := os.WriteFile(deb, releasetest.Deb(name, "1.0-1", "amd64", k.Files()), 0o644); err != nil {
		t.Fatal(err)
	}
	inputs, err := pack.Expand([]string{deb})
	if err != nil {
		t.Fatal(err)
	}
	l, err := release.Load(context.Background(), inputs, release.Options{Jobs: 1})
	if err != nil || len(l.Releases) != 1 {
		t.Fatal(err, l)
	}
	return l.Releases[0]
}

func candidate(t *testing.T, file string, r *release.Release, records bool) *Candidate {
	t.Helper()
	k, err := kernel.Of(r)
	if err != nil {
		t.Fatal(err)
	}
	c := &Candidate{File: file, Kernel: k}
	if records {
		m, err := r.Record("")
		if err != nil {
			t.Fatal(err)
		}
		c.Modules = m.Modules
	}
	return c
}

func briefly(o *model.ModuleOrigin) string {
	var out []string
	for _, r := range o.Ranks {
		out = append(out, fmt.Sprintf("%s %s %s", r.Grade, strings.Join(r.Files, "+"), strings.Join(r.For, "+")))
	}
	return fmt.Sprintf("%d: %s", o.Found, strings.Join(out, "; "))
}

// The own base comes first, by what could have failed; the order in which
// bases are given is no evidence, and equal bases are one.
func TestRanks(t *testing.T) {
	own := load(t, "own", releasetest.Kernel{Release: "6.12.0-2-amd64", Image: btftest.Grown, Build: btftest.Grown})
	again := load(t, "again", releasetest.Kernel{Release: "6.12.0-4-amd64", Image: btftest.Grown, Build: btftest.Grown})
	plain := load(t, "plain", releasetest.Kernel{Release: "6.12.0-1-amd64"})
	var beta *release.Module
	for _, m := range own.Modules {
		if m.Name() == "beta" {
			beta = m
		}
	}
	for _, tc := range []struct {
		given []*Candidate
		want  string
	}{
		{[]*Candidate{candidate(t, "own", own, false), candidate(t, "plain", plain, false)}, "1: consistent own dedup+symbols; contradicted plain "},
		{[]*Candidate{candidate(t, "own", own, true), candidate(t, "again", again, false), candidate(t, "plain", plain, true)}, "1: recorded again+own record+dedup+symbols; contradicted plain "},
		{[]*Candidate{candidate(t, "plain", plain, true)}, "0: contradicted plain "},
		{nil, "0: "},
	} {
		for range 2 {
			a := Ask(beta)
			for _, c := range tc.given {
				a.Weigh(c)
			}
			if o := a.Origin(); briefly(&o) != tc.want {
				t.Errorf("%s, want %s", briefly(&o), tc.want)
			}
			slices.Reverse(tc.given)
		}
	}
	// Only a checksum: nothing can be checked, and that is said.
	c := candidate(t, "sum", own, false)
	c.Kernel.Base = nil
	a := Ask(beta)
	a.Weigh(c)
	if o := a.Origin(); o.Found != 0 || o.Ranks[0].Grade != model.GradeOpen || o.Ranks[0].Against == "" || !o.Ranks[0].Named {
		t.Errorf("%+v", o)
	}
}

// The grades that claim a base come first, and only those.
func TestGrades(t *testing.T) {
	if order[claims-1] != model.GradeConsistent || order[claims] != model.GradeDoubtful || len(order) != 7 {
		t.Errorf("%v, %d claim a base", order, claims)
	}
}

func archive(t *testing.T, name string, files map[string][]byte) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for n, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: n, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// btfhub's archives hold one base each, called after its kernel.
func TestArchive(t *testing.T) {
	blob := btftest.Kernel(btftest.Plain).Bytes()
	path := archive(t, "6.8.0-45-generic.btf.tar", map[string][]byte{"6.8.0-45-generic.btf": blob})
	if !IsArchive(path) || IsArchive("6.8.0.btf.xz") {
		t.Error("what is an archive")
	}
	got, err := Archive(path)
	if err != nil || len(got) != 1 || got[0].Name != "6.8.0-45-generic" {
		t.Fatalf("%v %v", got, err)
	}
	if c := candidate(t, path, got[0], true); c.Kernel.Base == nil || c.Kernel.Base.Raw.NumTypes() == 0 || c.Kernel.Name != "6.8.0-45-generic" {
		t.Errorf("%+v", c.Kernel)
	}
	for name, files := range map[string]map[string][]byte{"empty": {}, "other": {"README": []byte("x")}, "bad": {"a.btf": []byte("no BTF at all, of this length")}} {
		if _, err := Archive(archive(t, name+".btf.tar", files)); where.KindOf(err) != where.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(path, []byte("\xfd7zXZ\x00 cut"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Archive(path); err == nil {
		t.Error("a cut archive")
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.json", "b/c.btf.tar.xz", "b/d.btf", "vmlinuz-1", "README", "x.refs.json", "s.deb"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Files(dir)
	for i := range got {
		got[i] = strings.TrimPrefix(got[i], dir+"/")
	}
	if want := []string{"a.json", "b/c.btf.tar.xz", "b/d.btf", "s.deb", "vmlinuz-1"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	if one, err := Files(filepath.Join(dir, "README")); err != nil || len(one) != 1 {
		t.Error(one, err)
	}
	if _, err := Files(filepath.Join(dir, "missing")); err == nil {
		t.Error("missing")
	}
}
