package manifest

import (
	"errors"
	"slices"
	"testing"

	"kpkg-btf/internal/where"
)

func TestBuiltInPaths(t *testing.T) {
	got, err := BuiltInPaths([]byte("kernel/lib/crc32.ko\r\nkernel/fs/ext4/ext4.ko\n\nkernel/lib/crc32.ko\nkernel/a.ko"))
	if want := []string{"kernel/a.ko", "kernel/fs/ext4/ext4.ko", "kernel/lib/crc32.ko"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := BuiltInPaths(nil); got == nil || len(got) != 0 || err != nil {
		t.Errorf("empty file: %#v, %v", got, err)
	}
	for text, off := range map[string]int64{
		"kernel/a.ko\nhello\n": 12, "/kernel/a.ko\n": 0, "kernel/../a.ko\n": 0, "kernel/\x00.ko\n": 0, "../a.ko": 0,
	} {
		_, err := BuiltInPaths([]byte(text))
		var e *where.Error
		if !errors.As(err, &e) || e.Kind != where.Malformed || e.Off != off {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzBuiltInPaths(f *testing.F) {
	f.Add([]byte("kernel/lib/crc32.ko\r\nkernel/a.ko"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := BuiltInPaths(text)
		if (got == nil) == (err == nil) {
			t.Fatalf("%q and %v", got, err)
		}
		// What it gives can be recorded.
		if _, err := Marshal(&Manifest{Release: "r", Scope: Full, BuiltIn: got}); err != nil {
			t.Fatal(err)
		}
	})
}
