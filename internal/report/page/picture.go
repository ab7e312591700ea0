package page

import (
	"slices"
	"strconv"
)

// Picture is an SVG of rectangles and words.
type Picture struct {
	Title         string
	Width, Height int
	Shapes        []Shape
	Labels        []Label
	Caption       string
	Legend        []Key
}

// Shape is one rectangle. Ink names its colour.
type Shape struct {
	X, Y, W, H string
	Ink        Ink
	Opacity    string // "" for 1
	Title      string // what it is, for a pointer that rests on it
}

// Layer are the shapes of one ink.
type Layer struct {
	Ink    Ink
	Shapes []Shape
}

// Layers parts the shapes by ink, in the order in which inks are first used.
func (p *Picture) Layers() []Layer {
	var out []Layer
	at := map[Ink]int{}
	for _, s := range p.Shapes {
		n, ok := at[s.Ink]
		if !ok {
			n = len(out)
			at[s.Ink] = n
			out = append(out, Layer{Ink: s.Ink})
		}
		out[n].Shapes = append(out[n].Shapes, s)
	}
	return out
}

// Label is a word in a picture.
type Label struct {
	X, Y, Text string
	Class      string
}

// Key explains an ink.
type Key struct {
	Ink  Ink
	Text string
}

// Ink is a colour by what it stands for. Its Fill is for readers that block
// styles; the style has one for light and one for dark.
type Ink string

const (
	InkGood   Ink = "good"
	InkNote   Ink = "note"
	InkCare   Ink = "care"
	InkBad    Ink = "bad"
	InkPlain  Ink = "plain"
	InkOther  Ink = "other"
	InkHole   Ink = "hole"
	InkFrame  Ink = "frame"
	InkPoints Ink = "points"
)

// Fill is the colour without a style.
func (i Ink) Fill() string {
	return map[Ink]string{InkGood: "#9ccfa4", InkNote: "#b9c6d8", InkCare: "#f0cd7a", InkBad: "#eb9a92", InkPlain: "#a9c4e4", InkOther: "#cfdcee",
		InkHole: "#d9534f", InkFrame: "none", InkPoints: "#1d5fa8"}[i]
}

// Number spells a coordinate.
func Number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 32) }

// Tile is something with a size in a treemap.
type Tile struct {
	Name  string // of a group
	Title string
	Size  int64
	Ink   Ink
	Tiles []Tile // of a group
}

// A treemap's groups have a line of text above their tiles where there is room.
const (
	headHeight = 13
	minHead    = 44  // wide, and high
	minTile    = 4   // along its shorter side; what is smaller is one tile
	glyph      = 6.2 // the width of a letter
)

// Treemap draws groups of tiles, areas as sizes are. Equal sizes stand in the
// order given.
func Treemap(title string, width, height int, groups []Tile) Picture {
	p := Picture{Title: title, Width: width, Height: height}
	tiles(groups, box{0, 0, float64(width), float64(height)}, func(g *Tile, b box) {
		p.add(b, InkFrame, g.Title)
		inner := box{b.x + 1, b.y + 1, b.w - 2, b.h - 2}
		if b.w >= minHead && b.h >= minHead {
			p.Labels = append(p.Labels, Label{Number(round(b.x + 3)), Number(round(b.y + headHeight - 3)), tail(g.Name, int((b.w-6)/glyph)), "t"})
			inner.y += headHeight - 1
			inner.h -= headHeight - 1
		}
		if inner.w <= 0 || inner.h <= 0 {
			return
		}
		tiles(merge(g, inner.w*inner.h), inner, func(t *Tile, b box) { p.add(b, t.Ink, t.Title) })
	})
	return p
}

func (p *Picture) add(b box, ink Ink, title string) {
	p.Shapes = append(p.Shapes, Shape{X: Number(round(b.x)), Y: Number(round(b.y)), W: Number(round(b.w)), H: Number(round(b.h)), Ink: ink, Title: title})
}

func round(f float64) float64 { return float64(int(f*10+0.5)) / 10 }

// tail is the end of a path that fits.
func tail(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return "…" + string(r[len(r)-max(n-1, 0):])
	}
	return text
}

// merge makes one tile of those that would be too small to be seen.
func merge(g *Tile, area float64) []Tile {
	var out []Tile
	small := Tile{Ink: InkOther}
	n := 0
	for _, t := range g.Tiles {
		if float64(t.Size)/float64(max(g.Size, 1))*area < minTile*minTile {
			small.Size += t.Size
			n++
			continue
		}
		out = append(out, t)
	}
	if n > 0 {
		small.Title = g.Name + ": the " + strconv.Itoa(n) + " smallest"
		out = append(out, small)
	}
	return out
}

type box struct{ x, y, w, h float64 }

// tiles lays tiles out in a box, rows of them as square as can be (Bruls,
// Huizing, van Wijk, "Squarified Treemaps", 2000).
func tiles(list []Tile, b box, place func(*Tile, box)) {
	order := make([]*Tile, 0, len(list))
	total := 0.0
	for i := range list {
		if list[i].Size > 0 {
			order = append(order, &list[i])
			total += float64(list[i].Size)
		}
	}
	slices.SortStableFunc(order, func(a, b *Tile) int {
		switch {
		case a.Size > b.Size:
			return -1
		case a.Size < b.Size:
			return 1
		}
		return 0
	})
	for len(order) > 0 && b.w > 0 && b.h > 0 {
		scale := b.w * b.h / total
		side := min(b.w, b.h)
		n, sum := 1, float64(order[0].Size)
		for n < len(order) {
			next := sum + float64(order[n].Size)
			if worst(order[:n+1], next, scale, side) > worst(order[:n], sum, scale, side) {
				break
			}
			n, sum = n+1, next
		}
		thick := sum * scale / side
		at := 0.0
		for _, t := range order[:n] {
			long := float64(t.Size) * scale / thick
			if b.w >= b.h {
				place(t, box{b.x, b.y + at, thick, long})
			} else {
				place(t, box{b.x + at, b.y, long, thick})
			}
			at += long
		}
		if b.w >= b.h {
			b.x, b.w = b.x+thick, b.w-thick
		} else {
			b.y, b.h = b.y+thick, b.h-thick
		}
		order, total = order[n:], total-sum
	}
}

// worst is the least square tile of a row along a side.
func worst(row []*Tile, sum, scale, side float64) float64 {
	area := sum * scale
	most, least := float64(row[0].Size)*scale, float64(row[len(row)-1].Size)*scale
	return max(side*side*most/(area*area), area*area/(side*side*least))
}
