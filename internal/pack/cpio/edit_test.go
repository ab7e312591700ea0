package cpio

import (
	"bytes"
	"testing"

	"kpkg-btf/internal/pack/packtest"
)

// TestEdit: what the builder makes of the new content is what Edit gives.
func TestEdit(t *testing.T) {
	for _, magic := range []string{"070701", "070702"} {
		for _, data := range []string{"", "a", "longer content than before"} {
			var old, want bytes.Buffer
			packtest.Newc(&old, magic, "./x.ko", 0o100644, 7, 2, "before")
			packtest.Newc(&want, magic, "./x.ko", 0o100644, 7, 2, data)
			n := headerLen + 7 + 3 // name, NUL, padding
			got, err := Edit(old.Bytes()[:n], []byte(data), nil)
			if err != nil || !bytes.Equal(got, want.Bytes()[:n]) {
				t.Errorf("%s %q: %v\n%q\n%q", magic, data, err, got, want.Bytes()[:n])
			}
			when := int64(0x1234abcd)
			got, err = Edit(bytes.ToUpper(old.Bytes()[:n]), []byte("0123456789"), &when)
			if err != nil || string(got[mtimeField:mtimeField+8]) != "1234ABCD" && string(got[mtimeField:mtimeField+8]) != "1234abcd" || string(got[sizeField:sizeField+8]) == string(old.Bytes()[sizeField:sizeField+8]) {
				t.Errorf("%q, %v", got, err)
			}
		}
	}
	if got, err := Edit([]byte("07070X00000007\x00\x00"), []byte("x"), nil); err != nil || string(got) != "07070X00000007\x00\x00" {
		t.Errorf("stripped: %q, %v", got, err)
	}
	when := int64(1) << 32
	if _, err := Edit(bytes.Repeat([]byte("0"), 200), nil, &when); err == nil {
		t.Error("a time beyond 32 bits")
	}
	if _, err := Edit([]byte("070701"), nil, nil); err == nil {
		t.Error("no header")
	}
}
