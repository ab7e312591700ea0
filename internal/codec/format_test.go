package codec

import "testing"

func TestDetectTakesNothingElse(t *testing.T) {
	for _, head := range []string{
		"", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00", "MZ\x00\x00zimg\x00\x00\x00\x00\x00\x00\x00\x00", "BZhello, world, this",
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x5d\x01\x00\x10\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00",
		"\x5d\x00\x00\x10\x00\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00", "\xe1\x00\x00\x10\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00",
		"\x1f\x8b", "\xfd7zXZ",
	} {
		if f := Detect([]byte(head)); f != None {
			t.Errorf("%q is %v", head, f)
		}
	}
	if f := Detect([]byte("\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x12\x34")); f != LZMA {
		t.Errorf("a .lzma head is %v", f)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]Format{"xz": XZ, "xzkern": XZ, "zstd22": Zstd, "gzip": Gzip, "bzip2": Bzip2, "lzma": LZMA, "lzo": LZO, "none": None, "zst": Zstd} {
		if f, ok := ParseName(name); !ok || f != want {
			t.Errorf("%q is %v, %v", name, f, ok)
		}
	}
	if f, ok := ParseName("lzip"); ok {
		t.Errorf("lzip is %v", f)
	}
	if LZ4Legacy.String() != "lz4-legacy" || Format(99).String() != "format(99)" {
		t.Error("names of formats")
	}
}
