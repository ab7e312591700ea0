package judge

import (
	"errors"
	"fmt"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/btf/pin"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// pinned says what pinning did for two bases that differ, or would have done:
// of the modules of the new base, whose uses are given, it counts those that
// name nothing new. It pins to find out.
func pinned(c *meaning.Classes, uses []pin.Use) *model.Finding {
	old, new := c.Raw(meaning.Old), c.Raw(meaning.New)
	had, has := pin.SlackOf(old), pin.SlackOf(new)
	if had.Types > 0 && has.Types > 0 && c.Alike() {
		return &model.Finding{Rule: "pin.slack-left", Severity: model.Info,
			Message: fmt.Sprintf("both bases are of one pinned series; the new one has slack left for %s and %s of strings", model.Plural(has.Types, "type", "types"), model.Plural(has.Strings, "byte", "bytes"))}
	}
	f := &model.Finding{Rule: "pin.not-used", Severity: model.Info, Hint: "kpkg-btf hooks print pin-pahole, or pin-resolve-btfids from 7.0 on"}
	what := "the new base is not pinned on the older one"
	if had.Types > 0 {
		f.Severity = model.Warning
		what = "the older base is of a pinned series and the new one is not pinned on it: the build fell back"
	}
	res, err := pin.On(new, old, nil)
	var room *pin.RoomError
	switch {
	case errors.As(err, &room):
		f.Message = what + "; it could not have been: " + room.Error()
		f.Hint = "begin a series with slack: kpkg-btf pin NEW --slack 4096"
	case err != nil || len(uses) == 0:
		f.Message = what
	default:
		kept := 0
		for _, u := range uses {
			if moved := c.JudgeRefsMoved(u.Refs); moved.Same(meaning.Identity) && moved.Same(meaning.ByValue) && res.Holds(u.Refs) {
				kept++
			}
		}
		f.Message = fmt.Sprintf("%s: pinned, %d of %s would mean the same on it", what, kept, model.Plural(len(uses), "module", "modules"))
	}
	return f
}

// usesOf are what the modules of a release use of its base: read from them, or
// from the references of its manifest.
func usesOf(r *release.Release, base *btf.Raw) []pin.Use {
	var out []pin.Use
	for _, m := range r.Modules {
		if m.Facts.BTF.Len() == 0 || m.Facts.BTFBase.Len() > 0 {
			continue
		}
		split, err := btf.ParseSplit(m.Facts.BTF.Bytes(), base)
		if err != nil {
			continue // its own finding
		}
		ids, _ := m.Facts.TypeIDs()
		out = append(out, pin.Use{Module: m.Path, Refs: meaning.RefsOf(split, ids)})
	}
	if len(r.Modules) > 0 {
		return out
	}
	if refs, err := r.WholeRefs(); err == nil && refs != nil {
		for i := range refs.Modules {
			out = append(out, pin.Use{Module: refs.Modules[i].Path, Refs: &refs.Modules[i].Refs})
		}
	}
	return out
}
