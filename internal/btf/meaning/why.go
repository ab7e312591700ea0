package meaning

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
)

// Cause says what made the bases differ.
type Cause string

const (
	// ByRebuild: one source version, and nothing with a name came, went or
	// changed; ids moved because the build does not come out the same twice.
	ByRebuild Cause = "rebuild"
	// ByToolchain: the same, and the tools that made the bases changed.
	ByToolchain Cause = "toolchain"
	// ByTypes: types changed.
	ByTypes Cause = "types"
	// NotShown: no type changed, and what did is not shown: functions or symbols
	// came or went, or the sources are of two versions.
	NotShown Cause = "not-shown"
)

// Builds is what is known of the builds of both bases beside their BTF.
type Builds struct {
	OldBanner, NewBanner string // "Linux version …", "" when not known
	// SameSource: both were built from one source version, and export the same
	// symbols.
	SameSource bool
	// Tools are those that differ, in words: "pahole 1.24, then 1.30".
	Tools []string
	// Users returns how many modules refer to a type of the new base; nil when
	// nothing tells.
	Users func(id btf.ID) int
}

// Why is the attribution of a change, in words.
type Why struct {
	Cause Cause
	// Text is one line: what changed, what moved.
	Text string
	// Prevent says how to make the bases equal, "" where the cause is none that
	// can be prevented, or is not shown.
	Prevent string
}

// Why attributes a change.
func (c *Classes) Why(ch *Change, b Builds) Why {
	w := Why{Cause: ByTypes}
	var parts []string
	for _, k := range ch.KindsAdded {
		b.Tools = append(b.Tools, "the new base uses "+k.String()+", the old one does not")
	}
	for _, k := range ch.KindsGone {
		b.Tools = append(b.Tools, "the old base uses "+k.String()+", the new one does not")
	}
	switch {
	case !ch.Plain:
	case !b.SameSource || ch.FuncsAdded+ch.FuncsGone > 0:
		w.Cause = NotShown
		parts = append(parts, "no struct, union or enum changed")
	default:
		w.Cause = ByRebuild
		if len(b.Tools) > 0 {
			w.Cause = ByToolchain
		}
		w.Prevent = ch.prevent(b)
	}
	parts = append(parts, b.Tools...)
	parts = append(parts, c.typesText(ch, b)...)
	if t := ch.arraysText(b); t != "" {
		parts = append(parts, t)
	}
	if n := ch.FuncsAdded + ch.FuncsGone; n > 0 {
		parts = append(parts, fmt.Sprintf("%s new, %d gone", several(ch.FuncsAdded, "function"), ch.FuncsGone))
	}
	if t := ch.countsText(); t != "" {
		parts = append(parts, t)
	}
	parts = append(parts, ch.movesText())
	w.Text = strings.Join(parts, "; ")
	return w
}

func several(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// shownTypes is how many changed types a line names.
const shownTypes = 3

// typesText names the changed types that most modules refer to.
func (c *Classes) typesText(ch *Change, b Builds) []string {
	if len(ch.Types) == 0 {
		return nil
	}
	list := ch.Types
	if b.Users != nil {
		list = sortedBy(list, func(p Pair) int { return b.Users(p.New) })
	}
	var out []string
	for _, p := range list[:min(len(list), shownTypes)] {
		out = append(out, c.Grew(p))
	}
	if more := len(list) - shownTypes; more > 0 {
		out = append(out, several(more, "more type")+" changed")
	}
	return out
}

// Grew says how a type changed: "struct gpio_chip grew from 664 to 672".
func (c *Classes) Grew(p Pair) string {
	a, _ := c.old.Record(p.Old)
	b, _ := c.new.Record(p.New)
	name := Describe(c.new, p.New)
	switch {
	case a.Kind != b.Kind:
		return Describe(c.old, p.Old) + " became " + name
	case a.SizeType < b.SizeType:
		return fmt.Sprintf("%s grew from %d to %d", name, a.SizeType, b.SizeType)
	case a.SizeType > b.SizeType:
		return fmt.Sprintf("%s shrank from %d to %d", name, a.SizeType, b.SizeType)
	case a.Vlen != b.Vlen && b.Kind.Composite():
		return fmt.Sprintf("%s has %s, it had %d", name, several(int(b.Vlen), "member"), a.Vlen)
	case a.Vlen != b.Vlen:
		return fmt.Sprintf("%s has %s, it had %d", name, several(int(b.Vlen), "value"), a.Vlen)
	}
	return name + " has another content of the same size"
}

// arraysText: the banner of a kernel is an array of characters in it, and so is
// the note with the build salt.
func (ch *Change) arraysText(b Builds) string {
	if len(ch.Arrays) == 0 {
		return ""
	}
	by := len(b.NewBanner) - len(b.OldBanner)
	with, lengths := "", []string{}
	for _, l := range ch.Arrays {
		if by != 0 && b.OldBanner != "" && b.NewBanner != "" && int(l.New)-int(l.Old) == by {
			with = " with the version banner"
		}
		lengths = append(lengths, fmt.Sprintf("%d to %d", l.Old, l.New))
	}
	words := map[int]string{1: "one char array", 2: "two char arrays", 3: "three char arrays"}
	n := words[len(ch.Arrays)]
	if n == "" {
		n = several(len(ch.Arrays), "char array")
	}
	return fmt.Sprintf("%s changed length%s (%s)", n, with, strings.Join(lengths, ", "))
}

// countsText: types and bytes that came and went.
func (ch *Change) countsText() string {
	var parts []string
	if added, gone := len(ch.Added)+ch.FuncsAdded, len(ch.Gone)+ch.FuncsGone; ch.OldTypes != ch.NewTypes || len(ch.Types) > 0 {
		parts = append(parts, fmt.Sprintf("%s new, %d gone", several(added, "type"), gone))
	}
	switch d := int(ch.NewStrings) - int(ch.OldStrings); {
	case d > 0:
		parts = append(parts, fmt.Sprintf("string section longer by %d", d))
	case d < 0:
		parts = append(parts, fmt.Sprintf("string section shorter by %d", -d))
	}
	return strings.Join(parts, ", ")
}

// shownShifts is how many distances are worth naming; where there are many,
// the order of types is not the same at all.
const shownShifts = 4

func (ch *Change) movesText() string {
	moved := 0
	for _, s := range ch.Shifts {
		moved += s.Count
	}
	switch {
	case moved == 0:
		return "no id moved"
	case ch.disordered():
		return fmt.Sprintf("%d of %d ids moved, by %d distances: types do not come in the same order", moved, ch.NewTypes-1, len(ch.Shifts))
	}
	var parts []string
	for i, s := range ch.Shifts {
		switch {
		case i == 0:
			parts = append(parts, fmt.Sprintf("%s moved by %s", several(s.Count, "id"), signed(s.By)))
		case i < shownShifts && 100*s.Count >= moved:
			parts = append(parts, fmt.Sprintf("%d by %s", s.Count, signed(s.By)))
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// disordered: a shifted base has few distances, one in another order has many.
func (ch *Change) disordered() bool { return len(ch.Shifts) > 100 }

func signed(n int) string {
	if n < 0 {
		return fmt.Sprintf("−%d", -n)
	}
	return fmt.Sprintf("+%d", n)
}

// prevent names what would have made the bases equal.
func (ch *Change) prevent(b Builds) string {
	var parts []string
	if len(ch.Arrays) > 0 {
		parts = append(parts, "keep version banner and build salt (CONFIG_BUILD_SALT) at one length")
	}
	if ch.disordered() {
		parts = append(parts, "let pahole encode reproducibly (--btf_features=+reproducible_build from 1.27 on, else without -j)")
	}
	if len(b.Tools) > 0 {
		parts = append(parts, "build with the same pahole and compiler")
	}
	if len(parts) == 0 {
		parts = append(parts, "build with the same pahole, its flags and the same compiler")
	}
	return strings.Join(parts, "; ")
}

// sortedBy orders by a number, the largest first, else as it was.
func sortedBy(list []Pair, by func(Pair) int) []Pair {
	out := append([]Pair(nil), list...)
	n := make(map[Pair]int, len(out))
	for _, p := range out {
		n[p] = by(p)
	}
	slices.SortStableFunc(out, func(a, b Pair) int { return n[b] - n[a] })
	return out
}
