package btftest_test

import (
	"bytes"
	"fmt"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

// What is appended to a base is what its source would have given.
func TestAppendMember(t *testing.T) {
	src := func(more string) string {
		return fmt.Sprintf(`
			struct pair { int a; int b; };
			struct in { int x; %s };
			typedef struct in in_t;
			struct bits { int f:3; struct in in; int g:5; int h:7; };
			struct out { char c; struct in one; in_t many[3]; int after; struct bits bits; struct in *p; int last; };
			struct apart { struct out *p; int a; };
			percpu int before;
			percpu struct out v;
			percpu int w;
			int f(struct in in, struct out *out);
		`, more)
	}
	for name, base := range map[string]func() *btftest.Builder{"little": btftest.Base, "big": btftest.BigBase} {
		for _, layout := range []string{"", "kinds"} {
			build := func(more string) *btf.Raw {
				b := base()
				if layout != "" {
					b.HdrLen, b.Layout = btf.HeaderLenLayout, []byte(layout)
				}
				return b.C(src(more)).Parse()
			}
			before, want := build(""), build("struct pair b;").Bytes()
			whole := bytes.Clone(before.Bytes())
			if got := btftest.AppendMember(before, "in", "pair", "b"); !bytes.Equal(got, want) {
				t.Errorf("%s endian, layout %q:\n%x, want\n%x", name, layout, got, want)
			}
			if !bytes.Equal(before.Bytes(), whole) {
				t.Error("the base given was changed")
			}
		}
	}
}

func TestAppendMemberRefuses(t *testing.T) {
	r := btftest.Base().C("struct p { int a, b; }; struct odd { int a; }; union u { struct odd o; long l; };").Parse()
	for _, c := range [][3]string{{"none", "p", "a"}, {"p", "none", "a"}, {"p", "p", "none"}, {"p", "odd", "a"}, {"odd", "p", "a"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v: no panic", c)
				}
			}()
			btftest.AppendMember(r, c[0], c[1], c[2])
		}()
	}
}
