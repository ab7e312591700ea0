package rpmhdr

import (
	"bytes"
	"testing"

	"kpkg-btf/internal/pack/packtest"
	"kpkg-btf/internal/where"
)

func signed() ([]packtest.Tag, []packtest.Tag) {
	return []packtest.Tag{{Tag: 268, Value: []byte("rsa")}, {Tag: 273, Value: "abcd"}, {Tag: 1000, Value: []uint32{9}}, {Tag: 271, Value: []uint64{1, 2}}},
		[]packtest.Tag{{Tag: 274, Value: []string{"a", "bb"}}, {Tag: 275, Value: []uint32{4}}}
}

func parsed(t *testing.T, tags, dribbles []packtest.Tag) *Header {
	t.Helper()
	h, err := Parse(packtest.Header(62, tags, dribbles), RegionSignature)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestRelay: the layout is the builder's for what is left, inside the region
// and behind it.
func TestRelay(t *testing.T) {
	tags, dribbles := signed()
	h := parsed(t, tags, dribbles)
	same, err := h.Relay(nil)
	if err != nil || !bytes.Equal(same.Raw(), h.Raw()) {
		t.Errorf("nothing changed: %v", err)
	}
	got, err := h.Relay(map[Tag]*Value{SigRSA: nil, SigDSA: BinValue([]byte("new")), FileSignatures: TextsValue([]string{"", "bb"})})
	if err != nil {
		t.Fatal(err)
	}
	tags[0] = packtest.Tag{Tag: 267, Value: []byte("new")}
	dribbles[0].Value = []string{"", "bb"}
	if want := packtest.Header(62, tags, dribbles); !bytes.Equal(got.Raw(), want) {
		t.Errorf("%q\nwant\n%q", got.Raw(), want)
	}
	got, err = h.Relay(map[Tag]*Value{FileSignatures: nil, FileSignatureLen: nil})
	tags, _ = signed()
	if want := packtest.Header(62, tags, nil); err != nil || !bytes.Equal(got.Raw(), want) {
		t.Errorf("%v: %q\nwant\n%q", err, got.Raw(), want)
	}
}

// TestEdit: values are overwritten in place, nothing else.
func TestEdit(t *testing.T) {
	tags, dribbles := signed()
	h := parsed(t, tags, dribbles)
	before := bytes.Clone(h.Raw())
	e, err := h.Edit()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		e.SetInt(SigSize, 0, 77), e.SetInt(SigLongArchiveSize, 1, 1<<40), e.SetText(SigSHA256, 0, "dcba"), e.SetData(SigRSA, []byte("RSA")), e.SetText(FileSignatures, 1, "cc"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	got, err := e.Header()
	if err != nil {
		t.Fatal(err)
	}
	tags[0].Value, tags[1].Value, tags[2].Value, tags[3].Value = []byte("RSA"), "dcba", []uint32{77}, []uint64{1, 1 << 40}
	dribbles[0].Value = []string{"a", "cc"}
	if want := packtest.Header(62, tags, dribbles); !bytes.Equal(got.Raw(), want) || !bytes.Equal(h.Raw(), before) {
		t.Errorf("%q\nwant\n%q", got.Raw(), want)
	}
	for name, err := range map[string]error{
		"too large": e.SetInt(SigSize, 0, 1<<32), "longer": e.SetText(SigSHA256, 0, "dcbaa"), "no such value": e.SetInt(SigSize, 1, 0), "no such tag": e.SetInt(SigDSA, 0, 0),
		"not a number": e.SetInt(SigRSA, 0, 0), "not a string": e.SetText(SigSize, 0, ""), "not binary": e.SetData(SigSHA256, []byte("dcba")),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzRelay: a header that parses is laid out the same or refused, and after a
// change parses again with the other tags as they were.
func FuzzRelay(f *testing.F) {
	tags, dribbles := signed()
	f.Add(packtest.Header(62, tags, dribbles))
	f.Add(packtest.Header(62, tags, nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := Parse(raw, RegionSignature)
		if err != nil {
			return
		}
		got, err := h.Relay(map[Tag]*Value{SigRSA: nil, SigDSA: BinValue([]byte("new"))})
		if where.KindOf(err) == where.Unsupported {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got.Has(SigRSA) && h.Covered == len(h.Entries) || string(got.Data(SigDSA)) != "new" {
			t.Error("not changed")
		}
		for _, tag := range []Tag{SigSHA256, SigSize, FileSignatures} {
			if !bytes.Equal(h.Data(tag), got.Data(tag)) {
				t.Errorf("tag %d: %q became %q", tag, h.Data(tag), got.Data(tag))
			}
		}
	})
}
