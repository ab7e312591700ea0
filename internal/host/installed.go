package host

import (
	"context"

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
		return v.outside(ctx, out, byPackage, "installed modules", k.Modules, &modules, grounds...)
	}
	var olds []*release.Loaded
	run := v.runningAs(disk)
	if run != nil {
		olds = []*release.Loaded{{Releases: []*release.Release{run.r}}}
	}
	own := *disk
	own.Added = nil // what an administrator added is judged for itself
	rep, err := judge.Check(ctx, only(&own), olds, v.o.Judge)
	if err != nil {
		return err
	}
	r := &rep.Releases[0]
	path := k.Modules
	self := selfMeeting(r, path)
	v.mends(&self, byPackage, k.Release)
	out.Meets = append(out.Meets, self)
	if len(r.Windows) == 0 {
		return nil
	}
	m := noted(windowMeeting(r, path), run.note)
	v.mends(&m, byPackage, k.Release)
	out.Meets = append(out.Meets, m)
	return nil
}

func only(r *release.Release) *release.Loaded {
	return &release.Loaded{Releases: []*release.Release{r}}
}
