package encounter

import (
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/ids"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/where"
)

// Registered are the sets of BTF ids that a module's init hands to the kernel.
func Registered(f *kmod.Facts) verdict.Registered {
	reg := verdict.Registered{RegistersDtors: imports(f, "register_btf_id_dtor_kfuncs")}
	if f.IDs == nil || !imports(f, "register_btf_kfunc_id_set") {
		return reg
	}
	reg.Kfuncs = kfuncsOf(f.IDs.KfuncSets())
	return reg
}

func kfuncsOf(sets []ids.Set) (out []verdict.Kfuncs) {
	for _, s := range sets {
		out = append(out, verdict.Kfuncs{Name: s.Name, Flags: s.Flags, IDs: s.IDs, PairFlags: s.PairFlags})
	}
	return out
}

// OwnKfuncs is what a kernel does at boot with its own sets of kfuncs.
func OwnKfuncs(k *kernel.Kernel, sets []ids.Set) verdict.Init {
	if k.Rules() == nil {
		return verdict.Init{OK: true}
	}
	return k.Rules().InitOwn(kfuncsOf(sets))
}

func imports(f *kmod.Facts, name string) bool {
	for i := range f.Imports {
		if f.Imports[i].Name == name {
			return true
		}
	}
	return false
}

// Lists are plain lists of BTF ids, which no kernel checks or relocates.
type Lists struct {
	Names []string // of the types they name, sorted
	// Unsure: nothing says which words they are.
	Unsure bool
}

// Any reports whether there may be one.
func (l *Lists) Any() bool { return l.Unsure || len(l.Names) > 0 }

// lists finds the plain lists of a module, and those that would be compared
// with other types on the kernel.
func (c *Cell) lists(k *kernel.Kernel, m *Module, bases *Bases) {
	f := m.types()
	if f == nil || f.IDs == nil {
		return
	}
	ids := f.IDs
	if !ids.Located {
		unsure := len(f.IDWords()) > 0
		c.Lists.Unsure = unsure
		c.Stale.Unsure = unsure && !sameBase(k, m.Build.On)
		return
	}
	other := otherThere(k, m, bases)
	for _, w := range ids.Words {
		if w.Set >= 0 || w.ID == 0 {
			continue
		}
		c.Lists.Names = append(c.Lists.Names, w.Name)
		if other(btf.ID(w.ID)) {
			c.Stale.Names = append(c.Stale.Names, w.Name)
		}
	}
	for _, l := range []*Lists{&c.Lists, &c.Stale} {
		slices.Sort(l.Names)
		l.Names = slices.Compact(l.Names)
	}
}

// otherThere reports whether an id of a module's list is another type on the
// kernel. Where the bases cannot be compared, every id of a base is.
func otherThere(k *kernel.Kernel, m *Module, bases *Bases) func(btf.ID) bool {
	on := m.Build.On
	switch {
	case sameBase(k, on):
		return func(btf.ID) bool { return false }
	case on != nil && on.Base != nil && k.Base != nil:
		cl := bases.classes(k, on)
		return func(id btf.ID) bool {
			return uint32(id) < on.Base.Raw.NumTypes() && !(cl.InPlace(meaning.Identity, id) && cl.InPlace(meaning.ByValue, id))
		}
	case on != nil && on.Base != nil:
		return func(id btf.ID) bool { return uint32(id) < on.Base.Raw.NumTypes() }
	case k.Base != nil:
		return func(id btf.ID) bool { return uint32(id) < k.Base.Raw.NumTypes() }
	}
	return func(btf.ID) bool { return true }
}

// relocatedIDs are the members of a module's id sets after it was distilled.
func relocatedIDs(f *kmod.Facts, ids func(btf.ID) (btf.ID, bool)) (out []btf.ID, err error) {
	if f.IDs == nil {
		return nil, nil
	}
	if !f.IDs.Located && len(f.IDWords()) > 0 {
		return nil, where.New(where.Unsupported, "cannot be distilled: nothing says which words of .BTF_ids are ids")
	}
	for _, w := range f.IDs.Words {
		if w.Set < 0 || w.ID == 0 {
			continue
		}
		id, ok := ids(btf.ID(w.ID))
		if !ok {
			return nil, where.New(where.Unsupported, "cannot be distilled: the id of %s in .BTF_ids is a type that the module does not refer to", w.Name)
		}
		out = append(out, id)
	}
	return out, nil
}
