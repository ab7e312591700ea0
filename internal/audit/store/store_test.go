package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestFolder(t *testing.T) {
	ctx := context.Background()
	s := &Folder{Path: filepath.Join(t.TempDir(), "not", "there", "yet")}
	name := Spread("results", "abcdef", ".json")
	if name != "results/ab/abcdef.json" {
		t.Error(name)
	}
	if _, err := s.Get(ctx, name); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	if err := s.Remove(ctx, name); err != nil {
		t.Error(err)
	}
	if err := s.Check(ctx); err == nil {
		t.Error("it is not there")
	}
	for range 2 { // an equal one that is there is success
		if err := s.Put(ctx, name, []byte("one")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(ctx, name, []byte("two")); !errors.Is(err, ErrDiffers) {
		t.Error(err)
	}
	if got, err := s.Get(ctx, name); err != nil || string(got) != "one" {
		t.Errorf("%q %v", got, err)
	}
	if err := s.Replace(ctx, name, []byte("two")); err != nil {
		t.Error(err)
	}
	if got, err := s.Get(ctx, name); err != nil || string(got) != "two" {
		t.Errorf("%q %v", got, err)
	}
	if err := s.Remove(ctx, name); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(ctx, name); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	if err := s.Check(ctx); err != nil {
		t.Error(err)
	}
	// A file in the place of a folder, a folder in that of a file.
	if err := os.WriteFile(filepath.Join(s.Path, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(ctx, "file/x", []byte("x")); err == nil {
		t.Error("below a file")
	}
	if err := os.Mkdir(filepath.Join(s.Path, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(ctx, "folder", []byte("x")); err == nil || errors.Is(err, ErrMissing) {
		t.Error("a folder is no object", err)
	}
}

// Many that store the same at once all succeed, and no file is left beside it.
func TestPutAtOnce(t *testing.T) {
	s := &Folder{Path: t.TempDir()}
	data := []byte(strings.Repeat("x", 1<<20))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if err := s.Put(context.Background(), "a/b", data); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := os.ReadDir(filepath.Join(s.Path, "a"))
	if err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
}
