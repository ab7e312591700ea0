package repair

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/modsig/modsigtest"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/repair/signing"
	"kpkg-btf/policy"
)

const rel = "6.12.0-1-amd64"

// compressors make a module as kbuild does (scripts/Makefile.modinst).
var compressors = map[string][]string{
	".ko":     {"cat"},
	".ko.xz":  {"xz", "-c", "--check=crc32", "--lzma2=dict=1MiB"},
	".ko.zst": {"zstd", "-q", "-c", "-3"},
	".ko.gz":  {"gzip", "-n", "-c"},
}

var suffixes = []string{".ko", ".ko.xz", ".ko.zst", ".ko.gz"}

func pipe(t testing.TB, args []string, data []byte) []byte {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// kernelFiles are a release with n modules, of the last eight every format in
// turn, the others not compressed: programs take their time, and a run that
// fails before does not come to them.
func kernelFiles(t testing.TB, n int, k releasetest.Kernel) map[string][]byte {
	t.Helper()
	k.Release, k.Distilled = rel, true
	k.Modules = []string{}
	for i := range n {
		name := fmt.Sprintf("m%02d", i)
		if i%3 == 0 {
			name += ":ids"
		}
		k.Modules = append(k.Modules, name)
	}
	files := k.Files()
	for i := range n {
		path := fmt.Sprintf("usr/lib/modules/%s/kernel/drivers/m%02d.ko", rel, i)
		suffix := ".ko"
		if i >= n-8 {
			suffix = suffixes[i%len(suffixes)]
		}
		data := files[path]
		delete(files, path)
		files[strings.TrimSuffix(path, ".ko")+suffix] = pipe(t, compressors[suffix], data)
	}
	return files
}

// fastDir is a temporary folder in memory where there is one: fault tests
// sync thousands of times.
func fastDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "kpkg-btf-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// tree writes the files below a new folder, with old times.
func tree(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := fastDir(t)
	restore(t, dir, files)
	return dir
}

var old = time.Date(2020, 2, 3, 4, 5, 6, 7000, time.UTC)

// restore makes dir hold the files and nothing else.
func restore(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if err := releasetest.WriteTree(dir, files); err != nil {
		t.Fatal(err)
	}
	for path := range files {
		if err := os.Chtimes(filepath.Join(dir, path), old, old); err != nil {
			t.Fatal(err)
		}
	}
}

func inputs(t testing.TB, paths ...string) []pack.Input {
	t.Helper()
	in, err := pack.Expand(paths)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// stripping are options that strip a tree and drop signatures.
func stripping(t testing.TB, paths ...string) Options {
	return Options{Inputs: inputs(t, paths...), Action: Strip, Source: "test", InPlace: true,
		Rules: signing.Rules{Drop: true}, Policy: policy.Default(), Jobs: 2}
}

// plain returns a module file decompressed.
func plain(t testing.TB, path string, data []byte) []byte {
	t.Helper()
	switch {
	case strings.HasSuffix(path, ".xz"):
		return pipe(t, []string{"xz", "-dc"}, data)
	case strings.HasSuffix(path, ".zst"):
		return pipe(t, []string{"zstd", "-dcq"}, data)
	case strings.HasSuffix(path, ".gz"):
		return pipe(t, []string{"gzip", "-dc"}, data)
	}
	return data
}

func facts(t testing.TB, path string, data []byte) *kmod.Facts {
	t.Helper()
	f, err := kmod.Parse(plain(t, path, data), kmod.Options{})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return f
}

func isModule(path string) bool { return strings.Contains(path, "/kernel/drivers/") }

// contents reads every file below dir.
func contents(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func inode(t testing.TB, path string) uint64 {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

func certificate(t testing.TB, der []byte) *modsig.Certificate {
	t.Helper()
	c, err := modsig.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// testSigner signs with a key of modsigtest.
func testSigner(key *modsigtest.Key) signing.Signer { return keySigner{key} }

type keySigner struct{ key *modsigtest.Key }

func baseBTF() []byte { return btftest.Kernel(btftest.Plain).Bytes() }
