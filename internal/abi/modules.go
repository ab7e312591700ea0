package abi

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
)

// ModuleSet is the modules of one kernel by path; paths may be relative to any
// root and carry any end that model.ModuleStem cuts.
type ModuleSet struct {
	Loadable []string
	// BuiltIn is modules.builtin; nil when it is not known.
	BuiltIn []string
}

// ModuleChange is one module by its normalised name, with the paths as given
// on the sides that have it, "" on the other.
type ModuleChange struct{ Name, Old, New string }

// Modules is the difference of two module sets. Every list is sorted by name.
type Modules struct {
	OldCount, NewCount int // loadable modules by name
	Kept               int // loadable on both sides

	New      []ModuleChange // loadable in new, neither loadable nor built in in old
	Vanished []ModuleChange // loadable in old, neither in new
	// BecameBuiltIn are loadable in old and built in in new: they cannot be
	// loaded until reboot. BecameLoadable is the reverse.
	BecameBuiltIn  []ModuleChange
	BecameLoadable []ModuleChange
	// LostBuiltIn are built in in old and nothing in new.
	LostBuiltIn []ModuleChange
	Moved       []ModuleChange // loadable on both sides in different folders
	// BuiltInKnown says that both sides have a list of built-in modules. When
	// not, Vanished may hold modules that became built in, and New the reverse.
	BuiltInKnown bool
	// Duplicates are names that two loadable modules of one side share, "-"
	// and "_" being the same: the kernel loads the first and refuses the second.
	Duplicates []ModuleChange
}

// CompareModules tells which modules came, went or became built in.
func CompareModules(old, new ModuleSet) *Modules {
	m := &Modules{BuiltInKnown: old.BuiltIn != nil && new.BuiltIn != nil}
	oldLoad, oldDups := byName(old.Loadable)
	newLoad, newDups := byName(new.Loadable)
	oldIn, _ := byName(old.BuiltIn)
	newIn, _ := byName(new.BuiltIn)
	m.OldCount, m.NewCount = len(oldLoad), len(newLoad)
	for _, name := range slices.Sorted(maps.Keys(oldLoad)) {
		c := ModuleChange{Name: name, Old: oldLoad[name]}
		if p, ok := newLoad[name]; ok {
			m.Kept++
			if c.New = p; folder(c.Old) != folder(c.New) {
				m.Moved = append(m.Moved, c)
			}
		} else if p, ok := newIn[name]; ok {
			c.New = p
			m.BecameBuiltIn = append(m.BecameBuiltIn, c)
		} else {
			m.Vanished = append(m.Vanished, c)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(newLoad)) {
		if _, ok := oldLoad[name]; ok {
			continue
		}
		c := ModuleChange{Name: name, Old: oldIn[name], New: newLoad[name]}
		if c.Old != "" {
			m.BecameLoadable = append(m.BecameLoadable, c)
		} else {
			m.New = append(m.New, c)
		}
	}
	if m.BuiltInKnown {
		m.LostBuiltIn = lost(oldIn, newIn, newLoad)
	}
	m.Duplicates = duplicates(oldDups, newDups)
	return m
}

// byName indexes paths; of two with one name the lesser path stays.
func byName(paths []string) (index map[string]string, dups []ModuleChange) {
	index = make(map[string]string, len(paths))
	sorted := slices.Compact(slices.Sorted(slices.Values(paths)))
	for _, p := range sorted {
		name := model.ModuleName(p)
		if _, ok := index[name]; ok {
			dups = append(dups, ModuleChange{Name: name, New: p})
			continue
		}
		index[name] = p
	}
	return index, dups
}

func lost(oldIn, newIn, newLoad map[string]string) (out []ModuleChange) {
	for _, name := range slices.Sorted(maps.Keys(oldIn)) {
		if newIn[name] == "" && newLoad[name] == "" {
			out = append(out, ModuleChange{Name: name, Old: oldIn[name]})
		}
	}
	return out
}

// duplicates puts each second path on the side it was found on.
func duplicates(old, new []ModuleChange) []ModuleChange {
	out := slices.Clone(new)
	for _, d := range old {
		out = append(out, ModuleChange{Name: d.Name, Old: d.New})
	}
	slices.SortFunc(out, func(a, b ModuleChange) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Old, b.Old), strings.Compare(a.New, b.New))
	})
	return out
}

// folder is the directory of a module below lib/modules/<release>, so that
// releases of different names and usr-merge compare.
func folder(p string) string {
	p = strings.TrimPrefix(path.Clean("/"+p), "/")
	p = strings.TrimPrefix(p, "usr/")
	if rest, ok := strings.CutPrefix(p, "lib/modules/"); ok {
		_, p, _ = strings.Cut(rest, "/")
	}
	return path.Dir(p)
}
