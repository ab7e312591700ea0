package report

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/page"
)

// Size of the treemap in pixels; it shrinks to the window.
const (
	mapWidth  = 1100
	mapHeight = 560
)

// sizes shows the bytes of BTF, by folder and module, what stripping would save
// and what distilling would cost. It reports false for documents that hold no
// sizes, and for modules without BTF.
func (h *htmlRelease) sizes() (page.Section, bool) {
	s := h.section("sizes", "Bytes of BTF")
	paths := map[string]bool{}
	about := map[string]*model.ModuleDecision{}
	var all total
	for i := range h.v.Modules {
		m := &h.v.Modules[i]
		if m.BTFBytes > 0 {
			paths[m.Path], about[m.Path] = true, m
			all.add(m)
		}
	}
	if all.bytes == 0 {
		return s, false
	}
	var tiles []page.Tile
	t := page.Table{Caption: "by folder", Head: []string{"folder", "modules", "BTF", "share"}, Right: []bool{false, true, true, true}}
	if all.stripped > 0 {
		t.Head, t.Right = append(t.Head, "stripping saves"), append(t.Right, true)
	}
	if all.tried > 0 {
		t.Head, t.Right = append(t.Head, "distilled"), append(t.Right, true)
	}
	if all.repeated > 0 {
		t.Head, t.Right = append(t.Head, "in the base too"), append(t.Right, true)
	}
	for _, f := range folders(paths) {
		var sum total
		tile := page.Tile{Name: f.name}
		for _, p := range f.paths {
			m := about[p]
			sum.add(m)
			title := strings.TrimPrefix(p, f.name+"/") + ": " + Bytes(m.BTFBytes)
			if m.DistilledBytes > 0 {
				title += ", distilled " + Bytes(m.DistilledBytes)
			}
			if m.RepeatedBytes > 0 {
				title += ", in the base too " + Bytes(m.RepeatedBytes)
			}
			tile.Tiles = append(tile.Tiles, page.Tile{Title: title + ", " + worstOf(m).String(), Size: m.BTFBytes, Ink: fateInks[worstOf(m)]})
		}
		tile.Size, tile.Title = sum.bytes, fmt.Sprintf("%s: %s in %s", f.name, Bytes(sum.bytes), model.Plural(sum.modules, "module", "modules"))
		tiles = append(tiles, tile)
		row := []page.Cell{{Text: f.name}, {Text: fmt.Sprint(sum.modules)}, {Text: Bytes(sum.bytes)}, {Text: share(sum.bytes, all.bytes)}}
		if all.stripped > 0 {
			row = append(row, page.Cell{Text: sum.saved()})
		}
		if all.tried > 0 {
			row = append(row, page.Cell{Text: sum.cost()})
		}
		if all.repeated > 0 {
			row = append(row, page.Cell{Text: sum.merged()})
		}
		t.Rows = append(t.Rows, row)
	}
	s.Text = append(s.Text, fmt.Sprintf("%s of BTF in %s. Stripping all of them would save all of it, and every type of theirs.", Bytes(all.bytes), model.Plural(all.modules, "module", "modules")))
	if all.stripped > 0 {
		s.Text = append(s.Text, fmt.Sprintf("The decision strips %s: that saves %s.", model.Plural(all.strippedModules, "module", "modules"), Bytes(all.stripped)))
	}
	if all.tried > 0 {
		s.Text = append(s.Text, fmt.Sprintf("Distilled in memory: %s, from %s to %s with .BTF.base (%s).", model.Plural(all.tried, "module", "modules"), Bytes(all.before), Bytes(all.after), change(all.before, all.after)))
	} else {
		s.Text = append(s.Text, "What distilling would cost is not known: no module needed it here, or a kernel does not take distilled BTF (6.11 is the first).")
	}
	if all.repeated > 0 {
		s.Text = append(s.Text, fmt.Sprintf("Types that the base has too take %s of it (%s): merging, when the modules were encoded, would have left them out.", Bytes(all.repeated), share(all.repeated, all.bytes)))
	}
	p := page.Treemap("BTF by folder and module", mapWidth, mapHeight, tiles)
	p.Caption = "An area is a number of bytes, a frame a folder. The colour is the worst that becomes of a module on any kernel here."
	for _, f := range []Fate{Fine, Bare, Open, Wrong} {
		text := f.String()
		if f == Wrong {
			text += ", or refused"
		}
		p.Legend = append(p.Legend, page.Key{Ink: fateInks[f], Text: text})
	}
	p.Legend = append(p.Legend, page.Key{Ink: page.InkOther, Text: "the smallest of a folder together"})
	s.Pictures, s.Tables = []page.Picture{p}, []page.Table{t}
	return s, true
}

var fateInks = [fateCount]page.Ink{Fine: page.InkPlain, Bare: page.InkNote, Wrong: page.InkBad, Refused: page.InkBad, Open: page.InkCare}

// worstOf is the worst that becomes of a module on any kernel.
func worstOf(m *model.ModuleDecision) Fate {
	var has [fateCount]bool
	if len(m.On) == 0 {
		has[FateOf(m.Verdict, m.Meaning)] = true
	}
	for i := range m.Windows {
		has[FateOf(m.Windows[i].Verdict, m.Windows[i].Meaning)] = true
	}
	for i := range m.On {
		has[FateOf(m.On[i].Verdict, m.On[i].Meaning)] = true
	}
	for _, f := range gravest {
		if has[f] {
			return f
		}
	}
	return Fine
}

// total adds up bytes of BTF.
type total struct {
	modules, strippedModules, tried int
	bytes, stripped, repeated       int64
	before, after                   int64 // of those that were distilled in memory
}

func (t *total) add(m *model.ModuleDecision) {
	t.modules++
	t.bytes += m.BTFBytes
	t.repeated += m.RepeatedBytes
	if m.Action == model.Strip {
		t.strippedModules++
		t.stripped += m.BTFBytes
	}
	if m.DistilledBytes > 0 {
		t.tried++
		t.before += m.BTFBytes
		t.after += m.DistilledBytes
	}
}

func (t *total) saved() string {
	if t.stripped == 0 {
		return "-"
	}
	return Bytes(t.stripped)
}

func (t *total) merged() string {
	if t.repeated == 0 {
		return "-"
	}
	return Bytes(t.repeated) + " (" + share(t.repeated, t.bytes) + ")"
}

func (t *total) cost() string {
	if t.tried == 0 {
		return "-"
	}
	return Bytes(t.after) + " (" + change(t.before, t.after) + ")"
}

// change spells how much larger or smaller something became.
func change(before, after int64) string {
	return fmt.Sprintf("%+.1f %%", 100*float64(after-before)/float64(before))
}
