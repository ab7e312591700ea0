package judge

import (
	"cmp"
	"slices"
	"strings"

	"kpkg-btf/internal/abi"
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/diff"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/where"
)

// TypeSide is one side of TypeDiff: a base and what uses it.
type TypeSide struct {
	base  *kernel.Base
	ref   model.ReleaseRef
	roots []diff.Root // exported symbols, then modules
	// symbols of the roots are exported symbols; undescribed ones are none.
	symbols, undescribed int
}

// NewTypeSide takes from a release what TypeDiff needs of it, so that the
// facts of its modules can be let go. A release without a base is inconclusive.
func NewTypeSide(r *release.Release) (*TypeSide, error) {
	b, err := kernel.BaseOf(r)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, baseless(r)
	}
	m, err := r.Record("")
	if err != nil {
		return nil, err
	}
	s := &TypeSide{base: b, ref: refOf(r, m)}
	s.ref.Base = b.Ref()
	s.exports(r.Symvers)
	if err := s.modules(r); err != nil {
		return nil, err
	}
	return s, nil
}

// modules adds what the split BTF of the modules uses of the base.
func (s *TypeSide) modules(r *release.Release) error {
	for _, m := range r.Modules {
		if m.Facts.BTF.Len() == 0 || m.Facts.BTFBase.Len() > 0 {
			continue // a distilled one names no ids of the base
		}
		split, err := btf.ParseSplit(m.Facts.BTF.Bytes(), s.base.Raw)
		if err != nil {
			return m.Source.In(where.In(".BTF", err))
		}
		s.roots = append(s.roots, diff.ModuleRoot(m.Name(), split))
	}
	return nil
}

// baseless says what to give for a release without a base.
func baseless(r *release.Release) error {
	if r.Doc != nil && r.Doc.Base != nil && len(r.Packages) > 0 {
		return where.In(r.Packages[0].File, where.New(where.Inconclusive, "the base of this manifest is not beside it (%s)", manifest.BaseName(r.Doc.Base.SHA256)).
			WithHint("keep the file that record wrote with the manifest, or give the package with the image"))
	}
	return where.In(r.Key.String(), where.New(where.Inconclusive, "no base BTF in the inputs").
		WithHint("give the package with vmlinuz, or linux-headers with its vmlinux, or a file of BTF"))
}

func (s *TypeSide) exports(t *symvers.Table) {
	for _, x := range t.Symbols() {
		if x.Owner != symvers.Vmlinux {
			continue
		}
		id, d := abi.Describe(s.base.Raw, x.Name)
		if d != abi.Described {
			s.undescribed++
			continue
		}
		s.roots = append(s.roots, diff.Root{Name: x.Name, ByValue: []btf.ID{id}, Any: []btf.ID{id}})
	}
	s.symbols = len(s.roots)
}

// TypeDiff tells what changed between the bases of two sides. At most limit
// changes, additions and removals each are listed; a negative limit lists all.
func TypeDiff(old, new *TypeSide, limit int) *model.TypeDiff {
	doc := &model.TypeDiff{Schema: model.DiffSchema, Old: old.ref, New: new.ref,
		Identical: old.base.Sum == new.base.Sum,
		Reach: model.ReachScope{Symbols: new.symbols, Undescribed: new.undescribed, Modules: len(new.roots) - new.symbols,
			OldSymbols: old.symbols, OldModules: len(old.roots) - old.symbols},
		Changed: []model.TypeChange{}, Added: []model.TypeItem{}, Removed: []model.TypeItem{}}
	d := diff.Compare(old.base.Raw, new.base.Raw)
	doc.Same = d.Same()
	if d.OldFillers+d.NewFillers > 0 {
		doc.Fillers = &model.Fillers{Old: d.OldFillers, New: d.NewFillers}
	}
	doc.Kinds = kindDeltas(d)
	doc.Moved = moved(old.base.Raw, new.base.Raw)
	was, is := newAsker(old), newAsker(new)
	for i := range capAt(d.Changed, limit, &doc.Omitted.Changed) {
		doc.Changed = append(doc.Changed, typeChange(d, &d.Changed[i], is))
	}
	for i := range capAt(d.Added, limit, &doc.Omitted.Added) {
		doc.Added = append(doc.Added, typeItem(&d.Added[i], d.AddedText(&d.Added[i]), is))
	}
	for i := range capAt(d.Removed, limit, &doc.Omitted.Removed) {
		doc.Removed = append(doc.Removed, typeItem(&d.Removed[i], d.RemovedText(&d.Removed[i]), was))
	}
	return doc
}

func capAt[T any](list []T, limit int, omitted *int) []T {
	if limit < 0 || len(list) <= limit {
		return list
	}
	*omitted = len(list) - limit
	return list[:limit]
}

func kindDeltas(d *diff.Diff) []model.KindDelta {
	out := []model.KindDelta{}
	for _, k := range d.Kinds {
		out = append(out, model.KindDelta{Kind: strings.ToLower(k.Kind.String()), Old: k.Old, New: k.New, Added: k.Added, Removed: k.Removed, Changed: k.Changed})
	}
	return out
}

func typeChange(d *diff.Diff, c *diff.Change, is *asker) model.TypeChange {
	return model.TypeChange{
		Kind: strings.ToLower(c.New.Kind.String()), Name: c.New.Name, OldID: uint32(c.Old.ID), NewID: uint32(c.New.ID),
		OldSize: c.Old.Size, NewSize: c.New.Size, NamesOnly: c.NamesOnly, Text: d.Sentence(c), C: d.Lines(c), Used: is.used(c.New.ID),
	}
}

func typeItem(i *diff.Item, c []string, a *asker) model.TypeItem {
	return model.TypeItem{Kind: strings.ToLower(i.Kind.String()), Name: i.Name, Label: i.Label(), ID: uint32(i.ID), Size: i.Size, C: c, Used: a.used(i.ID)}
}

// asker asks what reaches the types of one side.
type asker struct {
	side  *TypeSide
	reach *diff.Reach
}

func newAsker(s *TypeSide) *asker { return &asker{s, diff.NewReach(s.base.Raw, s.roots)} }

func (a *asker) used(id btf.ID) model.Used {
	h := a.reach.Of(id)
	var u model.Used
	u.SymbolsByValue, u.ModulesByValue = a.users(h.ByValue)
	u.SymbolsPointer, u.ModulesPointer = a.users(h.Pointer)
	return u
}

// shownUsers bounds the names listed of what reaches one type.
const shownUsers = 5

// users parts roots into symbols and modules.
func (a *asker) users(roots []int) (symbols, modules model.Users) {
	for _, i := range roots {
		u := &symbols
		if i >= a.side.symbols {
			u = &modules
		}
		u.Count++
		if len(u.First) < shownUsers {
			u.First = append(u.First, a.side.roots[i].Name)
		}
	}
	return symbols, modules
}

// shownShifts bounds the distances that are listed.
const shownShifts = 4

// moved counts the types of both bases, anonymous ones included, by how far
// their ids moved. Types of one class are paired in the order of their ids.
func moved(old, new *btf.Raw) model.MovedIDs {
	c := meaning.Classify(old, new)
	ids := make([][]btf.ID, c.NumClasses(meaning.Deep))
	for id := btf.ID(1); uint32(id) < old.NumTypes(); id++ {
		k := c.Class(meaning.Deep, meaning.Old, id)
		ids[k] = append(ids[k], id)
	}
	m := model.MovedIDs{By: []model.IDShift{}}
	by := map[int]int{}
	for id := btf.ID(1); uint32(id) < new.NumTypes(); id++ {
		list := &ids[c.Class(meaning.Deep, meaning.New, id)]
		if len(*list) == 0 {
			continue
		}
		was := (*list)[0]
		*list = (*list)[1:]
		if was == id {
			m.InPlace++
			continue
		}
		m.Moved++
		by[int(id)-int(was)]++
	}
	for d, n := range by {
		m.By = append(m.By, model.IDShift{By: d, Count: n})
	}
	slices.SortFunc(m.By, func(a, b model.IDShift) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.By, b.By))
	})
	m.By = m.By[:min(len(m.By), shownShifts)]
	return m
}

// PairSides finds the one release of each set that TypeDiff compares.
func PairSides(old, new *release.Loaded) (o, n *release.Release, err error) {
	if len(old.Releases) == 1 && len(new.Releases) == 1 {
		return old.Releases[0], new.Releases[0], nil
	}
	for _, r := range new.Releases {
		p := partner(r, old.Releases)
		if p == nil {
			continue
		}
		if n != nil {
			return nil, nil, where.New(where.Inconclusive, "several releases could be compared (%s, %s)", n.Key, r.Key).
				WithHint("give the packages of one release on each side")
		}
		o, n = p, r
	}
	if n == nil {
		return nil, nil, where.New(where.Inconclusive, "the old set holds %s, the new one %s: no release of the same architecture and flavour to compare with",
			names(old.Releases), names(new.Releases))
	}
	return o, n, nil
}
