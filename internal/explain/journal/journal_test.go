package journal

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/where"
)

// program puts a journalctl of the test's own first in the PATH.
func fake(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "journalctl"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}

func TestArguments(t *testing.T) {
	for _, tc := range []struct {
		o          Options
		args, what string
	}{
		{Options{}, "--boot=0", "the journal of this boot"},
		{Options{Boot: "-1", Since: "-2h"}, "--boot=-1 --since=-2h", "the journal of boot -1 since -2h"},
		{Options{Since: "today"}, "--output=json --since=today", "the journal of every boot since today"},
		{Options{Boot: "all"}, "--output=json _TRANSPORT=kernel", "the journal of every boot"},
		{Options{Follow: true}, "--follow --no-tail", "the journal of this boot and what comes"},
	} {
		args, what := arguments(tc.o)
		if !strings.Contains(strings.Join(args, " "), tc.args) || what != tc.what || !slices.Contains(args, "_TRANSPORT=kernel") {
			t.Errorf("%+v: %v, %s", tc.o, args, what)
		}
	}
}

func TestJournal(t *testing.T) {
	fake(t, `echo "$@"`)
	r, what, err := Open(context.Background(), Options{Boot: "-1"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil || !strings.Contains(string(b), "--boot=-1") || what != "the journal of boot -1" || r.Close() != nil {
		t.Errorf("%q, %v, %s", b, err, what)
	}
	fake(t, "echo 'Data from the specified boot (-9) is not available' >&2; exit 1")
	if r, _, err = Open(context.Background(), Options{Boot: "-9"}); err != nil {
		t.Fatal(err)
	}
	if _, err = io.ReadAll(r); where.KindOf(err) != where.IO || !strings.Contains(err.Error(), "boot (-9) is not available") {
		t.Error(err)
	}
}

// A journalctl that goes on is ended with the context and by Close.
func TestJournalEnds(t *testing.T) {
	fake(t, "echo one; exec sleep 60")
	ctx, cancel := context.WithCancel(context.Background())
	r, _, err := Open(ctx, Options{Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 8)
	if n, err := r.Read(buf); err != nil || string(buf[:n]) != "one\n" {
		t.Fatal(n, err)
	}
	start := time.Now()
	cancel()
	if _, err := r.Read(buf); err == nil {
		t.Error("no end")
	}
	if r, _, err = Open(context.Background(), Options{}); err != nil || r.Close() != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > 30*time.Second {
		t.Error(d)
	}
}

// Without a journal: the kernel's own device, and no earlier boots.
func TestKmsg(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	old := kmsg
	defer func() { kmsg = old }()
	kmsg = filepath.Join(t.TempDir(), "kmsg")
	if err := os.WriteFile(kmsg, []byte("3,1,2,-;one\n3,2,2,-;two\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, what, err := Open(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != "3,1,2,-;one\n3,2,2,-;two\n" || !strings.Contains(what, "kmsg") {
		t.Errorf("%q, %v, %s", b, err, what)
	}
	if _, _, err = Open(context.Background(), Options{Boot: "-1"}); where.KindOf(err) != where.Usage {
		t.Error(err)
	}
	kmsg += ".missing"
	if _, _, err = Open(context.Background(), Options{}); where.KindOf(err) != where.IO {
		t.Error(err)
	}
}
