package kmod

import (
	"strings"
	"testing"

	"kpkg-btf/internal/btf/stamp"
)

func TestWhyNoBTF(t *testing.T) {
	ids := func(id uint32) *IDs { return &IDs{Words: []IDWord{{Kind: "struct", Name: "nf_conn", ID: id, Set: -1}}} }
	debug := []Section{{Name: ".text"}, {Name: ".debug_info"}}
	for _, c := range []struct {
		what     string
		f        Facts
		why      string
		stripped bool
	}{
		{"has BTF", Facts{BTF: BlobOf([]byte{1})}, "", false},
		{"stamped", Facts{Stamp: stamp.Stamp{Left: stamp.Stripped}.Bytes(), Sections: debug}, whyStripped, true},
		{"emptied and marked", Facts{BTF: BlobOf([]byte{}), Neutralized: true}, whyStripped, true},
		{"empty", Facts{BTF: BlobOf([]byte{})}, whyEmpty, false},
		{"a stamp that says otherwise", Facts{Stamp: stamp.Of(stamp.Base{}, stamp.Asserted, nil, nil).Bytes(), Sections: debug}, whyNoVmlinux, false},
		{"as the compiler left it", Facts{Sections: debug}, whyNoVmlinux, false},
		{"ids never resolved", Facts{IDs: ids(0)}, whyNoVmlinux, false},
		{"objcopy -R .BTF", Facts{IDs: ids(7), Sections: debug}, whyRemoved, false},
		{"no trace", Facts{Sections: debug[:1], IDs: &IDs{}}, whyUnknown, false},
	} {
		if why, stripped := c.f.WhyNoBTF(); why != c.why || stripped != c.stripped {
			t.Errorf("%s: %q %v", c.what, why, stripped)
		}
	}
	if !strings.HasPrefix(whyUnknown, "vmlinux was unavailable at build time") {
		t.Error(whyUnknown)
	}
}
