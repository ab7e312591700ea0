package manifest

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/model"
)

// ReadRefs reads references, by the rules of Read. What it holds grows with the
// text, at most 4 bytes for each 2 of it. Whether it belongs to a manifest is for
// Check to say.
func ReadRefs(text []byte) (*Refs, error) {
	r := &refsReader{x: &Refs{}}
	if err := r.read(text, refsKind, r.content, r.finish); err != nil {
		return nil, err
	}
	r.x.Tool = r.tool
	return r.x, nil
}

// refsReader fills Refs from a sealed text.
type refsReader struct {
	docReader
	x *Refs
}

func (r *refsReader) content(key string) bool {
	switch key {
	case "manifest":
		r.x.Manifest = r.sum()
	case "release":
		r.x.Release = r.text()
	case "arch":
		r.x.Arch = model.Arch(r.text())
	case "modules":
		r.x.Modules = listOf(&r.docReader, key, maxModules, r.module, orderRefs, ModuleRefs.fault)
	default:
		return false
	}
	return true
}

func (r *refsReader) finish() {
	if msg := r.x.headFault(); msg != "" {
		r.failBody(msg)
	}
}

func (r *refsReader) module() (m ModuleRefs) {
	var pointees []btf.ID
	r.object("modules", func(key string) bool {
		switch key {
		case "path":
			m.Path = r.text()
		case "own_types":
			m.OwnTypes = r.boolean()
		case "own_names":
			m.OwnNames = r.boolean()
		case "embedded":
			m.Embedded = readDeltas[btf.ID](r.decoder)
		case "types":
			pointees = readDeltas[btf.ID](r.decoder)
		case "ids":
			m.IDs = readDeltas[btf.ID](r.decoder)
		case "unsure_ids":
			m.UnsureIDs = r.boolean()
		default:
			for rule := range m.Names {
				if key == nameKey(meaning.NameRule(rule)) {
					m.Names[rule] = readDeltas[btf.StrOff](r.decoder)
					return true
				}
			}
			return false
		}
		return true
	})
	// A type in both lists comes twice, which fault refuses.
	m.Types = slices.Concat(m.Embedded, pointees)
	slices.Sort(m.Types)
	return m
}

// readDeltas reads a list: numbers from 1, one blank between two, none signed
// or with a zero before it, and no sum beyond 32 bits.
func readDeltas[T ~uint32](d *decoder) []T {
	s := d.Token()
	text, ok := s.(string)
	if !ok {
		d.Malformed("want a string of numbers")
		return nil
	}
	out := make([]T, 0, min(strings.Count(text, " ")+1, len(text)/2+1))
	sum := uint64(0)
	for word := range strings.SplitSeq(text, " ") {
		n, err := strconv.ParseUint(word, 10, 32)
		if sum += n; err != nil || n == 0 || word[0] < '1' || word[0] > '9' || sum > math.MaxUint32 {
			d.Malformed("want numbers from 1, one blank between two, and no sum beyond 32 bits")
			return nil
		}
		out = append(out, T(sum))
	}
	return out
}
