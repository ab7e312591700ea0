package release

import "kpkg-btf/internal/model"

// Vermagic is what the release's kernel wants of a module (check_modinfo): its
// image tells, else most of the modules that were built with it, which have it.
// Those from elsewhere are not asked: how many of one sort somebody installed
// says nothing of this kernel. "" when nothing tells.
func (r *Release) Vermagic() string {
	if im := r.BootImage(); im != nil && im.Facts.Vermagic != "" {
		return im.Facts.Vermagic
	}
	seen := model.Counter{}
	count := func(intree bool, vermagic string) {
		if intree && vermagic != "" {
			seen.Add(vermagic)
		}
	}
	for _, m := range r.Modules {
		count(m.Facts.Modinfo.Intree, m.Facts.Modinfo.Vermagic)
	}
	if r.Doc != nil {
		for i := range r.Doc.Modules {
			count(r.Doc.Modules[i].Intree, r.Doc.Modules[i].Vermagic)
		}
	}
	if list := seen.Sorted(); len(list) > 0 {
		return list[0].Word
	}
	return ""
}
