package host

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// start is an initrd and what it is started with.
type start struct {
	located
	named  string   // the release its name claims, "" for a label
	images []*image // of distinct builds; nil: not known
}

// starts pairs initrds with images: by a boot loader's entry, by their names
// in one folder.
func (v *verifier) starts(entries []entry) []start {
	list := v.s.locate(initrdPlaces, func(name string) bool { return !isAside(name) && !isRescue(name) })
	resolved := func(p string) string {
		file, err := v.s.resolve(p)
		if err != nil {
			return p
		}
		return file
	}
	with := map[string][]string{} // initrd -> images, by entries
	for _, e := range entries {
		linux := resolved(e.linux)
		for _, p := range e.initrds {
			file := resolved(p)
			with[file] = append(with[file], linux)
			if !isRescue(p) && isInitrdName(filepath.Base(p)) && !slices.ContainsFunc(list, func(l located) bool { return l.file == file }) {
				list = append(list, located{&place{mend: byKernelInstall}, file, []string{p}})
			}
		}
	}
	var out []start
	for _, l := range list {
		st := start{located: l}
		for _, p := range l.paths {
			if r := namedRelease(v.s.below(p), initrdHeads); r != "" {
				st.named = r
				break
			}
		}
		for _, im := range v.images {
			if im.place.bare || !slices.Contains(with[l.file], im.file) && !paired(l.paths, im.paths) {
				continue
			}
			if !slices.ContainsFunc(st.images, func(o *image) bool { return o.id.same(im.id) }) {
				st.images = append(st.images, im)
			}
		}
		out = append(out, st)
	}
	return out
}

// paired reports whether an initrd and an image have names in one folder that
// say the same beside what they are; without any label the folder is enough.
func paired(initrd, image []string) bool {
	for _, a := range initrd {
		for _, b := range image {
			if filepath.Dir(a) == filepath.Dir(b) && label(filepath.Base(a), initrdHeads) == label(filepath.Base(b), imageHeads) {
				return true
			}
		}
	}
	return false
}

// of is the release that an initrd is started for, "" when nothing tells. That
// of an image which is not what it is to be is the one wanted.
func (v *verifier) of(st *start) string {
	if len(st.images) == 0 {
		return st.named
	}
	if want, ok := v.wrong[st.images[0]]; ok {
		return want
	}
	return st.images[0].r.Name
}

// initrds judges the initrds of one installed kernel on the images they are
// started with; beside an image that is wrong, on the one that is to be there.
func (v *verifier) initrds(ctx context.Context, out *model.HostKernel, k *Kernel, disk *release.Release, grounds []ground) error {
	for i := range v.begun {
		st := &v.begun[i]
		if v.of(st) != out.Release || v.done[st.file] {
			continue
		}
		v.done[st.file] = true
		on := grounds[:min(1, len(grounds))]
		if len(st.images) > 0 {
			var of []*image
			on = nil
			for _, im := range st.images {
				if _, wrong := v.wrong[im]; wrong {
					im = k.own
				}
				if im != nil && !slices.Contains(of, im) {
					of, on = append(of, im), append(on, ground{r: configured(im, disk), on: onInstalled})
				}
			}
		}
		if len(on) == 0 && v.pretended(k.Release) {
			continue // its kernel is what is wrong
		}
		if err := v.initrd(ctx, out, st, disk, on); err != nil {
			return err
		}
	}
	return nil
}

// initrd judges the modules of an initrd on what it is started with. One whose
// modules are all of another release has none for this kernel.
func (v *verifier) initrd(ctx context.Context, out *model.HostKernel, st *start, disk *release.Release, on []ground) error {
	path := st.paths[0]
	releases, err := v.loadAll(ctx, path)
	if err != nil {
		return err
	}
	var names []string
	for _, r := range releases {
		if len(r.Modules)+len(r.Added) == 0 {
			continue
		}
		if r.Name == out.Release {
			r.Arch = disk.Arch
			return v.outside(ctx, out, st.place.mend, "initrd", path, r, on...)
		}
		names = append(names, r.Name)
	}
	if len(names) > 0 {
		v.rep.WrongFiles = append(v.rep.WrongFiles, model.HostFile{Path: path, What: "initrd", Is: strings.Join(names, ", "), Want: out.Release,
			Why:  "it is started with " + out.Release + ", which looks for its modules in lib/modules/" + out.Release,
			Mend: v.s.mend(st.place.mend, "initrd", out.Release, "", "/"+v.s.below(path))})
	}
	return nil // an initrd without modules has nothing to go wrong here
}

// unpaired judges the initrds that nothing pairs with an image, on the image of
// the release whose modules they hold. One named for a release that is gone is
// started by nothing.
func (v *verifier) unpaired(ctx context.Context) error {
	for i := range v.begun {
		st := &v.begun[i]
		if v.done[st.file] || st.named != "" && len(st.images) == 0 || v.o.Kernel != "" && v.of(st) != v.o.Kernel {
			continue
		}
		v.done[st.file] = true
		if len(st.images) > 0 { // of a kernel without modules on disk
			r := st.images[0].r
			out := model.HostKernel{Release: r.Name, Image: st.images[0].path(), Base: baseRef(r), Running: r.Name == v.s.Booted, Meets: []model.HostMeeting{}}
			if err := v.initrd(ctx, &out, st, r, []ground{{r: r, on: onInstalled}}); err != nil {
				return err
			}
			v.join(out)
			continue
		}
		releases, err := v.loadAll(ctx, st.paths[0])
		if err != nil {
			return err
		}
		for _, r := range releases {
			if len(r.Modules)+len(r.Added) == 0 {
				continue
			}
			im := v.own(&Kernel{Release: r.Name})
			if im == nil {
				v.unread(where.In(st.paths[0], where.New(where.Inconclusive, "no image of %s to judge it on", r.Name)))
				continue
			}
			r.Arch = im.r.Arch
			out := model.HostKernel{Release: r.Name, Image: im.path(), Base: baseRef(im.r), Running: r.Name == v.s.Booted, Meets: []model.HostMeeting{}}
			if err := v.outside(ctx, &out, st.place.mend, "initrd", st.paths[0], r, ground{r: im.r, on: onInstalled}); err != nil {
				return err
			}
			v.join(out)
		}
	}
	return nil
}

// join puts meetings of a release with those that are in the report.
func (v *verifier) join(k model.HostKernel) {
	for i := range v.rep.Kernels {
		if v.rep.Kernels[i].Release == k.Release {
			v.rep.Kernels[i].Meets = append(v.rep.Kernels[i].Meets, k.Meets...)
			return
		}
	}
	v.rep.Kernels = append(v.rep.Kernels, k)
}
