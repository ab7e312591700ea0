package hooks

import (
	"slices"
	"testing"
)

func TestVariables(t *testing.T) {
	list := Variables()
	if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
		t.Errorf("%q", list)
	}
	for _, v := range list {
		if !IsVariable(v) || IsOldVariable(v) {
			t.Errorf("%s: is none", v)
		}
	}
	for old, want := range map[string]string{"KPKG_BTF_AGAINST": "KPKG_BTF_BUILD_AGAINST", "KPKG_BTF_REQUIRED": "KPKG_BTF_BUILD_REQUIRED"} {
		if IsVariable(old) || !IsOldVariable(old) || NewName(old) != want {
			t.Errorf("%s: %s", old, NewName(old))
		}
	}
	for _, no := range []string{"KPKG_BTF_BUILD_", "KPKG_BTF_BUILD_NO", "KPKG_BTF_HOST", "AGAINST", ""} {
		if IsVariable(no) || IsOldVariable(no) {
			t.Errorf("%q is one", no)
		}
	}
}
