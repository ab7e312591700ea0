package ids

import (
	"encoding/binary"
	"testing"

	"kpkg-btf/internal/elfx"
)

// words are the bytes of a .BTF_ids.
func words(big bool, list ...uint32) (out []byte) {
	order := binary.AppendByteOrder(binary.LittleEndian)
	if big {
		order = binary.BigEndian
	}
	for _, w := range list {
		out = order.AppendUint32(out, w)
	}
	return out
}

// TestScanKfuncs: sets are found by their form between other words, in both byte
// orders, and what is no set of functions in order is none.
func TestScanKfuncs(t *testing.T) {
	section := []uint32{0, 0, 7, 5000, 2, KfuncMark, 100, 0, 102, 4, 9, 1, KfuncMark, 104, 1 << 16, 3}
	isFunc := func(id uint32) bool { return id >= 100 && id < 200 }
	for _, big := range []bool{false, true} {
		got := ScanKfuncs(words(big, section...), elfx.Layout{BigEndian: big}, 6000, isFunc)
		if len(got) != 2 || got[0].Off != 16 || len(got[0].IDs) != 2 || got[0].IDs[1] != 102 || got[0].PairFlags[1] != 4 ||
			got[1].IDs[0] != 104 || got[1].PairFlags[0] != 1<<16 || !got[1].Set8 || got[1].Flags != KfuncMark {
			t.Errorf("big %v: %+v", big, got)
		}
	}
	for name, list := range map[string][]uint32{
		"not in order":      {2, KfuncMark, 102, 0, 100, 0, 0},
		"not a function":    {2, KfuncMark, 100, 0, 99, 0, 0},
		"not marked":        {1, 0, 100, 0, 0, 0},
		"too many":          {3, KfuncMark, 100, 0, 102, 0, 0},
		"flags of nothing":  {1, KfuncMark, 100, 1 << 30, 0},
		"behind other data": {1 << 25, 1, KfuncMark, 100, 0, 0},
	} {
		if got := ScanKfuncs(words(false, list...), elfx.Layout{}, 6000, isFunc); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestKfuncSets: a section that marks sets of kfuncs has other uses for the rest.
func TestKfuncSets(t *testing.T) {
	old, marked, list := Set{Name: "old", Set8: true}, Set{Name: "marked", Set8: true, Flags: KfuncMark}, Set{Name: "list"}
	for _, c := range []struct {
		sets []Set
		want string
	}{{[]Set{old, list}, "old"}, {[]Set{old, marked, list}, "marked"}, {[]Set{list}, ""}} {
		got := ""
		for _, s := range (&Section{Sets: c.sets}).KfuncSets() {
			got += s.Name
		}
		if got != c.want {
			t.Errorf("%+v: %s", c.sets, got)
		}
	}
}
