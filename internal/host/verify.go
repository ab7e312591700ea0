package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// Options of Verify.
type Options struct {
	Judge    judge.Options
	Progress func(release.Step)
	// Kernel is the one installed kernel to look at, "" for all.
	Kernel string
	// OnlyAdded looks at modules that did not come with a kernel, alone.
	OnlyAdded bool
	// Modules are the names of the only modules to look at: on the kernel that
	// runs, where Kernel names no other and one does. What is on disk beside
	// them is not read, so that it takes no time to speak of.
	Modules []string
}

// verifier is one run.
type verifier struct {
	s       *System
	o       Options
	running *release.Release // nil: none, or it shows no base
	rep     *model.HostReport
	ukis    map[string][]*release.Release // unified images, by release
	found   map[string]bool               // of Options.Modules
}

// Verify asks every installed kernel, and the one that runs, what it makes of
// the modules it may meet. What cannot be read is named in Unread and makes
// the answer inconclusive.
func (s *System) Verify(ctx context.Context, o Options) (*model.HostReport, error) {
	v := &verifier{s: s, o: o, ukis: map[string][]*release.Release{}, found: map[string]bool{}, rep: &model.HostReport{Schema: model.HostSchema, Root: s.Root, Booted: s.Booted, Kernels: []model.HostKernel{}, Unread: []string{}}}
	var err error
	if v.running, err = s.Running(); err != nil {
		v.unread(err)
	}
	if v.running != nil {
		v.rep.Base = baseRef(v.running)
		if len(o.Modules) > 0 && o.Kernel == "" {
			v.o.Kernel = s.Booted
		}
	}
	kernels, err := s.Kernels()
	if err != nil {
		return nil, err
	}
	seen := false
	if err := v.readUKIs(ctx); err != nil {
		return nil, err
	}
	for i := range kernels {
		if v.o.Kernel != "" && kernels[i].Release != v.o.Kernel {
			continue
		}
		seen = true
		if err := v.kernel(ctx, &kernels[i]); err != nil {
			return nil, err
		}
	}
	// Those that stand alone, without modules on disk.
	for _, name := range slices.Sorted(maps.Keys(v.ukis)) {
		for _, r := range v.ukis[name] {
			seen = true
			if err := v.uki(ctx, v.named(r), r, nil); err != nil {
				return nil, err
			}
		}
	}
	if !seen {
		return nil, where.In(s.Root, v.nothing())
	}
	for _, name := range o.Modules {
		if !v.found[model.ModuleName(name)] {
			return nil, where.In(s.Root, where.New(where.Inconclusive, "no module %s of any kernel that was looked at", name))
		}
	}
	v.conclude()
	return v.rep, nil
}

// nothing says that no kernel was found to look at.
func (v *verifier) nothing() error {
	if v.o.Kernel != "" {
		return where.New(where.Inconclusive, "no installed kernel %s", v.o.Kernel)
	}
	return where.New(where.Inconclusive, "no installed kernel").WithHint("looked for folders in usr/lib/modules and lib/modules, boot/vmlinuz-* and unified images in EFI/Linux")
}

func (v *verifier) unread(err error) { v.rep.Unread = append(v.rep.Unread, err.Error()) }

func (v *verifier) conclude() {
	rep := v.rep
	for i := range rep.Kernels {
		for k := range rep.Kernels[i].Meets {
			rep.Outcome = rep.Outcome.Join(rep.Kernels[i].Meets[k].Outcome)
		}
	}
	if len(rep.Unread) > 0 {
		rep.Outcome.Inconclusive = true
	}
	rep.Decision, rep.ExitCode = rep.Outcome.Word(), rep.Outcome.ExitCode()
}

// kernel looks at one installed kernel.
func (v *verifier) kernel(ctx context.Context, k *Kernel) error {
	out := model.HostKernel{Release: k.Release, Image: k.Image, Running: k.Release == v.s.Booted, Meets: []model.HostMeeting{}}
	image, symvers := k.Image, k.Symvers
	if len(v.o.Modules) > 0 && out.Running && v.running != nil {
		image, symvers = "", nil // the kernel that runs is asked, not its successor
	}
	disk, err := v.load(ctx, k.Release, slices.Concat([]string{image, k.Modules}, k.Configs, symvers)...)
	if err != nil {
		return err
	}
	if disk == nil {
		return nil
	}
	links, err := v.linked(ctx, k)
	if err != nil {
		return err
	}
	disk.Added = append(disk.Added, links...)
	for _, m := range slices.Concat(disk.Modules, disk.Added) {
		v.found[model.ModuleName(m.Path)] = true
	}
	out.Base = baseRef(disk)
	grounds := v.grounds(disk)
	if !v.o.OnlyAdded && (len(disk.Modules) > 0 || disk.BootImage() != nil) {
		if err := v.installed(ctx, &out, k, disk, grounds); err != nil {
			return err
		}
	}
	if len(disk.Added) > 0 {
		added := *disk
		added.Modules, added.Images = nil, nil
		if err := v.outside(ctx, &out, "added modules", k.Modules, &added, grounds...); err != nil {
			return err
		}
	}
	for _, path := range k.Initrds {
		if v.o.OnlyAdded || len(v.o.Modules) > 0 {
			break
		}
		if err := v.initrd(ctx, &out, path, disk, grounds); err != nil {
			return err
		}
	}
	for _, r := range v.ukis[k.Release] {
		if err := v.uki(ctx, &out, r, disk); err != nil {
			return err
		}
	}
	delete(v.ukis, k.Release)
	v.rep.Kernels = append(v.rep.Kernels, out)
	return nil
}

// initrd judges the modules of an initrd on the installed image: the boot
// loader starts the two together, and the kernel that runs has its own behind
// it. It is asked in place of an image that is not there.
func (v *verifier) initrd(ctx context.Context, out *model.HostKernel, path string, disk *release.Release, grounds []ground) error {
	r, err := v.load(ctx, disk.Name, path)
	if err != nil || r == nil || len(r.Modules)+len(r.Added) == 0 {
		return err // an initrd without modules has nothing to go wrong here
	}
	r.Arch = disk.Arch
	return v.outside(ctx, out, "initrd", path, r, grounds[:min(1, len(grounds))]...)
}

// outside judges modules on kernels that may load them and names the wrong
// ones on each.
func (v *verifier) outside(ctx context.Context, out *model.HostKernel, what, path string, modules *release.Release, grounds ...ground) error {
	if len(grounds) == 0 {
		v.unread(where.In(path, where.New(where.Inconclusive, "no image of %s to judge it on", modules.Name)))
		return nil
	}
	var kernels []*release.Loaded
	for _, g := range grounds {
		kernels = append(kernels, only(g.r))
	}
	rep, err := judge.Outside(ctx, only(modules), kernels, v.o.Judge)
	if err != nil {
		if where.KindOf(err) == where.Inconclusive {
			v.unread(where.In(path, err))
			return nil
		}
		return err
	}
	for k, g := range grounds {
		m := outsideMeeting(&rep.Releases[0], k, what, path)
		m.On = g.on
		out.Meets = append(out.Meets, noted(m, g.note))
	}
	return nil
}

// load reads files of one release, name "" of any; nil when nothing of it is there. What
// cannot be opened, as an image that only root may read, is named.
func (v *verifier) load(ctx context.Context, name string, paths ...string) (*release.Release, error) {
	var inputs []pack.Input
	for _, p := range paths {
		if p == "" {
			continue
		}
		if in, ok := v.input(p); ok {
			inputs = append(inputs, in)
		}
	}
	return v.loadInputs(ctx, name, inputs...)
}

// input is a file or folder to be read; one that may not be is named, and ok
// false.
func (v *verifier) input(path string) (in pack.Input, ok bool) {
	f, err := v.s.open(path)
	if err != nil {
		v.unread(where.In(path, where.New(where.IO, "%w", err)))
		return in, false
	}
	defer f.Close()
	return pack.Input{Path: path, At: f.Name(), Size: -1}, true
}

// loadInputs is load for inputs; name "" takes any release.
func (v *verifier) loadInputs(ctx context.Context, name string, inputs ...pack.Input) (*release.Release, error) {
	if len(inputs) == 0 {
		return nil, nil
	}
	l, err := release.Load(ctx, inputs, release.Options{Jobs: v.o.Judge.Jobs, Progress: v.o.Progress, Installed: true, Only: v.only()})
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		v.unread(err)
		return nil, nil
	}
	var found *release.Release
	var names []string
	for _, r := range l.Releases {
		for _, err := range r.Unread {
			v.unread(err)
		}
		r.Unread = nil
		names = append(names, r.Name)
		if (name == "" || r.Name == name) && (found == nil || len(r.Modules) > len(found.Modules)) {
			found = r
		}
	}
	if found == nil && len(names) > 0 {
		v.unread(where.In(inputs[0].Path, where.New(where.Inconclusive, "it is of %s, not of %s", strings.Join(names, ", "), name)))
	}
	return found, nil
}

// only is which modules are read, nil for all.
func (v *verifier) only() func(string) bool {
	if len(v.o.Modules) == 0 {
		return nil
	}
	return func(path string) bool {
		return slices.ContainsFunc(v.o.Modules, func(name string) bool { return model.ModuleName(name) == model.ModuleName(path) })
	}
}

func baseRef(r *release.Release) model.BaseRef {
	b, im := r.Base()
	if b == nil {
		return model.BaseRef{}
	}
	raw, err := btf.Parse(b)
	if err != nil {
		return model.BaseRef{}
	}
	sum := sha256.Sum256(raw.Bytes())
	return model.BaseRef{SHA256: hex.EncodeToString(sum[:]), Types: raw.NumTypes(), StringBytes: raw.StrLen(), Where: im.Facts.BTFWhere}
}
