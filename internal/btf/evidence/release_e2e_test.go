//go:build e2e

package evidence_test

import (
	"context"
	"io"
	"path"
	"strings"
	"sync"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/realtest"
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

// packages that make one release.
var packages = map[string][]string{
	"6.1.192-1":  {realtest.PairAOld},
	"6.1.192-2":  {realtest.PairANew},
	"6.12.115-1": {realtest.PairBOld},
	"6.12.115-2": {realtest.PairBNew},
	"7.3.4":      {realtest.Image73, realtest.Modules73},
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
	r := new(real)
	for _, p := range packages[name] {
		r.read(t, realtest.Deb(t, p))
	}
	if r.base == nil || len(r.mods) == 0 {
		t.Fatalf("%s: base of %d bytes, %d modules", name, len(r.base), len(r.mods))
	}
	reals[name] = r
	return r
}

// read takes image and modules out of one package, by dpkg-deb.
func (r *real) read(t testing.TB, deb string) {
	t.Helper()
	dec := new(codec.Decoder)
	realtest.Walk(t, deb, func(name string, file io.Reader) error {
		switch base := path.Base(name); {
		case strings.HasPrefix(base, "vmlinuz"):
			r.base = imageBase(t, content(t, file))
		case strings.Contains(base, ".ko"):
			r.mods = append(r.mods, oneModule(t, name, content(t, file), dec))
		}
		return nil
	})
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
	if f.BTF.Missing() || !f.BTFBase.Missing() {
		t.Fatalf("%s: .BTF of %d bytes, .BTF.base of %d", path, f.BTF.Len(), f.BTFBase.Len())
	}
	m := realModule{path: path, btf: f.BTF.Bytes()}
	m.more.Code = &f.Code
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
