package btf_test

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

func TestChecksumIgnoresWhatFollows(t *testing.T) {
	blob := btftest.Kernel(btftest.Plain).Bytes()
	want, err := btf.Checksum(blob)
	if err != nil {
		t.Fatal(err)
	}
	got, err := btf.Checksum(append(blob, 0, 0, 1))
	if err != nil || got != want {
		t.Fatalf("checksum with trailing bytes = %x, %v; want %x", got, err, want)
	}
}
