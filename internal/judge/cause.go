package judge

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
)

// baseChange is how two bases differ, and why where that is shown.
type baseChange struct {
	*meaning.Change
	why    meaning.Why
	pinned note
	types  []model.ChangedType
}

// baseChange compares the bases; nil where they are equal, or one is not at hand.
func (w *window) baseChange() *baseChange {
	c := w.classes
	if c == nil {
		return nil
	}
	ch := c.Change()
	return &baseChange{ch, c.Why(ch, meaning.Builds{
		OldBanner: w.oldK.Banner, NewBanner: w.newK.Banner, SameSource: w.sameSource(), Tools: tools(w.old, w.new), Users: w.users(ch),
	}), said(*pinned(c, usesOf(w.r, c.Raw(meaning.New)))), w.changedTypes(ch)}
}

// changeNotes say how the bases differ, why where that is shown, and for what is
// only noise how to prevent it.
func (w *window) changeNotes() []note {
	if w.change == nil {
		return nil
	}
	ch, why := w.change, &w.change.why
	s := w.needs.sameAt
	text := why.Text
	switch {
	case s.Known == 0:
	case s.Identity == s.Known && s.ByValue == s.Known:
		text += fmt.Sprintf("; the types of all %s are the same", model.Plural(s.Known, "module", "modules"))
	case s.Movable == s.Known:
		text += "; no type changed that a module's BTF names"
	default:
		text += fmt.Sprintf("; the BTF of %d of %d modules names types that changed", s.Known-s.Movable, s.Known)
	}
	by := cmp.Or(causeWords[why.Cause], "the bases differ: ")
	if why.Cause == meaning.ByTypes && len(ch.Types) > 0 {
		by = "the bases differ by types that changed: "
	}
	f := model.Finding{Rule: "window.cause", Severity: model.Info, Message: by + text}
	if why.Prevent != "" {
		f.Hint = "to prevent it: " + why.Prevent
	}
	return []note{said(f), ch.pinned}
}

// causeWords begin the sentence; a cause that is not shown is not named.
var causeWords = map[meaning.Cause]string{
	meaning.ByRebuild:   "the bases differ by rebuilding alone: ",
	meaning.ByToolchain: "the bases differ by the tools that built them: ",
	meaning.ByTypes:     "the bases differ by types that came or went: ",
}

// sourceVersion is the version of the sources in a banner, as distributions
// append it: "#1 SMP … Debian 6.1.192-2 (2026-11-16)".
var sourceVersion = regexp.MustCompile(` #.* ([^ ]+) \([0-9-]+\)$`)

// sameSource reports whether both kernels are shown to be of one source
// version, and to export the same symbols.
func (w *window) sameSource() bool {
	a, b := sourceVersion.FindStringSubmatch(w.oldK.Banner), sourceVersion.FindStringSubmatch(w.newK.Banner)
	return a != nil && b != nil && a[1] == b[1] && w.offer.Exports != nil && len(w.offer.Exports.Added)+len(w.offer.Exports.Lost) == 0
}

// tools are those of both configs that make BTF and that differ.
func tools(old, new *manifest.Manifest) []string {
	var out []string
	for _, t := range []struct{ option, name string }{{"CONFIG_PAHOLE_VERSION", "pahole"}, {"CONFIG_CC_VERSION_TEXT", "compiler"}} {
		a, ok1 := old.Config.Value(t.option)
		b, ok2 := new.Config.Value(t.option)
		if !ok1 || !ok2 || a == "n" || b == "n" || a == b {
			continue
		}
		out = append(out, fmt.Sprintf("%s %s, then %s", t.name, unquoted(a), unquoted(b)))
	}
	return out
}

func unquoted(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}

// users counts the modules that refer to each type that changed.
func (w *window) users(ch *meaning.Change) func(btf.ID) int {
	if len(ch.Types) == 0 || len(w.r.Modules) == 0 {
		return nil
	}
	type count struct{ n, last int }
	counts := make(map[btf.ID]*count, len(ch.Types))
	for _, p := range ch.Types {
		counts[p.New] = &count{last: -1}
	}
	for i, m := range w.r.Modules {
		if m.Facts.BTF.Len() == 0 || !m.Facts.BTFBase.Missing() {
			continue
		}
		split, err := btf.ParseSplit(m.Facts.BTF.Bytes(), w.newK.Base.Raw)
		if err != nil {
			continue // its own finding
		}
		for t := range split.Types {
			for _, id := range t.Refs {
				if id >= split.FirstID() {
					continue
				}
				if c := counts[id]; c != nil && c.last != i {
					c.n, c.last = c.n+1, i
				}
			}
		}
	}
	return func(id btf.ID) int {
		if c := counts[id]; c != nil {
			return c.n
		}
		return 0
	}
}

// document is the change, whole.
func (ch *baseChange) document() *model.BaseChange {
	why := &ch.why
	out := &model.BaseChange{
		Cause: string(why.Cause), Text: why.Text, Prevent: why.Prevent,
		InPlace: ch.InPlace, Shifts: len(ch.Shifts), Moved: []model.Shift{}, Arrays: []model.Lengths{},
		Added: len(ch.Added), Gone: len(ch.Gone), FunctionsAdded: ch.FuncsAdded, FunctionsGone: ch.FuncsGone,
		Changed: len(ch.Types), Types: ch.types, Places: placesOf(&ch.Places),
	}
	for _, s := range ch.Shifts {
		out.Ids += s.Count
		out.Moved = append(out.Moved, model.Shift{Up: max(s.By, 0), Down: max(-s.By, 0), Count: s.Count})
	}
	for _, l := range ch.Arrays {
		out.Arrays = append(out.Arrays, model.Lengths{Old: l.Old, New: l.New})
	}
	return out
}
