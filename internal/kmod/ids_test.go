package kmod_test

import (
	"strings"
	"testing"

	"kpkg-btf/internal/btf/ids"
	"kpkg-btf/internal/kmod/kmodtest"
)

// Sets and lists as resolve_btfids leaves them, and as it does not. Debian's
// vmlinux of 6.12.115 and 7.3.4 has one set with a member that has no symbol and
// the id 0 (btf_id_deny, BTF_ID_UNUSED), and no other zero in 671 and 2198 words (38 and 63 sets).
func TestIDFaults(t *testing.T) {
	word := func(id uint32) kmodtest.ID { return kmodtest.ID{Kind: "func", Name: "f", ID: id} }
	set8 := func(more int, flags uint32, words ...kmodtest.ID) kmodtest.IDList {
		return kmodtest.IDList{Set: "s", Set8: true, Flags: flags, Miscount: more, Words: words}
	}
	list := func(words ...kmodtest.ID) kmodtest.IDList { return kmodtest.IDList{Label: "l", Words: words} }
	for _, c := range []struct {
		name  string
		lists []kmodtest.IDList
		kind  ids.FaultKind
		text  string
	}{
		{"whole", []kmodtest.IDList{set8(0, 1, word(3), word(4)), list(word(9), word(2))}, "", ""},
		{"no members", []kmodtest.IDList{set8(0, 1), list(word(9))}, "", ""},
		{"unused member", []kmodtest.IDList{{Set: "deny", Unused: 1, Words: []kmodtest.ID{word(3)}}}, "", ""},
		{"never resolved", []kmodtest.IDList{set8(-1, 1, word(0)), list(word(0))}, ids.Unresolved, "none of the ids in its 20 bytes"},
		{"count 0", []kmodtest.IDList{set8(-2, 1, word(3), word(4))}, ids.Broken, "count is 0, and it has room for 2"},
		{"count too high", []kmodtest.IDList{set8(7, 1, word(3), word(4))}, ids.Broken, "count is 9, and it has room for 2"},
		{"count without end", []kmodtest.IDList{set8(-3, 1, word(3), word(4))}, ids.Broken, "count is 4294967295, and it has room for 2"},
		{"plain set", []kmodtest.IDList{{Set: "p", Miscount: 1, Words: []kmodtest.ID{word(3)}}}, ids.Broken, "count is 2, and it has room for 1"},
		{"order", []kmodtest.IDList{set8(0, 1, word(4), word(3))}, ids.Broken, "not in order: 4 before 3"},
		{"twice", []kmodtest.IDList{set8(0, 1, word(3), word(3))}, ids.Broken, "id 3 is in it twice"},
		{"zero in a set", []kmodtest.IDList{set8(0, 1, word(0), word(3))}, ids.Broken, "1 of its 2 ids are 0"},
		{"two zeros, one unused", []kmodtest.IDList{{Set: "deny", Unused: 1, Words: []kmodtest.ID{word(0), word(3)}}}, ids.Broken, "2 of its 3 ids are 0"},
		{"flags", []kmodtest.IDList{set8(0, 3, word(3))}, ids.Broken, "its flags are 0x3"},
		{"zero in a list", []kmodtest.IDList{set8(0, 1, word(3)), list(word(0), word(2))}, ids.Zero, "the id of func f at 0x10 is 0"},
	} {
		f := mustParse(t, kmodtest.Module{IDs: c.lists}.Bytes())
		got := f.IDs.Faults()
		if c.kind == "" {
			if got != nil {
				t.Errorf("%s: %+v", c.name, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Kind != c.kind || !strings.Contains(got[0].Text, c.text) {
			t.Errorf("%s: %+v, want %s: %s", c.name, got, c.kind, c.text)
		}
	}
	// Without symbols only a section of zeros is told.
	zeros := []kmodtest.IDList{set8(-1, 0, word(0))}
	if got := mustParse(t, kmodtest.Module{IDs: zeros, StripIDs: true}.Bytes()).IDs.Faults(); len(got) != 1 || got[0].Kind != ids.Unresolved {
		t.Errorf("zeros without symbols: %+v", got)
	}
	if got := mustParse(t, kmodtest.Module{IDs: []kmodtest.IDList{set8(5, 1, word(3))}, StripIDs: true}.Bytes()).IDs.Faults(); got != nil {
		t.Errorf("without symbols: %+v", got)
	}
}
