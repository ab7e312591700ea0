package fsx_test

import (
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	. "kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

// TestScratch: what is written is read, and the directory stays empty.
func TestScratch(t *testing.T) {
	dir := t.TempDir()
	s, err := NewScratch(filepath.Join(dir, "out"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"hel", "lo"} {
		if _, err := io.WriteString(s, part); err != nil {
			t.Fatal(err)
		}
	}
	got, err := io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
	if err != nil || string(got) != "hello" || s.Size() != 5 {
		t.Errorf("%q of %d bytes, %v", got, s.Size(), err)
	}
	if names := list(t, dir); len(names) != 0 {
		t.Errorf("in the directory: %q", names)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestScratchFaults fails every operation in turn: an error with the output's
// name, and nothing stays behind unless the removal itself fails.
func TestScratchFaults(t *testing.T) {
	run := func(dir string, f *faultFS) error {
		s, err := NewScratch(filepath.Join(dir, "out"), Options{FS: f})
		if err != nil {
			return err
		}
		defer s.Close()
		if _, err := io.WriteString(s, "hello"); err != nil {
			return err
		}
		_, err = io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
		return err
	}
	clean := &faultFS{}
	if err := run(t.TempDir(), clean); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= clean.n; n++ {
		f := &faultFS{fail: n, err: syscall.ENOSPC}
		dir := t.TempDir()
		err := run(dir, f)
		op := clean.ops[n-1]
		if op == "close" {
			continue
		}
		if where.KindOf(err) != where.IO || !strings.Contains(err.Error(), "out: ") {
			t.Errorf("%s fails: %v", op, err)
		}
		if names := list(t, dir); len(names) != 0 {
			t.Errorf("%s fails: left behind %q", op, names)
		}
	}
}
