//go:build vm

package vmtest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// piped is what a program makes of its input.
func piped(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(in)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v: %s", args, err, complaint.String())
	}
	return out
}

// archive is a cpio archive of files.
func archive(t *testing.T, files []File) []byte {
	t.Helper()
	var b bytes.Buffer
	c := &cpio{w: bufio.NewWriter(&b)}
	c.tree(files)
	c.header("TRAILER!!!", 0, 0, 0, 0)
	if c.err != nil {
		t.Fatal(c.err)
	}
	if err := c.w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// imageNamed is an image under another release of the same length, packed by
// zstd instead of what it was: to be read, not to be booted.
func imageNamed(t *testing.T, k Kernel, release string) []byte {
	t.Helper()
	if len(release) != len(k.Release) {
		t.Fatalf("%q and %q are not of one length", release, k.Release)
	}
	from, plain := imagePayload(t, k.Image)
	name := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(k.Release), []byte(release)) }
	packed := piped(t, name(plain), "zstd", "-1", "-c")
	packed = binary.LittleEndian.AppendUint32(packed, uint32(len(plain)))
	out := append(name(slices.Clone(k.Image[:from])), packed...)
	binary.LittleEndian.PutUint32(out[0x24c:], uint32(len(packed)))
	return out
}
