package page

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The digests in the policy are those of what stands in the page.
func TestPolicy(t *testing.T) {
	var b strings.Builder
	if err := (&Page{Title: "t"}).Render(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	csp := html.UnescapeString(between(t, text, `Content-Security-Policy content="`, `">`))
	for _, tag := range []string{"style", "script"} {
		sum := sha256.Sum256([]byte(between(t, text, "<"+tag+">", "</"+tag+">")))
		if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(csp, want) {
			t.Errorf("%s is not in %s", want, csp)
		}
	}
}

func between(t *testing.T, text, a, b string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, a)
	out, _, found := strings.Cut(rest, b)
	if !ok || !found {
		t.Fatalf("nothing between %q and %q", a, b)
	}
	return out
}

// Areas are as sizes are, tiles stay within the picture.
func TestTreemap(t *testing.T) {
	var groups []Tile
	total := int64(0)
	for g := range int64(9) {
		group := Tile{Name: strconv.Itoa(int(g)), Title: "group"}
		for i := range int64(20) {
			tile := Tile{Title: "tile", Size: 1000 + 300*i*g, Ink: InkPlain}
			group.Tiles = append(group.Tiles, tile)
			group.Size += tile.Size
		}
		total += group.Size
		groups = append(groups, group)
	}
	p := Treemap("t", 1000, 500, groups)
	frames, area := 0, 0.0
	number := func(s string) float64 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, s := range p.Shapes {
		x, y, w, h := number(s.X), number(s.Y), number(s.W), number(s.H)
		if x < 0 || y < 0 || x+w > 1000.2 || y+h > 500.2 || w < 0 || h < 0 {
			t.Errorf("out of the picture: %+v", s)
		}
		if s.Ink == InkFrame {
			frames++
			area += w * h
		}
	}
	if frames != len(groups) || math.Abs(area-500000) > 500 {
		t.Errorf("%d frames, area %f", frames, area)
	}
}

// What would be too small is one tile, and the caption of it counts.
func TestSmallTiles(t *testing.T) {
	g := Tile{Name: "g", Size: 100100, Tiles: []Tile{{Size: 100000, Title: "big", Ink: InkBad}}}
	for range 100 {
		g.Tiles = append(g.Tiles, Tile{Size: 1, Title: "small", Ink: InkGood})
	}
	p := Treemap("t", 200, 200, []Tile{g})
	if n := len(p.Shapes); n != 3 || p.Shapes[2].Title != "g: the 100 smallest" {
		t.Errorf("%d shapes: %+v", n, p.Shapes)
	}
}

func TestLayers(t *testing.T) {
	p := Picture{Shapes: []Shape{{Ink: InkBad, X: "1"}, {Ink: InkGood}, {Ink: InkBad, X: "2"}}}
	l := p.Layers()
	if len(l) != 2 || l[0].Ink != InkBad || len(l[0].Shapes) != 2 || l[0].Shapes[1].X != "2" {
		t.Errorf("%+v", l)
	}
	for _, ink := range []Ink{InkGood, InkNote, InkCare, InkBad, InkPlain, InkOther, InkHole, InkFrame, InkPoints} {
		if ink.Fill() == "" || ink != InkFrame && !strings.Contains(style, "g."+string(ink)+"{") {
			t.Errorf("%s has no colour", ink)
		}
	}
}

func TestProse(t *testing.T) {
	for text, want := range map[string][]span{
		"":                       nil,
		"plain":                  {{false, "plain"}},
		"policy `a: b` and `c`":  {{false, "policy "}, {true, "a: b"}, {false, " and "}, {true, "c"}},
		"one ` alone, `x` ` too": {{false, "one "}, {true, " alone, "}, {false, "x"}, {true, " "}, {false, " too"}},
		"end `":                  {{false, "end "}, {false, "`"}},
	} {
		if got := prose(text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
