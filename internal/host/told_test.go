package host

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"kpkg-btf/internal/release/releasetest"
)

// A cause is told once a machine, again after it was away, and on a machine
// that the disk was cloned to. Links in the root lead nowhere else.
func TestTold(t *testing.T) {
	s := &System{Root: t.TempDir()}
	outside := t.TempDir()
	check(t, releasetest.WriteTree(s.Root, map[string][]byte{"etc/machine-id": []byte("one\n"), "srv/x": nil}))
	check(t, os.MkdirAll(filepath.Join(s.Root, "var"), 0o755))
	check(t, os.Symlink("/srv", filepath.Join(s.Root, "var/lib")))
	expect := func(unread []string, want ...string) {
		t.Helper()
		if got := s.Untold(unread); !slices.Equal(got, want) {
			t.Errorf("untold %q, want %q", got, want)
		}
		check(t, s.Tell(unread, true))
	}
	expect([]string{"a", "b"}, "a", "b")
	expect([]string{"a", "b", "c"}, "c")
	expect([]string{"a"})
	expect([]string{"b", "a"}, "b")
	expect(nil)
	expect([]string{"a"}, "a")
	check(t, releasetest.WriteTree(s.Root, map[string][]byte{"etc/machine-id": []byte("two\n")}))
	expect([]string{"a"}, "a")
	if _, err := os.Stat(filepath.Join(s.Root, "srv/kpkg-btf/unread")); err != nil {
		t.Error(err)
	}
	// Of one kernel alone: what was told of others is kept.
	check(t, s.Tell([]string{"b"}, false))
	if got := s.Untold([]string{"a", "b", "c"}); !slices.Equal(got, []string{"c"}) {
		t.Errorf("after a part: %q", got)
	}
	check(t, s.Tell(nil, false))
	expect([]string{"a", "b"})
	// A link in place of the file is not written through.
	file := filepath.Join(s.Root, "srv/kpkg-btf/unread")
	check(t, os.Remove(file))
	check(t, os.WriteFile(filepath.Join(outside, "f"), []byte("theirs"), 0o644))
	check(t, os.Symlink(filepath.Join(outside, "f"), file))
	if err := s.Tell([]string{"a"}, true); err == nil {
		t.Error("written through a link")
	}
	if text, err := os.ReadFile(filepath.Join(outside, "f")); err != nil || string(text) != "theirs" {
		t.Errorf("%q %v", text, err)
	}
}
