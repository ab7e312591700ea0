//go:build e2e

package pin_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/pin"
	"kpkg-btf/internal/elfx"
)

// moduleC has what could be merged with a filler: pointers, and functions of
// the prototypes that fillers have.
const moduleC = `
struct own { int a; void *p; struct own *next; };
void plain(void) { }
void one(int kpkg) { plain(); }
int use(struct own *o, void (*cb)(void), void *v) { cb(); one(1); return o->a + !v; }
`

// TestEncoderMergesNothing: what must hold, 3. pahole encodes a module on a
// base with fillers, and the module names none of them.
func TestEncoderMergesNothing(t *testing.T) {
	variants(t, func(t *testing.T, s source) {
		if s.big || s.layout {
			t.Skip("not this machine's")
		}
		x := begin(t, s, 4, fix)
		dir := t.TempDir()
		base, c, obj := filepath.Join(dir, "base"), filepath.Join(dir, "m.c"), filepath.Join(dir, "m.o")
		for path, data := range map[string][]byte{base: x.later.Bytes(), c: []byte(moduleC)} {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{{"gcc", "-g", "-c", c, "-o", obj}, {"pahole", "-J", "--btf_base", base, obj}} {
			if out, err := exec.CommandContext(context.Background(), args[0], args[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%v (make deps installs it): %v\n%s", args, err, out)
			}
		}
		content, err := os.ReadFile(obj)
		if err != nil {
			t.Fatal(err)
		}
		f, err := elfx.Parse(content)
		if err != nil {
			t.Fatal(err)
		}
		blob, err := f.Data(f.Section(".BTF"))
		if err != nil {
			t.Fatal(err)
		}
		split, err := btf.ParseSplit(blob, x.later)
		if err != nil {
			t.Fatal(err)
		}
		refs := 0
		for r := range split.Types {
			for _, id := range r.Refs {
				if id == 0 || id >= split.FirstID() {
					continue
				}
				refs++
				to, _ := x.later.Record(id)
				name := x.later.Name(to.Name)
				if to.Kind == btf.FuncProto && to.Vlen == 1 {
					off, _ := to.Param(0)
					name = x.later.Name(off)
				}
				if name == pin.Reserved || to.Kind == btf.DeclTag {
					t.Errorf("%s refers to the filler %s", split.Label(r.ID), x.later.Label(id))
				}
			}
		}
		if _, ok := split.Find(btf.Func, "plain"); !ok || refs < 3 {
			t.Errorf("%d references, %d types", refs, split.OwnTypes())
		}
	})
}
