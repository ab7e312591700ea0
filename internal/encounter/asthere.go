package encounter

import (
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
)

// takenAsThere reports whether a kernel takes a module of which only references
// are kept, as the module's own kernel does: both ask the same of BTF, its own one
// takes it with its ids, and all that it reads of the base is on the kernel what it
// is present, in its place, embedded types with their layout, as many types and bytes
// of strings below its own. Then no check of a kernel sees a difference. False
// where that is not shown, which says nothing.
func takenAsThere(k *kernel.Kernel, m *Module, bases *Bases) bool {
	on := m.Build.On
	switch {
	case m.Refs == nil || m.kind() != manifest.BTFSplit || m.Refs.UnsureIDs || on == nil || on.Base == nil || k.Rules() == nil || !sameForm(k, on):
		return false
	case m.Record.Self == nil || m.Record.Self.Verdict != model.Attached:
		return false
	}
	here, there := k.Base.Raw, on.Base.Raw
	if here.NumTypes() != there.NumTypes() || here.StrLen() != there.StrLen() {
		return false
	}
	if res := bases.classes(k, on).JudgeRefs(&m.Refs.Refs); !gate(&res) {
		return false
	}
	return !m.registers("register_btf_kfunc_id_set") || takesKfuncs(k, m.Refs.Kfuncs)
}

// takesKfuncs reports whether a kernel takes kfuncs of these names as another one
// of the same rules did: of iterators it looks at what the prototype points to,
// which is not kept, and since 7.2 its own base may have no function of a name.
func takesKfuncs(k *kernel.Kernel, names []string) bool {
	p := k.Rules().Profile()
	switch {
	case !p.KfuncProtoCheck:
		return true
	case len(names) == 0 || slices.ContainsFunc(names, iterator):
		return false
	case !p.KfuncDuplicate:
		return true
	}
	return !slices.ContainsFunc(names, func(name string) bool {
		_, ok := k.Base.Raw.Find(btf.Func, name)
		return ok
	})
}
