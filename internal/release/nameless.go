package release

import (
	"bytes"
	"path"
	"slices"

	"kpkg-btf/internal/where"
)

// isText reports whether files of a role are texts about a release, which do not
// name it themselves.
func (r role) isText() bool {
	return r == roleConfig || r == roleSymvers || r == roleBuiltin || r == roleOrder || r == roleDep
}

// unusedKinds are the anomalies of texts that are not looked at.
var unusedKinds = map[role]AnomalyKind{roleConfig: ConfigUnused, roleSymvers: SymversUnused, roleBuiltin: BuiltinUnused}

// placeTexts settles which release the texts without a name in their path are
// of: that of the package they are in, or of the vmlinux beside them in a build
// tree; else, where a text is the only one of its role in the whole set, the only
// release there is. The others count for none: they come back, to be named, or
// as an error where somebody gave the file by itself and nothing says what it is.
func placeTexts(items []*item) (used, unused []*item, err error) {
	inPackage, beside, all := map[*Package][]string{}, map[Source]string{}, []string{}
	add := func(list []string, name string) []string {
		if name == "" || slices.Contains(list, name) {
			return list
		}
		return append(list, name)
	}
	for _, it := range items {
		if it.role.isText() && it.err == nil && it.place.release == "" {
			continue
		}
		inPackage[it.pkg] = add(inPackage[it.pkg], it.place.release)
		all = add(all, it.place.release)
		if it.image != nil && it.source.Path != "" {
			beside[Source{it.pkg.File, path.Dir(it.source.Path)}] = it.place.release
		}
	}
	for _, it := range items {
		if !it.role.isText() || it.place.release != "" {
			used = append(used, it)
			continue
		}
		switch own := inPackage[it.pkg]; {
		case it.pkg.Version != "" && len(own) == 1:
			it.place.release = own[0]
		case it.source.Path != "" && beside[Source{it.pkg.File, path.Dir(it.source.Path)}] != "":
			it.place.release = beside[Source{it.pkg.File, path.Dir(it.source.Path)}]
		case it.err != nil, alone(it, items) && len(all) == 1:
			if len(all) == 1 {
				it.place.release = all[0]
			}
		case it.source.Path == "" && len(all) != 1:
			if err == nil {
				err = it.source.In(unplaced(len(all)))
			}
			continue
		default:
			unused = append(unused, it)
			continue
		}
		used = append(used, it)
	}
	return used, unused, err
}

// unplaced is the error of a file that no release of n can be found for.
func unplaced(n int) error {
	if n == 0 {
		return where.New(where.Inconclusive, "no other input says which release this file belongs to").
			WithHint("give the package or image it came with")
	}
	return where.New(where.Inconclusive, "the inputs hold %d releases and nothing says which one this file belongs to", n).
		WithHint("give the files of one release at a time, or keep their usual names (config-RELEASE)")
}

// alone reports whether no other text of the item's role says anything else.
func alone(it *item, items []*item) bool {
	return !slices.ContainsFunc(items, func(o *item) bool {
		return o != it && o.role == it.role && o.err == nil && !bytes.Equal(o.text, it.text)
	})
}

// placeUnused tells of the texts that count for no release: with the release,
// where there is one, else with the inputs that are ignored. One that repeats a
// text that counts is not worth a word.
func placeUnused(out *Loaded, used, unused []*item) {
	for _, it := range unused {
		if slices.ContainsFunc(used, func(o *item) bool { return o.role == it.role && bytes.Equal(o.text, it.text) }) {
			continue
		}
		if len(out.Releases) == 1 {
			out.Releases[0].note(Anomaly{Kind: unusedKinds[it.role], Subject: it.source.String()})
			continue
		}
		out.Ignored = append(out.Ignored, Ignored{File: it.source.String(), Why: "it names no release and is not the only file of its kind"})
	}
}
