package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/model"
)

// DiffText writes what changed between two bases, for people. Verbose writes
// the C of what was added and removed, too.
func DiffText(w io.Writer, d *model.TypeDiff, verbose bool) error {
	t := &text{w: bufio.NewWriter(w)}
	t.diffSide("old", &d.Old)
	t.diffSide("new", &d.New)
	switch {
	case d.Identical:
		t.f("the bases are identical\n")
		return t.w.Flush()
	case d.Same:
		t.f("every definition is as before; ids or strings moved\n")
	}
	t.diffCounts(d)
	if len(d.Changed)+d.Omitted.Changed > 0 {
		t.f("\nchanged (offsets and sizes in bytes):\n")
	}
	for i := range d.Changed {
		t.diffChange(&d.Changed[i], &d.Reach)
	}
	t.diffMore(d.Omitted.Changed)
	t.diffItems("added", d.Added, d.Omitted.Added, verbose)
	t.diffItems("removed", d.Removed, d.Omitted.Removed, verbose)
	return t.w.Flush()
}

func (t *text) diffSide(side string, r *model.ReleaseRef) {
	name := r.Name
	if r.Arch != model.ArchUnknown && name != "" {
		name += " " + string(r.Arch)
	}
	parts := strings.Join(r.Packages, ", ")
	if name != "" {
		parts += " (" + name + ")"
	}
	t.f("%s: %s: base %s…, %d types, %d string bytes\n", side, parts, r.Base.SHA256[:8], int(r.Base.Types), int(r.Base.StringBytes))
}

func (t *text) diffCounts(d *model.TypeDiff) {
	t.f("definitions:\n")
	for _, k := range d.Kinds {
		if k.Added+k.Removed+k.Changed > 0 {
			t.f("  %-8s %6d -> %6d: %d changed, %d added, %d removed\n", k.Kind, k.Old, k.New, k.Changed, k.Added, k.Removed)
		} else {
			t.f("  %-8s %6d: as before\n", k.Kind, k.New)
		}
	}
	var by []string
	rest := d.Moved.Moved
	for _, s := range d.Moved.By {
		by = append(by, fmt.Sprintf("%d by %+d", s.Count, s.By))
		rest -= s.Count
	}
	if rest > 0 {
		by = append(by, fmt.Sprintf("%d by other distances", rest))
	}
	t.f("ids of types that are the same: %d in place, %d moved", d.Moved.InPlace, d.Moved.Moved)
	if len(by) > 0 {
		t.f(" (%s)", strings.Join(by, ", "))
	}
	t.f("\n")
	t.diffScope(&d.Reach)
}

func (t *text) diffScope(r *model.ReachScope) {
	if r.Symbols+r.Undescribed == 0 {
		t.f("no exported symbols of the new side: which of them reach a type is not known\n")
	} else {
		t.f("exported symbols of vmlinux with a type in its BTF: %d, without: %d\n", r.Symbols, r.Undescribed)
	}
	if r.Modules == 0 {
		t.f("no modules of the new side: which of them reach a type is not known\n")
	} else {
		t.f("modules with BTF: %d\n", r.Modules)
	}
}

func (t *text) diffChange(c *model.TypeChange, r *model.ReachScope) {
	t.f("\n%s\n", c.Text)
	t.used(&c.Used, r.Symbols, r.Modules)
	for _, l := range c.C {
		t.f("    %s\n", strings.ReplaceAll(l, "\t", "    "))
	}
}

// used says what reaches a definition, where there was something to ask.
func (t *text) used(u *model.Used, symbols, modules int) {
	if symbols > 0 {
		t.f("  exported symbols: %s\n", reached(&u.SymbolsByValue, &u.SymbolsPointer))
	}
	if modules > 0 {
		t.f("  modules: %s\n", reached(&u.ModulesByValue, &u.ModulesPointer))
	}
}

func reached(value, pointer *model.Users) string {
	var parts []string
	if value.Count > 0 {
		parts = append(parts, users(value)+" by value")
	}
	if pointer.Count > 0 {
		parts = append(parts, users(pointer)+" behind a pointer")
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, "; ")
}

func users(u *model.Users) string {
	s := fmt.Sprintf("%d (%s", u.Count, strings.Join(u.First, ", "))
	if len(u.First) < u.Count {
		s += ", …"
	}
	return s + ")"
}

func (t *text) diffItems(what string, list []model.TypeItem, omitted int, verbose bool) {
	if len(list)+omitted == 0 {
		return
	}
	t.f("\n%s:\n", what)
	for i := range list {
		x := &list[i]
		t.f("  %s", x.Label)
		if x.Size > 0 {
			t.f(" (%d bytes)", int(x.Size))
		}
		t.f("\n")
		if !verbose {
			continue
		}
		for _, l := range x.C {
			t.f("      %s\n", strings.ReplaceAll(l, "\t", "    "))
		}
	}
	t.diffMore(omitted)
}

func (t *text) diffMore(n int) {
	if n > 0 {
		t.f("  %d more (--limit -1 lists them)\n", n)
	}
}
