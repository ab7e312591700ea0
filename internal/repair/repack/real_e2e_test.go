//go:build e2e

package repack

import (
	"archive/tar"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/realtest"
)

// someModules shortens every 800th module by a few bytes and makes the first
// of them longer.
func someModules() Editor {
	n := 0
	return Editor{
		Select: func(e *pack.Entry) bool {
			if !strings.Contains(e.Path, ".ko") {
				return false
			}
			n++
			return n%800 == 1
		},
		Edit: func(_ context.Context, e *pack.Entry, content []byte, _ func(int) []byte) ([]byte, error) {
			if strings.HasSuffix(e.Path, "vsock.ko") || e.Size < 30_000 {
				return append(content, make([]byte, 5000)...), nil
			}
			return content[:len(content)-3001], nil
		},
	}
}

// TestRealDeb: of a real kernel, xz in xz, a handful of modules change. dpkg-deb
// then sees nothing else that differs, Installed-Size moves as dpkg-gencontrol
// would compute it, every line of md5sums holds, and the peak of memory is as
// promised.
func TestRealDeb(t *testing.T) {
	debug.SetGCPercent(50)
	debug.SetMemoryLimit(384 << 20)
	old := realtest.Deb(t, realtest.PairBNew)
	p, err := (&pack.Input{Path: old, Size: -1}).Open(t.Context(), pack.Options{Jobs: runtime.NumCPU()})
	check(t, err)
	defer p.Close()
	out := filepath.Join(t.TempDir(), "new.deb")
	start := time.Now()
	r, err := Rewrite(t.Context(), p, out, someModules(), Options{Jobs: runtime.NumCPU()})
	check(t, err)
	peak := peakRSS(t)
	t.Logf("%d modules changed, %.0f s, peak %d MiB, read back by %q", len(r.Changed), time.Since(start).Seconds(), peak>>20, r.CrossChecked)
	if peak > 512<<20 {
		t.Errorf("peak of memory %d MiB", peak>>20)
	}
	changed := map[string]bool{}
	for _, c := range r.Changed {
		changed[c.Path] = true
	}
	if len(changed) < 5 || r.CrossChecked != "dpkg-deb" {
		t.Errorf("%+v", r)
	}
	asDpkg(t, old, out, changed)
}

// asDpkg compares two packages as dpkg reads them: only the changed files
// differ, and what is said about them.
func asDpkg(t *testing.T, old, out string, changed map[string]bool) {
	t.Helper()
	a, b := dpkgSees(t, old), dpkgSees(t, out)
	compareStreams(t, a, b, changed)
	// dpkg-gencontrol counted DEBIAN/ with its few files, too.
	was, is := controlSize(t, old)-a.size, controlSize(t, out)-b.size
	if was != is || was < 0 || was > 16 || a.size == b.size {
		t.Errorf("Installed-Size is %d and %d more than dpkg's rule over the files (%d, %d)", was, is, a.size, b.size)
	}
	checkMD5s(t, out, b)
}

// TestRealAll: the whole of apply at the command line, on every module of a
// real kernel: what is published is what the decision asked for, check says
// keep, and dpkg sees the 4 023 modules changed and nothing else. The payload
// is stored: compressing 400 MB shows nothing of that.
func TestRealAll(t *testing.T) {
	dir := t.TempDir()
	stored, out := filepath.Join(dir, "stored.deb"), filepath.Join(dir, "out.deb")
	run(t, "sh", "-c", `dpkg-deb -R "$1" "$2/tree" && dpkg-deb --root-owner-group -Znone --build "$2/tree" "$3" && rm -r "$2/tree"`,
		"sh", realtest.Deb(t, realtest.PairANew), dir, stored)
	said, complaint, code := realtest.Run(t, "apply", "--action=strip", "--drop-signature", "--format", "json", "-o", out, stored)
	var rep model.Repair
	if err := json.Unmarshal([]byte(said), &rep); code != 0 || err != nil {
		t.Fatalf("apply: exit %d, %v: %s", code, err, complaint)
	}
	const modules = 4023
	changed := map[string]bool{}
	for _, m := range rep.Modules {
		if m.Done == "stripped" {
			changed[m.Path] = true
		}
	}
	by := map[string]string{}
	for _, c := range rep.Checks {
		by[c.By] = c.Result
	}
	for _, name := range []string{"kpkg-btf check", "readelf", "modinfo", "dpkg-deb"} {
		if by[name] != "ok" {
			t.Errorf("%s: %q", name, by[name])
		}
	}
	if o := rep.Outputs[0]; len(changed) != modules || o.Changed != modules || !o.Published || o.SHA256 != strings.Fields(run(t, "sha256sum", out))[0] {
		t.Errorf("%d modules stripped: %+v", len(changed), rep.Outputs)
	}
	if said, complaint, code := realtest.Run(t, "check", out); code != 0 || !strings.HasPrefix(said, "KEEP") {
		t.Errorf("check: exit %d: %s%s", code, said, complaint)
	}
	asDpkg(t, stored, out, changed)
}

// TestRealNoChange: nothing changes, so the output is the input, and that
// takes no compressor.
func TestRealNoChange(t *testing.T) {
	old := realtest.Deb(t, realtest.PairANew)
	out, _, err := rewritten(t, old, change(nil), Options{Jobs: runtime.NumCPU()})
	check(t, err)
	if said, err := exec.Command("cmp", old, out).CombinedOutput(); err != nil {
		t.Errorf("%s", said)
	}
}

func peakRSS(t *testing.T) int64 {
	text, err := os.ReadFile("/proc/self/status")
	check(t, err)
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	check(t, err)
	return kb << 10
}

type entry struct {
	header tar.Header
	sum    string
}

type fsys struct {
	entries []entry
	size    int64 // Installed-Size by dpkg-gencontrol's rule
}

// dpkgSees reads a package as dpkg-deb gives it.
func dpkgSees(t *testing.T, deb string) (s fsys) {
	t.Helper()
	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", deb)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	for r := tar.NewReader(out); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		check(t, err)
		sum := md5.New()
		_, err = io.Copy(sum, r)
		check(t, err)
		s.entries = append(s.entries, entry{*h, hex.EncodeToString(sum.Sum(nil))})
		switch h.Typeflag {
		case tar.TypeReg:
			s.size += (h.Size + 1023) / 1024
		case tar.TypeSymlink:
			s.size += int64(len(h.Linkname)+1023) / 1024
		case tar.TypeLink:
		default:
			s.size++
		}
	}
	_, _ = io.Copy(io.Discard, out)
	check(t, cmd.Wait())
	return s
}

func compareStreams(t *testing.T, a, b fsys, changed map[string]bool) {
	t.Helper()
	if len(a.entries) != len(b.entries) || len(a.entries) < 4000 {
		t.Fatalf("%d entries became %d", len(a.entries), len(b.entries))
	}
	for i := range a.entries {
		x, y := a.entries[i], b.entries[i]
		name := strings.TrimPrefix(x.header.Name, "./")
		if differs := x.sum != y.sum; differs != changed[name] {
			t.Errorf("%s: content differs: %v", name, differs)
		}
		if changed[name] {
			x.header.Size = y.header.Size
		}
		if !reflect.DeepEqual(x.header, y.header) {
			t.Errorf("%s: header %+v became %+v", name, x.header, y.header)
		}
	}
}

func controlSize(t *testing.T, deb string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.TrimSpace(run(t, "dpkg-deb", "-f", deb, "Installed-Size")), 10, 64)
	check(t, err)
	return n
}

func checkMD5s(t *testing.T, deb string, s fsys) {
	t.Helper()
	lines := map[string]bool{}
	for line := range strings.Lines(run(t, "sh", "-c", fmt.Sprintf("dpkg-deb --ctrl-tarfile '%s' | tar -xO ./md5sums", deb))) {
		lines[strings.TrimSpace(line)] = true
	}
	n := 0
	for _, e := range s.entries {
		if e.header.Typeflag == tar.TypeReg && lines[e.sum+"  "+strings.TrimPrefix(e.header.Name, "./")] {
			n++
		}
	}
	if n != len(lines) || n < 4000 {
		t.Errorf("%d of %d lines of md5sums hold", n, len(lines))
	}
}
