package report

import (
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
)

// DiffText writes what changed between two bases, for people: the answer in one
// line, the counts, then each definition in C. Verbose writes the C of what was
// added and removed, too.
func DiffText(w io.Writer, d *model.TypeDiff, o Options) error {
	s := screen.New(w, o.Width, o.Colour)
	t := &differences{s, o.Verbose}
	changed, added, removed := len(d.Changed)+d.Omitted.Changed, len(d.Added)+d.Omitted.Added, len(d.Removed)+d.Omitted.Removed
	word, tone, sentence := "CHANGED", screen.Care, fmt.Sprintf("definitions changed: %d, added: %d, removed: %d", changed, added, removed)
	switch {
	case d.Identical:
		word, tone, sentence = "SAME", screen.Good, "the bases are identical"
	case d.Same:
		word, tone, sentence = "MOVED", screen.Care, "every definition is as before; ids or strings moved"
	}
	s.Headline(word, tone, sentence, "", t.side("old", &d.Old), t.side("new", &d.New))
	if d.Identical {
		return s.Flush()
	}
	s.Blank()
	t.counts(d)
	if changed > 0 {
		s.Blank()
		s.Text(0, "changed (offsets and sizes in bytes):")
	}
	for i := range d.Changed {
		t.change(&d.Changed[i], &d.Reach)
	}
	t.more(d.Omitted.Changed)
	t.items("added", d.Added, d.Omitted.Added)
	t.items("removed", d.Removed, d.Omitted.Removed)
	return s.Flush()
}

// differences are two bases on their way to a screen.
type differences struct {
	s       *screen.Screen
	verbose bool
}

func (t *differences) side(side string, r *model.ReleaseRef) string {
	name := r.Name
	if r.Arch != model.ArchUnknown && name != "" {
		name += " " + string(r.Arch)
	}
	parts := strings.Join(r.Packages, ", ")
	if name != "" {
		parts += " (" + name + ")"
	}
	return fmt.Sprintf("%s: %s: base %.8s…, %d types, %d string bytes", side, parts, r.Base.SHA256, r.Base.Types, r.Base.StringBytes)
}

func (t *differences) counts(d *model.TypeDiff) {
	table := screen.Table{Head: []string{"definitions", "old", "new", "changed", "added", "removed"}, Right: []bool{false, true, true, true, true, true}}
	for _, k := range d.Kinds {
		table.Rows = append(table.Rows, []string{k.Kind, fmt.Sprint(k.Old), fmt.Sprint(k.New), cell(k.Changed), cell(k.Added), cell(k.Removed)})
	}
	t.s.Table(2, table)
	var by []string
	rest := d.Moved.Moved
	for _, s := range d.Moved.By {
		by = append(by, fmt.Sprintf("%d by %+d", s.Count, s.By))
		rest -= s.Count
	}
	if rest > 0 {
		by = append(by, fmt.Sprintf("%d by other distances", rest))
	}
	if f := d.Fillers; f != nil {
		t.s.Text(0, fmt.Sprintf("places reserved by pin, not compared: %d old, %d new", f.Old, f.New))
	}
	text := fmt.Sprintf("ids of types that are the same: %d in place, %d moved", d.Moved.InPlace, d.Moved.Moved)
	if len(by) > 0 {
		text += " (" + strings.Join(by, ", ") + ")"
	}
	t.s.Text(2, text)
	t.scope(&d.Reach)
}

func (t *differences) scope(r *model.ReachScope) {
	if r.Symbols+r.Undescribed == 0 {
		t.s.Text(2, "no exported symbols of the new side: which of them reach a type is not known")
	} else {
		t.s.Text(2, fmt.Sprintf("exported symbols of vmlinux with a type in its BTF: %d, without: %d", r.Symbols, r.Undescribed))
	}
	if r.Modules == 0 {
		t.s.Text(2, "no modules of the new side: which of them reach a type is not known")
	} else {
		t.s.Text(2, fmt.Sprintf("modules with BTF: %d", r.Modules))
	}
}

func (t *differences) change(c *model.TypeChange, r *model.ReachScope) {
	t.s.Blank()
	t.s.Text(0, c.Text)
	t.used(&c.Used, r.Symbols, r.Modules)
	for _, l := range c.C {
		t.s.Verbatim(4, l)
	}
}

// used says what reaches a definition, where there was something to ask.
func (t *differences) used(u *model.Used, symbols, modules int) {
	if symbols > 0 {
		t.s.Entry(2, "exported symbols:", 4, screen.Plain, reached(&u.SymbolsByValue, &u.SymbolsPointer))
	}
	if modules > 0 {
		t.s.Entry(2, "modules:", 4, screen.Plain, reached(&u.ModulesByValue, &u.ModulesPointer))
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

func (t *differences) items(what string, list []model.TypeItem, omitted int) {
	if len(list)+omitted == 0 {
		return
	}
	t.s.Blank()
	t.s.Text(0, what+":")
	for i := range list {
		x := &list[i]
		text := x.Label
		if x.Size > 0 {
			text += fmt.Sprintf(" (%d bytes)", x.Size)
		}
		t.s.Verbatim(2, text)
		if !t.verbose {
			continue
		}
		for _, l := range x.C {
			t.s.Verbatim(6, l)
		}
	}
	t.more(omitted)
}

func (t *differences) more(n int) {
	if n > 0 {
		t.s.Text(2, fmt.Sprintf("%d more (--limit -1 lists them)", n))
	}
}
