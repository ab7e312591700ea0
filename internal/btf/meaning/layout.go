package meaning

import "kpkg-btf/internal/btf"

// Layout is a type of the base that a module embeds and that the old base lays
// out otherwise under the same name.
type Layout struct {
	In       btf.ID // the module's own record, 0 where only its references are present
	Old, New btf.ID
}

// Layouts yields the types that a module embeds and that changed their layout,
// each once, in the order in which Embedded finds them. Code and kernel then
// disagree about memory, whatever becomes of the BTF. A type that the old base
// does not know by name is none: nothing there can disagree with it.
func (c *Classes) Layouts(m Module) func(yield func(Layout) bool) {
	return c.layouts(func(yield func(in, id btf.ID) bool) {
		for in, id := range Embedded(m.Split) {
			if m.OnNew != nil {
				if int(id) >= len(m.OnNew) {
					continue
				}
				id = btf.ID(m.OnNew[id])
			}
			if !yield(in, id) {
				return
			}
		}
	})
}

// LayoutsOf is Layouts for a module of which only the references are present: In
// is 0.
func (c *Classes) LayoutsOf(r *Refs) func(yield func(Layout) bool) {
	return c.layouts(func(yield func(in, id btf.ID) bool) {
		for _, id := range r.Embedded {
			if !yield(0, id) {
				return
			}
		}
	})
}

func (c *Classes) layouts(embedded func(yield func(in, id btf.ID) bool)) func(yield func(Layout) bool) {
	return func(yield func(Layout) bool) {
		var seen map[btf.ID]bool
		for in, id := range embedded {
			if c.Anywhere(ByValue, id) || seen[id] {
				continue
			}
			if seen == nil {
				seen = map[btf.ID]bool{}
			}
			seen[id] = true
			if old, ok := c.namesake(id); ok && !yield(Layout{in, old, id}) {
				return
			}
		}
	}
}

// namesake finds the type of the old base that goes by the name of one of the
// new base, through the modifiers and arrays around it.
func (c *Classes) namesake(id btf.ID) (btf.ID, bool) {
	for range c.new.NumTypes() {
		t, ok := c.new.Record(id)
		switch {
		case !ok:
			return 0, false
		case t.Kind == btf.Typedef || t.Kind.Composite() && t.Name != 0:
			old, ok := c.old.Find(t.Kind, c.new.Name(t.Name))
			return old.ID, ok
		case t.Kind.Modifier():
			id = t.Ref()
		case t.Kind == btf.Array:
			id, _, _ = t.Array()
		default:
			return 0, false
		}
	}
	return 0, false
}
