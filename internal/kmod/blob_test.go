package kmod_test

import (
	"bytes"
	"crypto/sha256"
	"reflect"
	"testing"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/kmodtest"
)

// Packed or not, a Blob answers the same.
func TestBlob(t *testing.T) {
	contents := [][]byte{nil, {}, {7}, bytes.Repeat([]byte("types and strings "), 5000)}
	var buf []byte
	for i, b := range contents {
		open := kmod.BlobOf(b)
		var packed kmod.Blob
		packed, buf = kmod.PackedBlob(b, buf)
		for what, x := range map[string]kmod.Blob{"open": open, "packed": packed} {
			if got := x.Bytes(); !bytes.Equal(got, b) || (got == nil) != (b == nil) || cap(got) != len(got) && what == "packed" {
				t.Errorf("%d %s: %d bytes of %d", i, what, len(got), len(b))
			}
			if x.Len() != len(b) || x.Missing() != (b == nil) || x.Sum() != sha256.Sum256(b) || (x.SumOrZero() == [32]byte{}) != (len(b) == 0) {
				t.Errorf("%d %s: %d bytes, missing %v, %x", i, what, x.Len(), x.Missing(), x.Sum())
			}
			for k, c := range contents {
				other, _ := kmod.PackedBlob(c, nil)
				if want := bytes.Equal(b, c); x.Equal(kmod.BlobOf(c)) != want || x.Equal(other) != want || other.Equal(x) != want {
					t.Errorf("%d %s: equal to %d is not %v", i, what, k, want)
				}
			}
		}
	}
	if n := len(buf); n > 5000 {
		t.Errorf("90000 bytes packed to %d", n)
	}
}

// A module whose BTF is held packed has the facts that it has otherwise.
func TestPackOption(t *testing.T) {
	m := kmodtest.Module{Name: "m", BTF: bytes.Repeat([]byte("split"), 100), BTFBase: []byte("base")}
	mark := stamp.Of(stamp.Base{}, stamp.Asserted, m.BTF, m.BTFBase)
	m.Stamp = mark.Bytes()
	want := mustParse(t, m.Bytes())
	var asked []int
	got, err := kmod.Parse(m.Bytes(), kmod.Options{Pack: func(size int) bool { asked = append(asked, size); return size > 100 }})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(asked, []int{500, 4}) || got.Opened() == got {
		t.Errorf("asked %v, packed %v", asked, got.Opened() != got)
	}
	if !got.Fits(&mark) || !want.Fits(&mark) {
		t.Error("the stamp does not fit")
	}
	if again := got.Opened(); again == got || !reflect.DeepEqual(again, want) || again.Opened() != again {
		t.Errorf("opened: %+v, want %+v", again, want)
	}
	all, _ := want.Packed(nil)
	if all.Opened() == all || want.Opened() != want || !reflect.DeepEqual(all.Opened(), want) {
		t.Errorf("packed: %+v", all)
	}
}
