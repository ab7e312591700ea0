package diff

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"kpkg-btf/internal/btf/cdef"
)

// fieldChange is one field on both sides; one of them is nil when it was
// added or removed.
type fieldChange struct{ old, new *cdef.Field }

func (c *fieldChange) retyped() bool { return c.old.Text != c.new.Text }

// by is how many bits the field moved.
func (c *fieldChange) by() int64 {
	if c.old.Bit == cdef.None || c.new.Bit == cdef.None {
		return 0
	}
	return c.new.Bit - c.old.Bit
}

// align pairs the fields of two definitions by their keys, in an order that
// keeps that of both sides where they agree: the new side's, with what was
// removed where it stood.
func align(old, new *cdef.Def) []fieldChange {
	at := make(map[string]int, len(old.Fields))
	for i := range old.Fields {
		if _, ok := at[old.Fields[i].Key]; !ok {
			at[old.Fields[i].Key] = i
		}
	}
	used := make([]bool, len(old.Fields))
	partner := make([]int, len(new.Fields))
	for j := range new.Fields {
		partner[j] = -1
		if i, ok := at[new.Fields[j].Key]; ok && !used[i] {
			used[i], partner[j] = true, i
		}
	}
	renamed(old, new, used, partner)
	return merge(old, new, used, partner)
}

// merge lists what was removed before what was added in its place.
func merge(old, new *cdef.Def, used []bool, partner []int) []fieldChange {
	out := make([]fieldChange, 0, len(new.Fields))
	i := 0
	removed := func(until int) {
		for ; i < until; i++ {
			if !used[i] {
				out = append(out, fieldChange{old: &old.Fields[i]})
			}
		}
	}
	var added []fieldChange
	for j := range new.Fields {
		p := partner[j]
		if p < 0 {
			added = append(added, fieldChange{new: &new.Fields[j]})
			continue
		}
		removed(p)
		out = append(append(out, added...), fieldChange{old: &old.Fields[p], new: &new.Fields[j]})
		added = added[:0]
	}
	removed(len(old.Fields))
	return append(out, added...)
}

// renamed pairs fields of one place and one type under two names, and
// enumerators of one value.
func renamed(old, new *cdef.Def, used []bool, partner []int) {
	free := map[string]int{}
	for i := range old.Fields {
		if f := &old.Fields[i]; !used[i] && !f.Brace {
			free[place(f)] = i
		}
	}
	for j := range new.Fields {
		f := &new.Fields[j]
		if partner[j] >= 0 || f.Brace {
			continue
		}
		if i, ok := free[place(f)]; ok {
			used[i], partner[j] = true, i
			delete(free, place(f))
		}
	}
}

// place is what a renamed field keeps: offset, width, and type less its name.
func place(f *cdef.Field) string {
	if f.Value != nil {
		return fmt.Sprint("= ", *f.Value)
	}
	name := f.Key[strings.LastIndexByte(f.Key, '.')+1:]
	return fmt.Sprint(f.Bit, f.Width, strings.Replace(f.Text, name, "", 1))
}

// shift is a run of fields that moved alike.
type shift struct {
	by    int64 // bits
	count int
	first fieldChange
}

// shifts counts the fields that moved without a change of their own, the
// commonest distance first.
func shifts(fields []fieldChange) []shift {
	byDistance := map[int64]*shift{}
	for _, c := range fields {
		if c.old == nil || c.new == nil || c.retyped() || c.new.Brace || c.by() == 0 {
			continue
		}
		s := byDistance[c.by()]
		if s == nil {
			s = &shift{by: c.by(), first: c}
			byDistance[c.by()] = s
		}
		s.count++
	}
	out := make([]shift, 0, len(byDistance))
	for _, s := range byDistance {
		out = append(out, *s)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].count != out[j].count {
			return out[i].count > out[j].count
		}
		return out[i].by < out[j].by
	})
	return out
}

// signed writes a distance in bytes, "+8" or "-0:3".
func distance(bits int64) string {
	if bits < 0 {
		return "-" + cdef.Offset(-bits)
	}
	return "+" + cdef.Offset(bits)
}

// maxLines bounds the C of one change.
const maxLines = 40

// Lines is a change as C, line by line: "-" before what was, "+" before what
// is, " " before the head and before notes in comments. What is as it was is
// left out; what only moved is counted.
func (d *Diff) Lines(c *Change) []string {
	old, new := cdef.Of(d.old, c.Old.ID), cdef.Of(d.new, c.New.ID)
	if !old.Body && !new.Body {
		out := []string{"-" + old.Head + ";", "+" + new.Head + ";"}
		if out[0][1:] == out[1][1:] {
			return out[1:]
		}
		return out
	}
	out := heads(&old, &new)
	still, moved := 0, 0
	flush := func() {
		if moved > 0 {
			out = append(out, fmt.Sprintf(" \t/* %s moved */", members(moved)))
		} else if still > 0 {
			out = append(out, fmt.Sprintf(" \t/* %s as before */", members(still)))
		}
		still, moved = 0, 0
	}
	for _, f := range align(&old, &new) {
		switch {
		case f.old == nil:
			flush()
			out = append(out, "+"+f.new.Line())
		case f.new == nil:
			flush()
			out = append(out, "-"+f.old.Line())
		case f.retyped():
			flush()
			out = append(out, "-"+f.old.Line(), "+"+f.new.Line())
		case f.new.Brace:
		case f.by() != 0:
			if still > 0 {
				flush()
			}
			moved++
		default:
			if moved > 0 {
				flush()
			}
			still++
		}
	}
	flush()
	if n := len(out) - maxLines; n > 1 {
		out = append(out[:maxLines:maxLines], fmt.Sprintf(" \t/* %d lines more */", n))
	}
	return append(out, " };")
}

func members(n int) string {
	if n == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", n)
}

func heads(old, new *cdef.Def) []string {
	if old.Head == new.Head && old.Size == new.Size {
		return []string{" " + open(new)}
	}
	return []string{"-" + open(old), "+" + open(new)}
}

func open(d *cdef.Def) string {
	s := d.Head
	if d.Body {
		s += " {"
	}
	if d.Size != cdef.None {
		s += fmt.Sprintf(" /* %d bytes */", d.Size)
	}
	return s
}

// Text is the whole definition of an item of a side as C.
func text(d cdef.Def) []string {
	lines := strings.Split(strings.TrimSuffix(d.String(), "\n"), "\n")
	if n := len(lines) - maxLines; n > 1 {
		lines = append(slices.Clone(lines[:maxLines]), fmt.Sprintf("\t/* %d lines more */", n))
	}
	return lines
}

// AddedText and RemovedText give the C of a definition that only one side has.
func (d *Diff) AddedText(i *Item) []string   { return text(cdef.Of(d.new, i.ID)) }
func (d *Diff) RemovedText(i *Item) []string { return text(cdef.Of(d.old, i.ID)) }
