package host

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// located is one file in places of images or initrds, with all its names.
type located struct {
	place *place
	file  string // without links
	paths []string
}

// image is a kernel image that a machine could boot.
type image struct {
	located
	named string // the release its name claims, "" for a label
	r     *release.Release
	id    identity
}

// identity is what two copies of one image share: the build's banner and its
// base. How they are wrapped or signed is not part of it.
type identity struct{ banner, base string }

// same reports whether two images are of one build, as far as both tell.
func (a identity) same(b identity) bool {
	return a.banner == b.banner && (a.base == b.base || a.base == "" || b.base == "")
}

func (im *image) path() string { return im.paths[0] }

// expand puts the folders of partitions into a pattern.
func expand(glob string) []string {
	rest, ok := strings.CutPrefix(glob, "ESP/")
	if !ok {
		return []string{glob}
	}
	var out []string
	for _, p := range partitions {
		out = append(out, p+"/"+rest)
	}
	return out
}

// locate finds the files in places, in the order of the table and of names;
// further names of a file are with its first.
func (s *System) locate(places []place, want func(name string) bool) []located {
	var out []located
	var infos []os.FileInfo
	for i := range places {
		for _, glob := range expand(places[i].glob) {
			for _, p := range s.glob(glob) {
				info, err := s.stat(p)
				if err != nil || info.IsDir() || !want(filepath.Base(p)) {
					continue
				}
				if j := slices.IndexFunc(infos, func(o fs.FileInfo) bool { return os.SameFile(o, info) }); j >= 0 {
					switch {
					case slices.Contains(out[j].paths, p):
					case p == out[j].file: // the name that is no link is the file's own
						out[j].paths = append([]string{p}, out[j].paths...)
					default:
						out[j].paths = append(out[j].paths, p)
					}
					continue
				}
				file, err := s.resolve(p)
				if err != nil {
					continue
				}
				out, infos = append(out, located{&places[i], file, []string{p}}), append(infos, info)
			}
		}
	}
	return out
}

// readImages opens every kernel that the machine could boot: what its content
// says it is counts.
func (v *verifier) readImages(ctx context.Context, entries []entry) error {
	list := v.s.locate(imagePlaces, func(name string) bool { return !isAside(name) && !isRescue(name) && !isInitrdName(name) })
	for _, e := range entries {
		file, err := v.s.resolve(e.linux)
		if err != nil || isRescue(e.linux) || slices.ContainsFunc(list, func(l located) bool { return l.file == file }) {
			continue
		}
		list = append(list, located{&place{mend: byKernelInstall, bare: strings.Contains(e.linux, "/EFI/Linux/")}, file, []string{e.linux}})
	}
	for _, l := range list {
		im := &image{located: l}
		for _, p := range l.paths {
			if r := namedRelease(v.s.below(p), imageHeads); r != "" && im.named == "" {
				im.named = r
			}
		}
		if v.o.Kernel != "" && im.named != "" && im.named != v.o.Kernel {
			continue
		}
		r, err := v.load(ctx, "", l.paths[0])
		if err != nil {
			return err
		}
		if r == nil || r.BootImage() == nil {
			continue
		}
		im.r, im.id = r, identity{r.BootImage().Facts.Banner, baseRef(r).SHA256}
		v.images = append(v.images, im)
	}
	return nil
}

// own is the image that belongs to a folder of modules: the one its packages
// bring with it, else the first of the release in the order of the table, one
// that is named so before one that is not. nil without any.
func (v *verifier) own(k *Kernel) *image {
	var beside []string
	if k.Modules != "" {
		for _, name := range []string{"vmlinuz", "vmlinux", "Image"} {
			beside = append(beside, filepath.Join(k.Modules, name))
		}
		if top, ok := strings.CutSuffix(k.Modules, "/kernel-modules/lib/modules/"+k.Release); ok { // NixOS
			beside = append([]string{filepath.Join(top, "kernel")}, beside...)
		}
	}
	for _, p := range beside {
		file, err := v.s.resolve(p)
		if err != nil {
			continue
		}
		for _, im := range v.images {
			if im.file == file && im.r.Name == k.Release {
				return im
			}
		}
	}
	for _, fit := range []func(*image) bool{
		func(im *image) bool { return im.named == k.Release && !im.place.bare && !im.place.other },
		func(im *image) bool { return im.named == "" && !im.place.bare && !im.place.other },
		func(*image) bool { return true },
	} {
		for _, im := range v.images {
			if im.r.Name == k.Release && fit(im) {
				return im
			}
		}
	}
	return nil
}

// misnamed names the images that are of another release than their name says,
// or of one whose modules are not on this machine, where nothing but a label
// says what is wanted.
func (v *verifier) misnamed(kernels []Kernel) {
	for _, im := range v.images {
		if v.o.Kernel != "" && im.r.Name != v.o.Kernel && im.named != v.o.Kernel {
			continue
		}
		installed := slices.ContainsFunc(kernels, func(k Kernel) bool { return k.Release == im.r.Name })
		switch {
		case im.named != "" && im.named != im.r.Name:
			v.wrongKernel(im, im.named, nil, "it looks for its modules in lib/modules/"+im.r.Name)
		case im.named != "" || installed || im.place.other || len(kernels) == 0 || im.r.Vermagic() == "" || isRecovery(im.path()):
		default:
			want := kernels[len(kernels)-1].Release
			for _, k := range kernels { // one that nothing boots
				if !slices.ContainsFunc(v.images, func(o *image) bool { return o.r.Name == k.Release && !o.place.owned }) {
					want = k.Release
				}
			}
			v.wrongKernel(im, want, nil, "no modules of "+im.r.Name+" are installed")
		}
	}
}

// isRecovery: systems that stand for themselves beside the one installed.
func isRecovery(p string) bool {
	name := strings.ToLower(path.Base(path.Dir(p)) + "/" + path.Base(p))
	return strings.Contains(name, "rescue") || strings.Contains(name, "recovery")
}

// wrongKernel adds a file that is not what is wanted at its place.
func (v *verifier) wrongKernel(im *image, want string, own *image, why string) {
	f := model.HostFile{Path: im.path(), What: "kernel", Is: im.r.Name, Build: build(im.id.banner), Want: want, Why: why}
	from := ""
	if own == nil {
		own = v.own(&Kernel{Release: want})
	}
	if own != nil && own != im {
		f.WantBuild = build(own.id.banner)
		from = "/" + v.s.below(own.path())
	}
	f.Mend = v.s.mend(im.place.mend, "kernel", want, from, "/"+v.s.below(im.path()))
	v.rep.WrongFiles, v.wrong[im] = append(v.rep.WrongFiles, f), want
}

// build is the build that a banner names: the package's version where the
// distribution puts it there ("#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-1 (2026-…)"),
// else its number and what follows.
func build(banner string) string {
	i := strings.Index(banner, " #")
	if i < 0 {
		return ""
	}
	tail := banner[i+1:]
	if _, after, ok := strings.Cut(tail, " Debian "); ok {
		word, _, _ := strings.Cut(after, " ")
		return word
	}
	return tail
}

// pretended reports whether some image stands where one of the release is to be.
func (v *verifier) pretended(release string) bool {
	return slices.ContainsFunc(v.images, func(im *image) bool { return v.wrong[im] == release })
}

// copies judges the modules of a kernel on the images of its release that are
// from a different build than those it belongs to, and names these; and on those that
// have its name only.
func (v *verifier) copies(ctx context.Context, out *model.HostKernel, k *Kernel, disk *release.Release) error {
	for _, im := range v.images {
		misnamed := im.named == k.Release && im.r.Name != k.Release // named as wrong already
		if !misnamed && (im.r.Name != k.Release || im == k.own || slices.ContainsFunc(v.right[k.Release], im.id.same)) || v.judged[im] {
			continue
		}
		v.judged[im] = true
		if k.own != nil && !misnamed {
			v.wrongKernel(im, k.Release, k.own, "it is of another build than "+k.own.path())
		}
		if len(disk.Modules) == 0 {
			continue
		}
		modules := *disk
		modules.Images, modules.Added = nil, nil
		if err := v.outside(ctx, out, im.place.mend, "installed modules", im.path(), &modules, ground{r: configured(im, disk), on: onInstalled}); err != nil {
			return err
		}
	}
	return nil
}
