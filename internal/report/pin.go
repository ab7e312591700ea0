package report

import (
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// PinText writes what pin did, for people: the outcome first, then what became
// of ids, then what could not be held. Verbose lists all of that.
func PinText(w io.Writer, p *model.Pin, o Options) error {
	t := newText(w, o)
	switch p.Outcome {
	case "started":
		t.f("STARTED  a series on %s: later releases can be pinned on it\n", where.Clean(p.New))
	case "no room":
		t.f("NO ROOM  %s cannot have the counts of %s: bump the ABI name (exit 4)\n", where.Clean(p.New), where.Clean(p.Old))
		t.f("         %s\n", where.Clean(p.NoRoom))
		if p.Types == 0 {
			t.f("  Next   kpkg-btf pin %s --slack 4096 -o FILE starts the next series\n", where.Clean(p.New))
			return t.w.Flush()
		}
		t.f("         what was written starts the next series\n")
	case "some lost":
		t.f("PINNED, BUT NOT ALL  %s on %s: some ids could not be held (exit 3)\n", where.Clean(p.New), where.Clean(p.Old))
	default:
		t.f("PINNED  %s on %s\n", where.Clean(p.New), where.Clean(p.Old))
	}
	counts := fmt.Sprintf("%d types, %d bytes of strings", int(p.Types), int(p.Strings))
	if p.Outcome == "pinned" || p.Outcome == "some lost" {
		counts += ", as in the older base"
	}
	t.f("\n  counts  %s\n", counts)
	if p.Old != "" && p.Outcome != "no room" {
		t.f("  kept    ids: %d, of them types of another layout: %d\n", p.Kept, p.Changed)
		t.f("  new     types: %d\n", p.Fresh)
		t.f("  gone    types: %d; nothing is found by their names\n", p.Vanished)
		if p.Sorted {
			t.f("  moved   types: %d, which the order of names left no place\n", p.Moved)
		}
		t.f("  filled  of the older base's slack: types %d, bytes %d\n", p.FilledTypes, p.FilledStrings)
	}
	t.pinSlack(p)
	t.pinLost(p)
	return t.w.Flush()
}

func (t *text) pinSlack(p *model.Pin) {
	t.f("  slack   left: types %d, bytes %d", p.SlackTypes, p.SlackStrings)
	if p.Sorted {
		t.f(" (%d of the types among those with a name)", p.SlackNamed)
	}
	t.f("\n")
	if p.Old == "" || p.Outcome == "no room" {
		return
	}
	lasts := -1
	for _, x := range [][2]int{{p.SlackTypes, p.FilledTypes}, {p.SlackStrings, p.FilledStrings}} {
		if x[1] > 0 && (lasts < 0 || x[0]/x[1] < lasts) {
			lasts = x[0] / x[1]
		}
	}
	if lasts < 0 {
		t.f("  lasts   this release took none of it\n")
		return
	}
	t.f("  lasts   releases like this one: %d more\n", lasts)
}

func (t *text) pinLost(p *model.Pin) {
	if p.Old == "" || p.Outcome == "no room" {
		return
	}
	if !p.References {
		t.f("\nWhat modules use of the older base is not known: record it with --refs.\n")
	}
	if len(p.Touched) > 0 {
		t.f("\nnot held, and used by modules of the older release: %d\n", len(p.Touched))
		for i, m := range p.Touched {
			if i == 3 && !t.verbose {
				t.f("  %d more modules (-v lists them)\n", len(p.Touched)-i)
				break
			}
			t.f("  %s: ids %s\n", where.Clean(m.Module), list(m.IDs, t.verbose))
			if len(m.Names) > 0 {
				t.f("    strings at %s\n", list(m.Names, t.verbose))
			}
		}
	}
	shown := 0
	for _, l := range p.Lost {
		if l.Modules == 0 && !t.verbose {
			continue
		}
		if shown++; shown > 3 && !t.verbose {
			t.f("  more ids: -v lists them\n")
			break
		}
		became := "gone"
		if l.To != 0 {
			became = fmt.Sprintf("now [%d]", l.To)
		}
		t.f("  %s: %s, modules that use it: %d\n", where.Clean(l.Label), became, l.Modules)
	}
}

func list(ids []uint32, all bool) string {
	var parts []string
	for i, id := range ids {
		if i == 8 && !all {
			parts = append(parts, fmt.Sprintf("and %d more", len(ids)-i))
			break
		}
		parts = append(parts, fmt.Sprint(id))
	}
	return strings.Join(parts, ", ")
}
