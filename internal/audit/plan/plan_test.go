package plan

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/fetch"
	"kpkg-btf/internal/where"
)

// archive is a source of packages by "name version" and, for another content
// under both, a third word; of rpms with ".rpm" behind the name.
type archive []string

func (a archive) String() string { return "archive" }

func (a archive) Packages(_ context.Context, keep func(*fetch.Package) bool) ([]fetch.Package, error) {
	var out []fetch.Package
	for _, line := range a {
		f := strings.Fields(line)
		name, rpm := strings.CutSuffix(f[0], ".rpm")
		sum := sha256.Sum256([]byte(line))
		p := fetch.Package{Name: name, Version: f[1], Arch: "amd64", Source: "linux", Rpm: rpm, Size: 10, Digest: fetch.Digest{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}, At: "http://a/" + f[0]}
		if rpm {
			p.Arch = "x86_64"
		}
		if keep(&p) {
			out = append(out, p)
		}
	}
	return out, nil
}

func titles(t *testing.T, w Wanted, sources ...fetch.Source) string {
	t.Helper()
	units, err := Make(context.Background(), sources, &w)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, u := range units {
		line := string(u.Kind) + " " + u.Title()
		if u.AsIf {
			line += " as if"
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func TestWhoMeetsWhom(t *testing.T) {
	a := archive{
		"linux-image-6.1.0-2-amd64 6.1.5-1", "linux-headers-6.1.0-2-amd64 6.1.5-1", "linux-image-6.1.0-10-amd64 6.1.20-1", "linux-image-6.1.0-10-amd64 6.1.20-2",
		"linux-image-6.1.0-2-amd64 6.1.4-1", "linux-image-6.1.0-2-cloud-amd64 6.1.5-1", "linux-image-6.12.5-amd64 6.12.5-1", "bash 5-1", "kmod-foo 1-1",
		"linux-headers-6.9.0-1-amd64 6.9-1", // headers alone are no kernel
	}
	want := `kernel 6.1.0-2-amd64 6.1.4-1 amd64
kernel 6.1.0-2-amd64 6.1.5-1 amd64
window 6.1.0-2-amd64 6.1.5-1 amd64 after 6.1.0-2-amd64 6.1.4-1 amd64
kernel 6.1.0-10-amd64 6.1.20-1 amd64
window 6.1.0-10-amd64 6.1.20-1 amd64 after 6.1.0-2-amd64 6.1.5-1 amd64 as if
kernel 6.1.0-10-amd64 6.1.20-2 amd64
window 6.1.0-10-amd64 6.1.20-2 amd64 after 6.1.0-10-amd64 6.1.20-1 amd64
window 6.1.0-10-amd64 6.1.20-2 amd64 after 6.1.0-2-amd64 6.1.5-1 amd64 as if
kernel 6.12.5-amd64 6.12.5-1 amd64
kernel 6.1.0-2-cloud-amd64 6.1.5-1 amd64`
	if got := titles(t, Wanted{Names: 1}, a); got != want {
		t.Errorf("%s", got)
	}
	if got := titles(t, Wanted{Names: 0}, a, a); strings.Contains(got, "as if") || strings.Count(got, "\n") != 7 {
		t.Errorf("the same source twice, no other names: %s", got)
	}
	if got := titles(t, Wanted{Modules: []string{"kmod-*"}, Kernels: fetch.Query{Patterns: []string{"linux-image-6.12*"}}}, a); got != "kernel 6.12.5-amd64 6.12.5-1 amd64\noutside kmod-foo 1-1 amd64 on 6.12.5-amd64 6.12.5-1 amd64" {
		t.Errorf("%s", got)
	}
	if got := titles(t, Wanted{Modules: []string{"*-kmp-*"}}, archive{"kernel-default.rpm 6.4.0-1.1", "kernel-rt.rpm 6.4.0-1.1", "foo-kmp-default.rpm 1-1", "kmod-libs.rpm 30-1"}); strings.Count(got, "outside") != 1 {
		t.Errorf("%s", got)
	}
}

// Two contents under one name and version are two kernels, and nothing of one is
// mixed into the other.
func TestConflictingBuilds(t *testing.T) {
	a := archive{"linux-image-6.1.0-2-amd64 6.1.5-1", "linux-headers-6.1.0-2-amd64 6.1.5-1"}
	b := archive{"linux-image-6.1.0-2-amd64 6.1.5-1 rebuilt", "linux-headers-6.1.0-2-amd64 6.1.5-1 rebuilt"}
	units, err := Make(context.Background(), []fetch.Source{a, b}, &Wanted{})
	if err != nil || len(units) != 3 || units[2].Kind != Window {
		t.Fatalf("%v %d", err, len(units))
	}
	for _, side := range []*Side{&units[0].New, &units[1].New} {
		if len(side.Packages) != 2 {
			t.Errorf("%+v", side)
		}
	}
	if units[0].New.Digests()[0] == units[1].New.Digests()[0] {
		t.Error("one build twice")
	}
}

func TestSince(t *testing.T) {
	a := archive{"linux-image-6.1.0-2-amd64 6.1.5-1", "linux-image-6.1.0-3-amd64 6.1.6-1"}
	file := filepath.Join(t.TempDir(), "plan")
	write(t, file, []fetch.Source{a[:1]}, Wanted{Names: 1})
	known, err := Questions(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := titles(t, Wanted{Names: 1, Since: known}, a); got != "kernel 6.1.0-3-amd64 6.1.6-1 amd64\nwindow 6.1.0-3-amd64 6.1.6-1 amd64 after 6.1.0-2-amd64 6.1.5-1 amd64 as if" {
		t.Errorf("%s", got)
	}
}

func write(t *testing.T, file string, sources []fetch.Source, w Wanted) {
	t.Helper()
	units, err := Make(context.Background(), sources, &w)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, []string{"archive"}, units); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What is read is what was written; a plan cut anywhere is refused.
func TestReader(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan")
	write(t, file, []fetch.Source{archive{"linux-image-6.1.0-2-amd64 6.1.5-1", "linux-image-6.1.0-2-amd64 6.1.6-1"}}, Wanted{})
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	read := func(text string) (units []*Unit, err error) {
		r, err := NewReader(strings.NewReader(text), "plan")
		for err == nil {
			var u *Unit
			if u, err = r.Next(); err == nil {
				units = append(units, u)
			}
		}
		return units, err
	}
	units, err := read(string(text))
	if err != io.EOF || len(units) != 3 {
		t.Fatalf("%v %d", err, len(units))
	}
	var again bytes.Buffer
	if err := Write(&again, []string{"archive"}, units); err != nil || again.String() != string(text) {
		t.Errorf("%v\n%s", err, again.String())
	}
	for n := range len(text) - 1 {
		if _, err := read(string(text[:n])); err == io.EOF || where.KindOf(err) != where.Malformed {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	for old, new := range map[string]string{
		"plan/1.0": "plan/2.0", `"kernel","new"`: `"colonel","new"`, "sha256:": "md5:", `"size":10`: `"size":-1`, `"old":`: `"on":`, `,"sources"`: `,"must_understand":["x"],"sources"`,
		`"at":"http`: `"at":"","x":"http`, "kpkg-btf/plan": "kpkg-btf/decision",
	} {
		changed := strings.Replace(string(text), old, new, 1)
		if _, err := read(changed); changed == string(text) || where.KindOf(err) != where.Malformed {
			t.Errorf("%s -> %s: %v", old, new, err)
		}
	}
}

func TestQuestionIsWhatIsAsked(t *testing.T) {
	base := func() *Unit {
		return &Unit{Kind: Window, New: Side{"a", "amd64", "1", []Package{{"p", "sha256:1", 1, "x"}, {"q", "sha256:2", 1, "x"}}}, Old: &Side{"a", "amd64", "0", []Package{{"p", "sha256:0", 1, "x"}}}}
	}
	same := base()
	same.New.Packages[0].At, same.New.Packages[0].Name = "y", "r"
	same.New.Packages[0], same.New.Packages[1] = same.New.Packages[1], same.New.Packages[0]
	if same.Question() != base().Question() {
		t.Error("where a package lies is no part of the question")
	}
	for i, change := range []func(*Unit){
		func(u *Unit) { u.AsIf = true }, func(u *Unit) { u.Kind = Outside; u.On, u.Old = u.Old, nil }, func(u *Unit) { u.New.Packages[0].Digest = "sha256:9" },
		func(u *Unit) { u.New, *u.Old = *u.Old, u.New }, func(u *Unit) { u.Old = nil },
	} {
		u := base()
		change(u)
		if u.Question() == base().Question() {
			t.Error(fmt.Sprint("another question is the same: ", i))
		}
	}
}
