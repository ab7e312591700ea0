package repack

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/pack/ar"
	"kpkg-btf/internal/pack/packtest"
	"kpkg-btf/internal/where"
)

// filter compresses with a tool that `make deps` installs.
func filter(t testing.TB, tool ...string) func([]byte) []byte {
	return func(b []byte) []byte {
		cmd := exec.Command(tool[0], tool[1:]...)
		cmd.Stdin = bytes.NewReader(b)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", tool, err)
		}
		return out
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func save(t testing.TB, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	check(t, os.WriteFile(file, data, 0o644))
	return file
}

// change edits the files of the map by path.
func change(by map[string]string) Editor {
	return Editor{
		Select: func(e *pack.Entry) bool { _, ok := by[e.Path]; return ok },
		Edit: func(_ context.Context, e *pack.Entry, _ []byte, _ func(int) []byte) ([]byte, error) {
			return []byte(by[e.Path]), nil
		},
	}
}

// rewritten runs Rewrite on a file and gives the output.
func rewritten(t testing.TB, file string, ed Editor, o Options) (out string, r *Report, err error) {
	t.Helper()
	p, err := (&pack.Input{Path: file, Size: -1}).Open(t.Context(), pack.Options{Jobs: 2})
	check(t, err)
	defer p.Close()
	before, err := os.ReadFile(file)
	check(t, err)
	dir := t.TempDir()
	out = filepath.Join(dir, "out"+filepath.Ext(file))
	r, err = Rewrite(t.Context(), p, out, ed, o)
	after, rerr := os.ReadFile(file)
	check(t, rerr)
	if !bytes.Equal(before, after) {
		t.Error("the input was changed")
	}
	names, rerr := os.ReadDir(dir)
	check(t, rerr)
	if want := map[bool]int{true: 1, false: 0}[err == nil]; len(names) != want {
		t.Errorf("%d files in the output's directory, err %v", len(names), err)
	}
	return out, r, err
}

const (
	long   = "./lib/modules/6.1/kernel/a-directory-whose-name-is-longer-than-what-the-field-of-a-tar-header-holds/and-another-one-of-that-kind/x.ko"
	before = "the old content of the module"
)

func files() []packtest.Entry {
	gnu := packtest.Reg(long, before)
	gnu.Format = tar.FormatGNU
	pax := packtest.Reg("./lib/modules/6.1/p.ko", strings.Repeat("p", 5000))
	pax.Format, pax.ModTime = tar.FormatPAX, packtest.Stamp.Add(time.Nanosecond)
	pax.PAXRecords = map[string]string{"SCHILY.xattr.user.x": "y"}
	ustar := packtest.Reg("./lib/modules/6.1/u.ko", strings.Repeat("u", 512))
	ustar.Format = tar.FormatUSTAR
	return []packtest.Entry{
		packtest.Special("./", tar.TypeDir, ""), packtest.Special("./boot/", tar.TypeDir, ""),
		packtest.Reg("./boot/vmlinuz", strings.Repeat("image", 200_000)),
		ustar, gnu, pax,
		packtest.Special("./lib/modules/6.1/hard.ko", tar.TypeLink, "./lib/modules/6.1/u.ko"),
		packtest.Special("./lib/modules/6.1/soft.ko", tar.TypeSymlink, "u.ko"),
		packtest.Reg("./lib/modules/6.1/empty.ko", ""),
		packtest.Reg("./lib/modules/6.1/z.ko", "last"),
	}
}

var codecs = []struct {
	ext  string
	tool []string
}{
	{"", nil}, {".gz", []string{"gzip", "-9n"}}, {".xz", []string{"xz", "-1"}}, {".zst", []string{"zstd", "-c"}},
}

func deb(t testing.TB, i int) *packtest.Deb {
	d := &packtest.Deb{Files: files(), Ext: codecs[i].ext}
	if codecs[i].tool != nil {
		d.Compress = filter(t, codecs[i].tool...)
	}
	return d
}

// TestDebNoChange: the output is the input.
func TestDebNoChange(t *testing.T) {
	for i, c := range codecs {
		d := deb(t, i)
		d.After = []packtest.ArMember{{Name: "_gpgorigin", Data: "sig"}}
		file := save(t, "x.deb", d.Build())
		for _, ed := range []Editor{change(nil), change(map[string]string{"lib/modules/6.1/u.ko": strings.Repeat("u", 512)})} {
			out, r, err := rewritten(t, file, ed, Options{})
			check(t, err)
			a, _ := os.ReadFile(file)
			b, _ := os.ReadFile(out)
			if !bytes.Equal(a, b) || len(r.Changed) != 0 || len(r.Notes) != 0 {
				t.Errorf("data.tar%s: %d bytes became %d; %+v", c.ext, len(a), len(b), r)
			}
		}
	}
}

var edits = map[string]string{
	"lib/modules/6.1/u.ko":         strings.Repeat("U", 3000),
	strings.TrimPrefix(long, "./"): "new",
	"lib/modules/6.1/p.ko":         "",
	"lib/modules/6.1/empty.ko":     "no longer",
}

// TestDebChange: of every compression and header format only the changed
// files, their digests and Installed-Size differ, for any number of jobs.
func TestDebChange(t *testing.T) {
	for i := range codecs {
		d := deb(t, i)
		d.Extra = []packtest.ArMember{{Name: "_odd", Data: "odd"}}
		d.After = []packtest.ArMember{{Name: "_gpgorigin", Data: "sig"}, {Name: "_other", Data: "x"}}
		file := save(t, "x.deb", d.Build())
		out, r, err := rewritten(t, file, change(edits), Options{})
		check(t, err)
		if len(r.Changed) != 4 || len(r.Notes) != 1 || r.CrossChecked != "dpkg-deb" {
			t.Errorf("%+v", r)
		}
		again, _, err := rewritten(t, file, change(edits), Options{Jobs: 4})
		check(t, err)
		a, _ := os.ReadFile(out)
		b, _ := os.ReadFile(again)
		if !bytes.Equal(a, b) {
			t.Error("-j4 makes other bytes")
		}
		want := *d
		want.Files, want.After = slices.Clone(d.Files), d.After[1:]
		for j := range want.Files {
			if s, ok := edits[strings.TrimPrefix(want.Files[j].Name, "./")]; ok {
				want.Files[j].Data = s
			}
		}
		sameDeb(t, out, save(t, "want.deb", want.Build()))
	}
}

// sameDeb compares two packages member by member, decompressed.
func sameDeb(t *testing.T, got, want string) {
	t.Helper()
	a, b := unpack(t, got), unpack(t, want)
	if len(a) != len(b) {
		t.Errorf("%d members, want %d", len(a), len(b))
		return
	}
	for i := range a {
		if a[i].name != b[i].name {
			t.Errorf("member %s, want %s", a[i].name, b[i].name)
		}
		if !bytes.Equal(a[i].data, b[i].data) {
			t.Errorf("member %s differs: %d bytes, want %d; first at %d", a[i].name, len(a[i].data), len(b[i].data), differ(a[i].data, b[i].data))
		}
	}
}

func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

type member struct {
	name string
	data []byte
}

func unpack(t *testing.T, file string) (out []member) {
	t.Helper()
	raw, err := os.ReadFile(file)
	check(t, err)
	members, err := ar.Read(bytes.NewReader(raw), int64(len(raw)))
	check(t, err)
	for _, m := range members {
		data := raw[m.Data : m.Data+m.Size]
		for ext, tool := range map[string]string{".gz": "gzip", ".xz": "xz", ".zst": "zstd"} {
			if strings.HasSuffix(m.Name, ext) {
				data = filter(t, tool, "-dc")(data)
			}
		}
		out = append(out, member{m.Name + string(m.Raw[16:48]), data})
	}
	return out
}

// TestDebEpoch: only changed files that are newer get the time.
func TestDebEpoch(t *testing.T) {
	d := deb(t, 0)
	d.Files[3].ModTime = packtest.Stamp.Add(time.Hour)
	d.Files[9].ModTime = packtest.Stamp.Add(time.Hour)
	epoch := packtest.Stamp.Add(time.Minute)
	out, _, err := rewritten(t, save(t, "x.deb", d.Build()), change(edits), Options{Epoch: &epoch})
	check(t, err)
	times := map[string]time.Duration{}
	r := tar.NewReader(bytes.NewReader(unpack(t, out)[2].data))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		check(t, err)
		times[h.Name] = h.ModTime.Sub(packtest.Stamp)
	}
	if times[d.Files[3].Name] != time.Minute || times[d.Files[9].Name] != time.Hour || times[long] != 0 {
		t.Errorf("times after the stamp: %v", times)
	}
}

// TestDebRefused: nothing is published, the message says where.
func TestDebRefused(t *testing.T) {
	other := func(f func(*packtest.Deb)) []byte {
		d := deb(t, 0)
		f(d)
		return d.Build()
	}
	for _, c := range []struct {
		name, want string
		kind       where.Kind
		data       []byte
		ed         Editor
	}{
		{"md5sums that lie", "md5sums+0x0: says lib/modules/6.1/u.ko has the MD5", where.Malformed,
			other(func(d *packtest.Deb) { d.MD5s = fmt.Sprintf("%x  lib/modules/6.1/u.ko\n", md5.Sum(nil)) }), change(edits)},
		{"a path twice", "twice", where.Unsupported,
			other(func(d *packtest.Deb) { d.Files = append(d.Files, packtest.Reg("./lib/modules/6.1/u.ko", "x")) }), change(edits)},
		{"an editor that fails", "x.deb: data.tar: lib/modules/6.1/u.ko: no way", where.Malformed, other(func(*packtest.Deb) {}),
			Editor{Select: func(e *pack.Entry) bool { return strings.HasSuffix(e.Path, ".ko") },
				Edit: func(_ context.Context, e *pack.Entry, _ []byte, _ func(int) []byte) ([]byte, error) {
					return nil, where.New(where.Malformed, "no way")
				}}},
		{"Installed-Size", "control+0x28: Installed-Size is many", where.Malformed,
			other(func(d *packtest.Deb) {
				d.Control = "Package: x\nVersion: 1\nArchitecture: all\nInstalled-Size: many\nDescription: x\n"
			}), change(edits)},
		{"damage behind the change", "truncated", where.Malformed,
			other(func(d *packtest.Deb) { d.EditTar = func(b []byte) []byte { return b[:len(b)-1024] } }), change(edits)},
	} {
		file := save(t, "x.deb", c.data)
		_, _, err := rewritten(t, file, c.ed, Options{Jobs: 2})
		if err == nil || !strings.Contains(err.Error(), c.want) || where.KindOf(err) != c.kind || !strings.HasPrefix(err.Error(), file) {
			t.Errorf("%s: %v (kind %v)", c.name, err, where.KindOf(err))
		}
	}
}

// TestVerifyDecides: what Verify refuses is not published.
func TestVerifyDecides(t *testing.T) {
	file := save(t, "x.deb", deb(t, 2).Build())
	var seen sync.Map
	see := func(_ context.Context, e *pack.Entry, content []byte) error {
		seen.Store(e.Path, string(content))
		return nil
	}
	if _, _, err := rewritten(t, file, change(edits), Options{Verify: see}); err != nil {
		t.Fatal(err)
	}
	for path, want := range edits {
		if got, ok := seen.Load(path); !ok || got != want {
			t.Errorf("Verify saw %q of %s, not %q", got, path, want)
		}
	}
	_, _, err := rewritten(t, file, change(edits), Options{Verify: func(_ context.Context, e *pack.Entry, _ []byte) error {
		return where.New(where.Inconclusive, "not this one")
	}})
	if where.KindOf(err) != where.Inconclusive || !strings.Contains(err.Error(), "not this one") || strings.Contains(err.Error(), "verification of own output") {
		t.Error(err)
	}
}

// TestDoneDecides: what Done refuses is not published, changed or not.
func TestDoneDecides(t *testing.T) {
	file := save(t, "x.deb", deb(t, 2).Build())
	for _, e := range []Editor{change(edits), change(nil)} {
		e.Done = func() error { return where.New(where.IO, "one is missing") }
		_, _, err := rewritten(t, file, e, Options{})
		if where.KindOf(err) != where.IO || !strings.Contains(err.Error(), "one is missing") {
			t.Error(err)
		}
	}
}

// TestBrokenCompressor: a program that writes something else is found out.
func TestBrokenCompressor(t *testing.T) {
	file := save(t, "x.deb", deb(t, 1).Build())
	dir := t.TempDir()
	script := "#!/bin/sh\ncat >/dev/null; echo other | /bin/gzip -9n\n"
	check(t, os.WriteFile(filepath.Join(dir, "gzip"), []byte(script), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	_, _, err := rewritten(t, file, change(edits), Options{})
	if where.KindOf(err) != where.Internal || !strings.Contains(err.Error(), "verification of own output failed") {
		t.Error(err)
	}
}

// TestDebInstalls: dpkg installs the output into a root of its own and finds
// its files as they should be, which it does not where a digest is wrong.
func TestDebInstalls(t *testing.T) {
	d := deb(t, 2)
	d.Files = slices.DeleteFunc(d.Files, func(e packtest.Entry) bool { return e.Name == long || e.Format == tar.FormatPAX }) // dpkg knows no pax headers
	for i, dir := range []string{"./lib/", "./lib/modules/", "./lib/modules/6.1/"} {
		d.Files = slices.Insert(d.Files, 1+i, packtest.Special(dir, tar.TypeDir, ""))
	}
	out, _, err := rewritten(t, save(t, "x.deb", d.Build()), change(edits), Options{})
	check(t, err)
	if said := run(t, "dpkg-deb", "--info", out); !strings.Contains(said, "linux-image-test") {
		t.Error(said)
	}
	if said := run(t, "dpkg-deb", "--contents", out); !strings.Contains(said, "link to ./lib/modules/6.1/u.ko") {
		t.Error(said)
	}
	root := t.TempDir()
	for _, d := range []string{"var/lib/dpkg/updates", "var/lib/dpkg/info", "var/lib/dpkg/triggers"} {
		check(t, os.MkdirAll(filepath.Join(root, d), 0o755))
	}
	for _, f := range []string{"var/lib/dpkg/status", "var/lib/dpkg/available"} {
		check(t, os.WriteFile(filepath.Join(root, f), nil, 0o644))
	}
	dpkg := func(args ...string) string {
		return run(t, append([]string{"dpkg", "--root=" + root, "--force-not-root", "--force-script-chrootless", "--force-bad-path"}, args...)...)
	}
	dpkg("-i", out)
	if said := dpkg("-V", "linux-image-test"); strings.TrimSpace(said) != "" {
		t.Errorf("dpkg -V: %s", said)
	}
	got, err := os.ReadFile(filepath.Join(root, "lib/modules/6.1/hard.ko"))
	if err != nil || string(got) != edits["lib/modules/6.1/u.ko"] {
		t.Errorf("the hard link has %d bytes, %v", len(got), err)
	}
	check(t, os.WriteFile(filepath.Join(root, "lib/modules/6.1/z.ko"), []byte("LAST"), 0o644))
	if said, err := exec.Command("dpkg", "--root="+root, "-V", "linux-image-test").Output(); err == nil && len(said) == 0 {
		t.Error("dpkg -V does not see a changed file")
	}
}
