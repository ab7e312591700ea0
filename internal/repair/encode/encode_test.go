package encode

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/pack/ar"
	"kpkg-btf/internal/where"
)

// sample is compressible data of n bytes that no match covers wholly.
func sample(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, 0, n+64)
	for len(out) < n {
		w := make([]byte, 3+rng.IntN(40))
		for i := range w {
			w[i] = "etaoin shrdlu"[rng.IntN(13)]
		}
		out = append(out, w...)
	}
	return out[:n]
}

func compress(t testing.TB, data []byte, s Settings, jobs int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(t.Context(), &out, s, jobs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var every = []Settings{
	{Format: codec.None},
	{Format: codec.Gzip, Level: 9},
	{Format: codec.Gzip, Level: 6},
	{Format: codec.Gzip, Level: 1},
	{Format: codec.Bzip2, Level: 9},
	{Format: codec.Bzip2, Level: 2},
	{Format: codec.LZMA, Level: 6, Dict: 1 << 20},
	{Format: codec.XZ, Level: 6, Check: "crc64", Dict: 128 << 10},
	{Format: codec.XZ, Level: 6, Check: "sha256", Dict: 64 << 20},
	{Format: codec.XZ, Level: 6, Check: "none", Dict: 4096},
	{Format: codec.XZ, Level: 6, Check: "crc32", Dict: 1 << 20, OneBlock: true},
	{Format: codec.Zstd, Level: 3},
	{Format: codec.Zstd, Level: 19},
	{Format: codec.Zstd, Level: 19, NoChecksum: true},
}

// TestRoundTrip: what is written is read back by our own decoders, the same
// bytes come out of any number of jobs and whatever variables are set, and
// Like finds the settings again.
func TestRoundTrip(t *testing.T) {
	t.Setenv("XZ_OPT", "-0")
	t.Setenv("XZ_DEFAULTS", "-T1 -1")
	t.Setenv("ZSTD_CLEVEL", "1")
	data := sample(300 << 10)
	for _, s := range every {
		t.Run(s.Format.String(), func(t *testing.T) {
			packed := compress(t, data, s, 1)
			for _, jobs := range []int{3} {
				if !bytes.Equal(packed, compress(t, data, s, jobs)) {
					t.Errorf("%+v: %d jobs make other bytes", s, jobs)
				}
			}
			r, err := codec.NewReader(t.Context(), s.Format, bytes.NewReader(packed), int64(len(packed)), codec.Options{})
			if err != nil {
				t.Fatal(err)
			}
			back, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(back, data) {
				t.Fatalf("%+v: %d bytes back, %v", s, len(back), err)
			}
			found, err := Like(s.Format, packed[:min(len(packed), HeadSize)])
			if err != nil || found != s {
				t.Errorf("written with %+v, found %+v, %v", s, found, err)
			}
		})
	}
}

// TestBytes: one small file, with its length in a zstd frame as kbuild's.
func TestBytes(t *testing.T) {
	data := sample(100 << 10)
	for _, s := range every {
		packed, err := Bytes(t.Context(), data, s)
		if err != nil {
			t.Fatal(err)
		}
		var d codec.Decoder
		back, err := d.Decode(nil, s.Format, packed, 1<<20)
		if err != nil || !bytes.Equal(back, data) {
			t.Errorf("%+v: %d bytes back, %v", s, len(back), err)
		}
	}
}

// TestAsDpkg: a data.tar made by dpkg-deb is compressed to the same bytes, in
// one block or several.
func TestAsDpkg(t *testing.T) {
	for _, args := range [][]string{{"-Zxz"}, {"-Zgzip"}, {"-Zzstd"}} {
		t.Run(strings.Join(args, ""), func(t *testing.T) {
			deb := dpkgBuild(t, bytes.Repeat(sample(64<<10), 26*16), args)
			raw, err := os.ReadFile(deb)
			if err != nil {
				t.Fatal(err)
			}
			members, err := ar.Read(bytes.NewReader(raw), int64(len(raw)))
			if err != nil {
				t.Fatal(err)
			}
			m := members[2]
			packed := raw[m.Data : m.Data+m.Size]
			f, ok := codec.ParseName(strings.TrimPrefix(m.Name, "data.tar."))
			if !ok {
				t.Fatal(m.Name)
			}
			tar, err := exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output()
			if err != nil {
				t.Fatal(err)
			}
			s, err := Like(f, packed[:HeadSize])
			if err != nil {
				t.Fatal(err)
			}
			got := compress(t, tar, s, 2)
			if f == codec.XZ && !bytes.Equal(got, packed) {
				t.Errorf("%+v: %d bytes, dpkg-deb made %d others", s, len(got), len(packed))
			}
			if d := len(got) - len(packed); d*20 > len(packed) || -d*20 > len(packed) {
				t.Errorf("%+v: %d bytes, dpkg-deb made %d", s, len(got), len(packed))
			}
		})
	}
}

func dpkgBuild(t *testing.T, data []byte, args []string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"DEBIAN/control": []byte("Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"),
		"boot/x":         data,
	} {
		file := filepath.Join(dir, "tree", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	deb := filepath.Join(dir, "x.deb")
	if out, err := exec.Command("dpkg-deb", append(args, "--root-owner-group", "-b", filepath.Join(dir, "tree"), deb)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return deb
}

func TestMissingProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	w, err := NewWriter(t.Context(), io.Discard, Settings{Format: codec.XZ, Level: 6}, 1)
	if w != nil || where.KindOf(err) != where.IO || !strings.Contains(where.HintOf(err), "xz-utils") {
		t.Errorf("%v, hint %q", err, where.HintOf(err))
	}
}

// fake puts a program of a name before the real ones.
func fake(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// TestProgramFails: its words and exit code are in the error, whether it died
// early or late.
func TestProgramFails(t *testing.T) {
	for _, script := range []string{"echo 'no  memory' >&2; exit 3", "cat >/dev/null; echo no memory >&2; exit 3"} {
		fake(t, "xz", script)
		w, err := NewWriter(t.Context(), io.Discard, Settings{Format: codec.XZ, Level: 6}, 1)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(sample(1 << 20))
		if err := w.Close(); err == nil || !strings.Contains(err.Error(), "xz: no memory (exit status 3)") {
			t.Errorf("%q: %v", script, err)
		}
	}
}

type broken struct{}

var errFull = errors.New("full")

func (broken) Write([]byte) (int, error) { return 0, errFull }

// TestSinkFails: the cause is the writer's error, not the broken pipe.
func TestSinkFails(t *testing.T) {
	for _, s := range every[1:] {
		w, err := NewWriter(t.Context(), broken{}, s, 1)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(sample(1 << 20))
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("%v: %v", s.Format, err)
		}
	}
}

func TestCancelled(t *testing.T) {
	fake(t, "xz", "exec sleep 100")
	ctx, cancel := context.WithCancel(t.Context())
	w, err := NewWriter(ctx, io.Discard, Settings{Format: codec.XZ, Level: 6}, 1)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	done := make(chan error)
	go func() { done <- w.Close() }()
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(time.Minute):
		t.Fatal("the program was not ended")
	}
}

// TestLikeRefuses streams that cannot be written back.
func TestLikeRefuses(t *testing.T) {
	cmd := exec.Command("xz", "-c", "--x86", "--lzma2=preset=1")
	cmd.Stdin = bytes.NewReader(sample(1000))
	bcj, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Like(codec.XZ, bcj); where.KindOf(err) != where.Unsupported {
		t.Errorf("a filter: %v", err)
	}
	for n := range 24 {
		if _, err := Like(codec.XZ, bcj[:n]); err == nil {
			t.Errorf("cut to %d bytes: no error", n)
		}
	}
	if _, err := Like(codec.LZO, nil); where.KindOf(err) != where.Unsupported {
		t.Errorf("lzo: %v", err)
	}
}

func FuzzLike(f *testing.F) {
	f.Add(4, []byte("\xfd7zXZ\x00\x00\x04\x00\x00\x00\x00\x02\x00\x21\x01\x16"))
	f.Add(8, []byte("\x28\xb5\x2f\xfd\x04\x58\x00"))
	f.Fuzz(func(t *testing.T, format int, head []byte) {
		s, err := Like(codec.Format(format%9), head)
		if err == nil && s.Format != codec.None {
			if _, err := s.command(1, -1); err != nil {
				t.Errorf("%+v: %v", s, err)
			}
		}
	})
}
