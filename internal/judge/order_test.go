package judge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/modsig/modsigtest"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/policy"
)

const name = "6.1.0-1-amd64"

// packages writes a kernel as packages of some of its files each; what is in
// none of them is left out.
func packages(t *testing.T, dir string, k releasetest.Kernel, parts ...string) []pack.Input {
	t.Helper()
	var in []pack.Input
	for i, part := range parts {
		files := map[string][]byte{}
		for path, data := range k.Files() {
			if strings.Contains(path, part) {
				files[path] = data
			}
		}
		path := filepath.Join(dir, fmt.Sprintf("p%d.deb", i))
		if err := os.WriteFile(path, releasetest.Deb(fmt.Sprintf("linux-part%d-%s", i, name), "1", "amd64", files), 0o644); err != nil {
			t.Fatal(err)
		}
		in = append(in, pack.Input{Path: path, Size: -1})
	}
	return in
}

func load(t *testing.T, in []pack.Input, jobs int) *release.Loaded {
	t.Helper()
	l, err := release.Load(context.Background(), in, release.Options{Jobs: jobs})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// The order of inputs and members, and how many work at once, have no part in
// a report: not in what is found, not in the order in which it is said.
func TestOrderHasNoPart(t *testing.T) {
	modules := []string{"alpha", "beta:ids", "gamma:list", "delta:lost", "epsilon:magic", "zeta:unstamped", "eta:void", "theta:oldids", "iota:behind"}
	parts := []string{"boot/vmlinuz", "boot/config", "alpha", "eta.ko", "gamma", "delta", "epsilon", "theta", "iota", "symvers", "config", "modules"}
	news := packages(t, t.TempDir(), releasetest.Kernel{Release: name, Build: btftest.Grown, Image: btftest.Grown, Key: "key1", Modules: modules}, parts...)
	olds := packages(t, t.TempDir(), releasetest.Kernel{Release: name, Key: "key2", ModuleKey: "key3", Modules: append([]string{"gone"}, modules...)}, parts...)
	random := rand.New(rand.NewPCG(1, 2))
	first := ""
	for round := range 12 {
		jobs := 1 + round%8
		old := load(t, olds, jobs)
		for _, r := range old.Releases {
			if err := r.ToManifest(jobs); err != nil {
				t.Fatal(err)
			}
		}
		rep, err := judge.Check(context.Background(), load(t, news, jobs), []*release.Loaded{old}, judge.Options{Policy: policy.Default(), Jobs: jobs, Day: "2027-01-01"})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(rep)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case first == "":
			first = string(text)
			if n := strings.Count(first, `"rule":`); n < 12 {
				t.Fatalf("only %d findings: %s", n, first)
			}
		case first != string(text):
			t.Fatalf("round %d, %d jobs: another report\n%s\nfirst\n%s", round, jobs, text, first)
		}
		random.Shuffle(len(news), func(i, j int) { news[i], news[j] = news[j], news[i] })
		random.Shuffle(len(olds), func(i, j int) { olds[i], olds[j] = olds[j], olds[i] })
	}
}

// The certificates of whoever records verify signatures of the release's own.
func TestRecordSelfCertificates(t *testing.T) {
	in := packages(t, t.TempDir(), releasetest.Kernel{Release: name, Key: "key1", ModuleKey: "service", Modules: []string{"alpha"}}, "")
	recorded := func(certs [][]byte) *manifest.Manifest {
		r := load(t, in, 1).Releases[0]
		m, err := r.Record("test")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := judge.RecordSelf(context.Background(), r, m, certs, 1); err != nil {
			t.Fatal(err)
		}
		return m
	}
	foreign := func(m *manifest.Manifest) bool {
		for i := range m.Self.Findings {
			if m.Self.Findings[i].Rule == "self.signature-foreign" {
				return true
			}
		}
		return false
	}
	if !foreign(recorded(nil)) || foreign(recorded([][]byte{modsigtest.NewKey("service").Cert})) {
		t.Error("the certificate of the signing service does not count")
	}
}
