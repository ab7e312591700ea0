package health

import (
	"reflect"
	"testing"

	"kpkg-btf/internal/btf/btftest"
)

const baseInC = `
	typedef unsigned int u32;
	struct list_head { struct list_head *next; struct list_head *prev; };
	struct inode { u32 mode; struct list_head list; };
	struct other { u32 a; };
	enum state { LIVE, GONE };
`

// TestRepeats: what the base has is counted by kind, with the bytes of what it
// leads to; a type of the same name that is another one is the module's own.
func TestRepeats(t *testing.T) {
	base := btftest.Base().C(baseInC)
	m := NewMerger(base.Parse())
	for name, c := range map[string]struct {
		split *btftest.Builder
		want  Repeats
	}{
		"nothing":     {base.Split().C("struct mine { struct inode *inode; u32 n; };"), Repeats{}},
		"another one": {base.Split().C("struct other { u32 b; };"), Repeats{}},
		"everything": {base.Split().C(baseInC), // but unsigned int, which btftest takes from the base
			Repeats{Composites: 3, Typedefs: 1, Others: 1, Bytes: 12 + 2*36 + 24 + 28 + 12}}, // the last is the pointer to list_head
		"twice": {base.Split().C("struct mine { u32 n; };").C("struct mine { u32 n; };"), Repeats{Twice: 1, Bytes: 24}},
	} {
		if got := m.Module(c.split.Parse()); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, not %+v", name, got, c.want)
		}
	}
	if r := (Repeats{Composites: 1, Typedefs: 2, Others: 3}); r.Named() != 6 || !r.Any() || (&Repeats{}).Any() {
		t.Errorf("%+v", r)
	}
	if _, ok := m.Blob([]byte("no BTF")); ok {
		t.Error("what is no BTF was read")
	}
}

func TestDoubles(t *testing.T) {
	if got := Doubles(btftest.Base().C(baseInC).C("struct other { u32 b; };").Parse()); got != nil {
		t.Errorf("two of one name: %q", got)
	}
	if got := Doubles(btftest.Base().C(baseInC).C("struct inode { u32 mode; struct list_head list; };").Parse()); !reflect.DeepEqual(got, []string{"inode"}) {
		t.Errorf("one twice: %q", got)
	}
}
