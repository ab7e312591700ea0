package evidence

import "kpkg-btf/internal/btf"

// versionEntry is sizeof(struct modversion_info) on every architecture
// (include/linux/module.h: the name's length makes up for the long).
const versionEntry = 64

// versionArray notes an own array of struct modversion_info.
func (j *judge) versionArray() {
	v := j.base.version
	if v == 0 {
		return
	}
	elem, _, n := j.t.Array()
	for range chainMax {
		if elem == v {
			j.verArrays++
			j.verMatch = j.verMatch || int(n) == j.entries
			return
		}
		t, ok := j.split.Record(elem)
		if !ok || t.Kind != btf.Const {
			return
		}
		elem = t.Ref()
	}
}

// versions compares the array with the section.
func (j *judge) versions() {
	if j.entries == 0 || j.base.version == 0 {
		return
	}
	j.looked(Versions)
	switch {
	case j.verArrays == 0:
		j.hitAt(ruleVersions, 0, "__versions has %d entries, but no type is an array of %s", j.entries, j.label(j.base.version))
	case !j.verMatch:
		j.hitAt(ruleVersions, 0, "__versions has %d entries, but no array of %s is of that length", j.entries, j.label(j.base.version))
	}
}

// versionType finds struct modversion_info, 0 when there is none, or when the
// base has an array of it: then a module's may have been merged with that.
func (b *Base) versionType() btf.ID {
	t, ok := b.raw.Find(btf.Struct, "modversion_info")
	if !ok || t.SizeType != versionEntry {
		return 0
	}
	for a := range b.raw.Types {
		if a.Kind != btf.Array {
			continue
		}
		elem, _, _ := a.Array()
		for range chainMax {
			if elem == t.ID {
				return 0
			}
			e, ok := b.raw.Record(elem)
			if !ok || e.Kind != btf.Const {
				break
			}
			elem = e.Ref()
		}
	}
	return t.ID
}
