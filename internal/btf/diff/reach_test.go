package diff_test

import (
	"slices"
	"strconv"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/diff"
)

func itoa(n int) string { return strconv.Itoa(n) }

const reachSource = `
	struct priv { int a; };
	struct in { int a; };
	struct out { struct in in[3]; struct priv *priv; };
	typedef struct out out_t;
	struct ops { int (*cb)(struct in in); };
	int by_value(struct in in);
	struct out returns(void);
	int pointer(const out_t *o);
	int callback(struct ops *ops);
	int unrelated(int a);
	percpu struct out cpu_out;
`

func TestReach(t *testing.T) {
	base := btftest.Base().C(reachSource)
	split := base.Split().C(`
		struct own { struct in in; };
		struct ptr { struct out *out; const struct priv *p; };
		int init(struct own *o);
	`)
	r := base.Parse()
	roots := []diff.Root{diff.ModuleRoot("module", split.Parse())}
	for _, name := range []string{"by_value", "returns", "pointer", "callback", "unrelated", "cpu_out"} {
		id := symbol(t, r, name)
		roots = append(roots, diff.Root{Name: name, ByValue: []btf.ID{id}, Any: []btf.ID{id}})
	}
	x := diff.NewReach(r, roots)
	for _, c := range []struct {
		typ              string
		byValue, pointer []string
	}{
		{"in", []string{"by_value", "cpu_out", "module", "returns"}, []string{"callback", "pointer"}},
		{"priv", nil, []string{"cpu_out", "module", "pointer", "returns"}},
		{"out", []string{"cpu_out", "returns"}, []string{"module", "pointer"}},
		{"ops", nil, []string{"callback"}},
	} {
		rec, _ := r.Find(btf.Struct, c.typ)
		for range 2 { // one question does not disturb the next
			h := x.Of(rec.ID)
			if got := names(roots, h.ByValue); !slices.Equal(got, c.byValue) {
				t.Errorf("%s by value: %v, want %v", c.typ, got, c.byValue)
			}
			if got := names(roots, h.Pointer); !slices.Equal(got, c.pointer) {
				t.Errorf("%s behind a pointer: %v, want %v", c.typ, got, c.pointer)
			}
			if got := names(roots, x.Of(rec.ID).ByValue); !slices.Equal(got, c.byValue) {
				t.Errorf("%s: %v", c.typ, got)
			}
		}
	}
	priv, _ := r.Find(btf.Struct, "priv")
	if h := x.Of(priv.ID); roots[h.Pointer[0]].Name != "module" || roots[h.Pointer[len(h.Pointer)-1]].Name != "pointer" {
		t.Errorf("%v: the module points at it, pointer() at what holds it behind a pointer", h.Pointer)
	}
	in, _ := r.Find(btf.Struct, "in")
	out, _ := r.Find(btf.Struct, "out")
	if reaching := x.Types(in.ID); !reaching[out.ID] || reaching[priv.ID] || len(reaching) != int(r.NumTypes()) {
		t.Error("struct out reaches struct in, struct priv does not")
	}
}

func names(roots []diff.Root, list []int) (out []string) {
	for _, i := range list {
		out = append(out, roots[i].Name)
	}
	slices.Sort(out)
	return out
}
