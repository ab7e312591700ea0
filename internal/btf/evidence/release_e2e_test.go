//go:build e2e

package evidence_test

import (
	"archive/tar"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
)

// real is one release of Debian, as its packages have it.
type real struct {
	base []byte
	mods []realModule
}

type realModule struct {
	path string
	btf  []byte
	more evidence.Module
}

// packages of the pool (testdata/real/fetch.sh) that make one release.
var packages = map[string][]string{
	"6.1.192-1":  {"linux-image-6.1.0-55-amd64_6.1.192-1_amd64.deb"},
	"6.1.192-2":  {"linux-image-6.1.0-56-amd64_6.1.192-2_amd64.deb"},
	"6.12.115-1": {"linux-image-6.12.115+deb13-amd64_6.12.115-1_amd64.deb"},
	"6.12.115-2": {"linux-image-6.12.115+deb13.1-amd64_6.12.115-2_amd64.deb"},
	"7.3.4": {"linux-binary-7.3.4+deb13-amd64_7.3.4-1~bpo13+1_amd64.deb",
		"linux-modules-7.3.4+deb13-amd64_7.3.4-1~bpo13+1_amd64.deb"},
}

var (
	realMu sync.Mutex
	reals  = map[string]*real{}
)

func release(t testing.TB, name string) *real {
	t.Helper()
	realMu.Lock()
	defer realMu.Unlock()
	if r := reals[name]; r != nil {
		return r
	}
	cache := os.Getenv("KPKG_BTF_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache", "kpkg-btf")
	}
	r := new(real)
	for _, p := range packages[name] {
		r.read(t, filepath.Join(cache, "pool", p))
	}
	if r.base == nil || len(r.mods) == 0 {
		t.Fatalf("%s: base of %d bytes, %d modules", name, len(r.base), len(r.mods))
	}
	reals[name] = r
	return r
}

// read takes image and modules out of one package, by dpkg-deb.
func (r *real) read(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v (testdata/real/fetch.sh gets it)", err)
	}
	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dec := new(codec.Decoder)
	files := tar.NewReader(out)
	for {
		h, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(h.Name)
		switch {
		case h.Typeflag != tar.TypeReg:
		case strings.HasPrefix(base, "vmlinuz"):
			r.base = imageBase(t, content(t, files))
		case strings.Contains(base, ".ko"):
			r.mods = append(r.mods, oneModule(t, h.Name, content(t, files), dec))
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func imageBase(t testing.TB, image []byte) []byte {
	t.Helper()
	f, err := kimage.Parse(context.Background(), image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f.BTF
}

func oneModule(t testing.TB, path string, data []byte, dec *codec.Decoder) realModule {
	t.Helper()
	f, err := kmod.ParseFile(data, dec, kmod.Options{})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if f.BTF == nil || f.BTFBase != nil {
		t.Fatalf("%s: .BTF of %d bytes, .BTF.base of %d", path, len(f.BTF), len(f.BTFBase))
	}
	m := realModule{path: path, btf: f.BTF}
	for _, s := range f.Sections {
		if s.Name == "__versions" {
			m.more.Versions = int(s.Size / 64)
		}
	}
	if f.IDs != nil {
		for _, w := range f.IDs.Words {
			m.more.Words = append(m.more.Words, evidence.Word{Off: uint32(w.Off), ID: w.ID, Kind: w.Kind, Name: w.Name, Set: w.Set})
		}
	}
	return m
}

// outcome sums up a release's modules on one base.
type outcome struct {
	modules, consistent, silent, contradicted int
	looked, hits                              [evidence.NumChecks]int // hits: modules
	first                                     string
}

func judgeAll(t testing.TB, blob []byte, mods []realModule) outcome {
	t.Helper()
	raw, err := btf.Parse(blob)
	if err != nil {
		t.Fatal(err)
	}
	base := evidence.Index(raw)
	var o outcome
	for _, m := range mods {
		split, err := btf.ParseSplit(m.btf, raw)
		if err != nil {
			t.Fatalf("%s: %v", m.path, err)
		}
		res := base.Judge(split, m.more)
		o.add(m.path, &res)
	}
	return o
}

func (o *outcome) add(path string, res *evidence.Result) {
	o.modules++
	switch res.Conclusion {
	case evidence.Consistent:
		o.consistent++
	case evidence.Silent:
		o.silent++
	case evidence.Contradicted:
		o.contradicted++
		if o.first == "" {
			o.first = path + ": " + res.First().Text
		}
	}
	for c, t := range res.Checks {
		o.looked[c] += t.Looked
		if t.Hits > 0 {
			o.hits[c]++
		}
	}
}
