package host

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// installed judges the kernel's modules on its own image and, where the
// kernel that runs has its name, on that one. Without the image, which on some
// distributions only root may read, the running kernel alone is asked.
func (v *verifier) installed(ctx context.Context, out *model.HostKernel, k *Kernel, disk *release.Release, grounds []ground) error {
	if disk.BootImage() == nil {
		modules := *disk
		modules.Added = nil
		return v.outside(ctx, out, "installed modules", k.Modules, &modules, grounds...)
	}
	var olds []*release.Loaded
	run := v.runningAs(disk)
	if run != nil {
		olds = []*release.Loaded{{Releases: []*release.Release{run.r}}}
	}
	rep, err := judge.Check(ctx, only(disk), olds, v.o.Judge)
	if err != nil {
		return err
	}
	r := &rep.Releases[0]
	path := k.Modules
	if path == "" { // there is none: where it would be
		path = filepath.Join(v.s.Root, "usr/lib/modules", k.Release)
	}
	out.Meets = append(out.Meets, selfMeeting(r, path))
	if len(r.Windows) == 0 {
		return nil
	}
	m := windowMeeting(r, path)
	if strays, rest := apart(disk, r); len(strays) > 0 {
		if m, err = v.withStrays(ctx, k, disk, run, strays, rest); err != nil {
			return err
		}
	}
	out.Meets = append(out.Meets, noted(m, run.note))
	return nil
}

func only(r *release.Release) *release.Loaded {
	return &release.Loaded{Releases: []*release.Release{r}}
}

// apart separates the modules that are of another build than their image, as
// an upgrade that was cut short leaves them: what those mean on the running
// kernel does not follow from the image's base.
func apart(disk *release.Release, r *model.ReleaseVerdict) (strays, rest []*release.Module) {
	other := map[string]bool{}
	for i := range r.Modules {
		if r.Modules[i].Meaning == model.Different {
			other[r.Modules[i].Path] = true
		}
	}
	for _, m := range disk.Modules {
		if other[m.Path] {
			strays = append(strays, m)
		} else {
			rest = append(rest, m)
		}
	}
	return strays, rest
}

// withStrays judges modules on the running kernel, some of them as modules
// that were built elsewhere.
func (v *verifier) withStrays(ctx context.Context, k *Kernel, disk *release.Release, run *ground, strays, rest []*release.Module) (model.HostMeeting, error) {
	some := *disk
	some.Modules, some.Added, some.Images = strays, nil, nil
	outside, err := judge.Outside(ctx, only(&some), []*release.Loaded{only(run.r), only(disk)}, v.o.Judge)
	if err != nil {
		return model.HostMeeting{}, err
	}
	m := outsideMeeting(&outside.Releases[0], 0, "installed modules", k.Modules)
	m.On = onRunning
	if len(rest) == 0 {
		return m, nil
	}
	own := *disk
	own.Modules, own.Added = rest, nil
	rep, err := judge.Check(ctx, only(&own), []*release.Loaded{only(run.r)}, v.o.Judge)
	if err != nil {
		return m, err
	}
	return joined(windowMeeting(&rep.Releases[0], k.Modules), m), nil
}

// joined puts two parts of one meeting together.
func joined(a, b model.HostMeeting) model.HostMeeting {
	a.Modules += b.Modules
	a.Verdicts, a.Meanings = summed(a.Verdicts, b.Verdicts), summed(a.Meanings, b.Meanings)
	a.Wrong = append(a.Wrong, b.Wrong...)
	slices.SortFunc(a.Wrong, func(x, y model.HostModule) int { return strings.Compare(x.Path, y.Path) })
	a.Outcome = a.Outcome.Join(b.Outcome)
	a.Why = append(a.Why, b.Why...)
	return a
}

func summed(a, b []model.Count) []model.Count {
	n := model.Counter{}
	for _, c := range slices.Concat(a, b) {
		n[c.Word] += c.Count
	}
	return n.Sorted()
}
