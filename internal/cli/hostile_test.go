//go:build !race

package cli_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// hostileMemory is the most that a run may hold because of an input below
// 1 MiB: one window of 32 MiB, 64 MiB + 16 times the input of output while it
// grows, and the program itself with what its collector has not taken back.
// Several such inputs share what any set of inputs may take.
const (
	hostileMemory = 300 << 20
	setMemory     = 512 << 20
)

// zeros are n bytes of zeros as a program compresses them.
func zeros(t *testing.T, n int64, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = io.LimitReader(zeroReader{}, n)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return out
}

type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// Inputs of less than 1 MiB that decompress to hundreds of megabytes, or state windows
// out of proportion: refused with the number of the limit, in bounded memory.
// (The race detector's shadow takes several times a program's memory.)
func TestSmallHostileInputsTakeLittleMemory(t *testing.T) {
	const large = 300 << 20
	xz := zeros(t, large, "xz", "-9", "-T1")
	zst := zeros(t, large, "zstd", "-q", "-1", "--long=27")
	gz := zeros(t, large, "gzip", "-9")
	bz := zeros(t, large, "bzip2", "-9")
	lz := zeros(t, 200<<20, "lz4", "-q", "-9")
	lzma := zeros(t, large, "xz", "-9", "--format=lzma")
	ar := func(data []byte, name string) []byte {
		var b bytes.Buffer
		b.WriteString("!<arch>\n")
		for _, m := range []struct {
			name string
			data []byte
		}{{"debian-binary", []byte("2.0\n")}, {"control.tar.xz", xz}, {name, data}} {
			b.WriteString(padded(m.name, 16) + padded("0", 12) + padded("0", 6) + padded("0", 6) + padded("100644", 8) + padded(strconv.Itoa(len(m.data)), 10) + "`\n")
			b.Write(m.data)
			if len(m.data)%2 == 1 {
				b.WriteByte('\n')
			}
		}
		return b.Bytes()
	}
	deb := ar(zst, "data.tar.zst")
	const mod, boot = "lib/modules/6.1.0-1/kernel/", "boot/"
	for name, c := range map[string]struct {
		files map[string][]byte
		args  []string
	}{
		"xz image":          {map[string][]byte{boot + "vmlinuz-6.1.0-1": xz}, []string{"check", "."}},
		"lzma image":        {map[string][]byte{boot + "vmlinuz-6.1.0-1": lzma}, []string{"check", "."}},
		"zstd image":        {map[string][]byte{boot + "vmlinuz-6.1.0-1": zst}, []string{"check", "."}},
		"gzip image":        {map[string][]byte{boot + "vmlinuz-6.1.0-1": gz}, []string{"inspect", boot + "vmlinuz-6.1.0-1"}},
		"bzip2 image":       {map[string][]byte{boot + "vmlinuz-6.1.0-1": bz}, []string{"inspect", boot + "vmlinuz-6.1.0-1"}},
		"lz4 image":         {map[string][]byte{boot + "vmlinuz-6.1.0-1": lz}, []string{"inspect", boot + "vmlinuz-6.1.0-1"}},
		"modules":           {map[string][]byte{mod + "a.ko.xz": xz, mod + "b.ko.zst": zst, mod + "c.ko.gz": gz, mod + "d.ko.xz": xz, mod + "e.ko.zst": zst}, []string{"check", "."}},
		"deb":               {map[string][]byte{"a.deb": deb}, []string{"inspect", "a.deb"}},
		"deb in a deb":      {map[string][]byte{"a.deb": ar(deb, "data.tar.xz")}, []string{"check", "a.deb"}},
		"host's image":      {map[string][]byte{boot + "vmlinuz-6.1.0-1": xz, mod + "a.ko": nil}, []string{"verify", "--root", "."}},
		"host's initrd":     {map[string][]byte{boot + "initrd.img-6.1.0-1": xz, boot + "vmlinuz-6.1.0-1": xz, mod + "a.ko": nil}, []string{"verify", "--root", "."}},
		"host's zst initrd": {map[string][]byte{boot + "initrd.img-6.1.0-1": zst, boot + "vmlinuz-6.1.0-1": zst, mod + "a.ko": nil}, []string{"verify", "--root", "."}},
		"base":              {map[string][]byte{"base.btf.zst": zst}, []string{"inspect", "base.btf.zst"}},
		"config":            {map[string][]byte{boot + "config-6.1.0-1.xz": xz, boot + "Module.symvers.xz": xz}, []string{"check", "."}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for path, data := range c.files {
				if len(data) >= 1<<20 {
					t.Fatalf("%s has %d bytes: not a small input", path, len(data))
				}
				path = filepath.Join(dir, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cmd := program(t, dir, c.args...)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Errorf("exit code 0:\n%s", out)
			}
			most := int64(hostileMemory)
			if len(c.files) > 3 {
				most = setMemory
			}
			if got := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10; got > most {
				t.Errorf("peak memory %d MiB, at most %d allowed:\n%s", got>>20, most>>20, out)
			}
			if cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(); cpu.Seconds() > 20 {
				t.Errorf("took %v of CPU", cpu)
			}
		})
	}
}

func padded(s string, n int) string { return s + strings.Repeat(" ", n-len(s)) }
