package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	found   map[string]bool // of Options.Modules
	cache   release.Images
	images  []*image              // all that could be booted and were read
	begun   []start               // initrds
	right   map[string][]identity // of the images that folders of modules belong to, by release
	judged  map[*image]bool       // copies that were
	done    map[string]bool       // initrds, by file
	wrong   map[*image]string     // images that are wrong files, with the release wanted
}

// Verify asks every installed kernel, and the one that runs, what it makes of
// the modules it may meet. What cannot be read is named in Unread and makes
// the answer inconclusive.
func (s *System) Verify(ctx context.Context, o Options) (*model.HostReport, error) {
	v := &verifier{s: s, o: o, found: map[string]bool{}, right: map[string][]identity{}, judged: map[*image]bool{}, done: map[string]bool{}, wrong: map[*image]string{},
		rep: &model.HostReport{Schema: model.HostSchema, Root: s.Root, Booted: s.Booted, Kernels: []model.HostKernel{}, WrongFiles: []model.HostFile{}, Unread: []string{}}}
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
	if kernels, err = v.lookAround(ctx, kernels); err != nil {
		return nil, err
	}
	seen := false
	for i := range kernels {
		if v.o.Kernel != "" && kernels[i].Release != v.o.Kernel {
			continue
		}
		seen = true
		if err := v.kernel(ctx, &kernels[i]); err != nil {
			return nil, err
		}
	}
	if err := v.alone(ctx, kernels); err != nil {
		return nil, err
	}
	v.left(kernels)
	seen = seen || len(v.rep.Kernels) > 0 || len(v.rep.WrongFiles) > 0
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

// Unanswered is the report of a machine on which there was nothing to look at.
func Unanswered(s *System, cause error) *model.HostReport {
	v := &verifier{rep: &model.HostReport{Schema: model.HostSchema, Root: s.Root, Booted: s.Booted, Kernels: []model.HostKernel{}, WrongFiles: []model.HostFile{}, Unread: []string{}}}
	v.unread(cause)
	v.conclude()
	return v.rep
}

// narrow reports whether some modules alone are asked about.
func (v *verifier) narrow() bool { return v.o.OnlyAdded || len(v.o.Modules) > 0 }

// lookAround reads the images that could be booted, finds the initrds, and
// gives the kernels with their own image; a folder that holds neither modules
// nor has an image is none.
func (v *verifier) lookAround(ctx context.Context, kernels []Kernel) ([]Kernel, error) {
	if len(v.o.Modules) == 0 || v.running == nil || v.o.Kernel != v.s.Booted { // else the kernel that runs is asked, not its successor
		var entries []entry
		if !v.narrow() {
			var errs []error
			entries, errs = v.s.entries()
			for _, err := range append(v.s.unmounted(), errs...) {
				v.unread(err)
			}
		}
		if err := v.readImages(ctx, entries); err != nil {
			return nil, err
		}
		if !v.narrow() {
			v.begun = v.starts(entries)
		}
	}
	var out []Kernel
	for _, k := range kernels {
		k.own = v.own(&k)
		if k.own == nil && !v.s.hasModules(k.Modules) {
			continue
		}
		if k.own != nil {
			v.right[k.Release] = append(v.right[k.Release], k.own.id)
		}
		out = append(out, k)
	}
	if !v.narrow() {
		v.misnamed(out)
	}
	return out, nil
}

// alone looks at what has no modules on disk: unified images and initrds that
// bring their own.
func (v *verifier) alone(ctx context.Context, kernels []Kernel) error {
	if v.narrow() {
		return nil
	}
	for _, im := range v.images {
		if v.o.Kernel != "" && im.r.Name != v.o.Kernel || slices.ContainsFunc(kernels, func(k Kernel) bool { return k.Release == im.r.Name }) {
			continue
		}
		out := model.HostKernel{Release: im.r.Name, Image: im.path(), Base: baseRef(im.r), Running: im.r.Name == v.s.Booted, Meets: []model.HostMeeting{}}
		if err := v.uki(ctx, &out, im, im.r); err != nil {
			return err
		}
		v.join(out)
	}
	return v.unpaired(ctx)
}

// left names a kernel that runs and whose modules are gone: packages of Arch
// and Alpine replace a release by the next.
func (v *verifier) left(kernels []Kernel) {
	name := v.s.Booted
	if v.running == nil || v.narrow() || v.o.Kernel != "" || len(kernels) == 0 || slices.ContainsFunc(kernels, func(k Kernel) bool { return k.Release == name }) {
		return
	}
	v.join(model.HostKernel{Release: name, Base: baseRef(v.running), Running: true, Meets: []model.HostMeeting{{What: "installed modules", On: onRunning,
		Verdicts: []model.Count{}, Meanings: []model.Count{}, Wrong: []model.HostModule{}, Outcome: model.Outcome{Action: model.Strip}, Mend: "reboot",
		Why: []string{"it runs and its modules are gone: none can be loaded; reboot"}}}})
}

// nothing says that no kernel was found to look at.
func (v *verifier) nothing() error {
	if v.o.Kernel != "" {
		return where.New(where.Inconclusive, "no installed kernel %s", v.o.Kernel)
	}
	return where.New(where.Inconclusive, "no installed kernel").WithHint("looked in lib/modules, boot and the ESP")
}

// unread names what could not be read, and what helps; each once.
func (v *verifier) unread(err error) {
	text := err.Error()
	if hint := where.HintOf(err); hint != "" {
		text += "; " + hint
	}
	if !slices.Contains(v.rep.Unread, text) {
		v.rep.Unread = append(v.rep.Unread, text)
	}
}

func (v *verifier) conclude() {
	rep := v.rep
	for i := range rep.Kernels {
		for k := range rep.Kernels[i].Meets {
			rep.Outcome = rep.Outcome.Join(rep.Kernels[i].Meets[k].Outcome)
		}
	}
	if rep.Loaded != nil {
		rep.Outcome = rep.Outcome.Join(rep.Loaded.Outcome)
	}
	if len(rep.Unread) > 0 {
		rep.Outcome.Inconclusive = true
	}
	if len(rep.WrongFiles) > 0 {
		rep.Outcome.Action = model.Rebuild
	}
	slices.SortStableFunc(rep.WrongFiles, func(a, b model.HostFile) int { return strings.Compare(a.Path, b.Path) })
	rep.Decision, rep.ExitCode = rep.Outcome.Word(), exitCode(rep.Outcome)
	if rep.ExitCode == model.ExitRepair {
		rep.Decision = rep.Outcome.Action.String()
	}
}

// exitCode is that of a machine, on which nothing is built or named: 3 when
// something must be reinstalled, built again or rebooted, else 5 when something
// that boots could not be read.
func exitCode(o model.Outcome) int {
	switch {
	case o.Action != model.Keep:
		return model.ExitRepair
	case o.Inconclusive:
		return model.ExitInconclusive
	}
	return model.ExitDone
}

// kernel looks at one installed kernel.
func (v *verifier) kernel(ctx context.Context, k *Kernel) error {
	out := model.HostKernel{Release: k.Release, Image: k.image(), Running: k.Release == v.s.Booted, Meets: []model.HostMeeting{}}
	image, symvers := k.image(), k.Symvers
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
	answered := len(grounds) == 0 && !v.narrow() && v.pretended(k.Release)
	if !v.o.OnlyAdded && !answered && (len(disk.Modules) > 0 || disk.BootImage() != nil) {
		if err := v.installed(ctx, &out, k, disk, grounds); err != nil {
			return err
		}
	}
	if len(disk.Added) > 0 && !answered {
		added := *disk
		added.Modules, added.Images = nil, nil
		if err := v.outside(ctx, &out, byPackage, "added modules", k.Modules, &added, grounds...); err != nil {
			return err
		}
	}
	if !v.narrow() {
		if err := v.copies(ctx, &out, k, disk); err != nil {
			return err
		}
		if err := v.initrds(ctx, &out, k, disk, grounds); err != nil {
			return err
		}
		for _, im := range v.images {
			if im.r.Name == k.Release {
				if err := v.uki(ctx, &out, im, disk); err != nil {
					return err
				}
			}
		}
	}
	v.join(out)
	if out.Running {
		return v.live(disk, unlike(&out))
	}
	return nil
}

// unlike are the modules, by path, that are known not to keep their BTF on the
// kernel that runs, or to be refused: one it has is the file's no longer.
func unlike(k *model.HostKernel) map[string]bool {
	paths := map[string]bool{}
	for i := range k.Meets {
		for _, m := range k.Meets[i].Wrong {
			paths[m.Path] = true
		}
	}
	return paths
}

// outside judges modules on kernels that may load them and names the wrong
// ones on each.
func (v *verifier) outside(ctx context.Context, out *model.HostKernel, by mender, what, path string, modules *release.Release, grounds ...ground) error {
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
		if g.on == onInstalled && m.Outcome.Action == model.Keep && len(m.Wrong) > 0 {
			m.Outcome.Action = model.Strip // no reboot gives them their BTF
		}
		v.mends(&m, by, modules.Name)
		out.Meets = append(out.Meets, noted(m, g.note))
	}
	return nil
}

// mends says what puts a meeting right.
func (v *verifier) mends(m *model.HostMeeting, by mender, release string) {
	switch {
	case m.Outcome.Action == model.Keep && len(m.Wrong) == 0:
	case m.On == onRunning:
		m.Mend = "reboot"
	default:
		m.Mend = v.s.mend(by, m.What, release, "", "/"+v.s.below(m.Path))
	}
}

// load reads files of one release, name "" of any; nil when nothing of it is present. What
// cannot be opened, as an image that only root may read, is named.
func (v *verifier) load(ctx context.Context, name string, paths ...string) (*release.Release, error) {
	return v.loadInputs(ctx, name, v.inputs(paths...)...)
}

// loadAll reads a file of any number of releases.
func (v *verifier) loadAll(ctx context.Context, path string) ([]*release.Release, error) {
	return v.releases(ctx, v.inputs(path)...)
}

// inputs are the files and folders among paths that may be read; "" is none.
func (v *verifier) inputs(paths ...string) []pack.Input {
	var inputs []pack.Input
	for _, p := range paths {
		if p == "" {
			continue
		}
		if in, ok := v.input(p); ok {
			inputs = append(inputs, in)
		}
	}
	return inputs
}

// input is a file or folder to be read; one that may not be is named, and ok
// false.
func (v *verifier) input(path string) (in pack.Input, ok bool) {
	f, err := v.s.open(path)
	if err != nil {
		cannot := where.New(where.IO, "%w", err)
		if isDenied(err) {
			cannot = cannot.WithHint("run kpkg-btf verify as root")
		}
		v.unread(where.In(path, cannot))
		return in, false
	}
	defer f.Close()
	return pack.Input{Path: path, At: f.Name(), Size: -1}, true
}

// releases reads inputs; what of them cannot be read is named.
func (v *verifier) releases(ctx context.Context, inputs ...pack.Input) ([]*release.Release, error) {
	if len(inputs) == 0 {
		return nil, nil
	}
	l, err := release.Load(ctx, inputs, release.Options{Jobs: v.o.Judge.Jobs, Progress: v.o.Progress, Installed: true, Only: v.only(), Images: &v.cache})
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		v.unread(err)
		return nil, nil
	}
	for _, r := range l.Releases {
		for _, err := range r.Unread {
			v.unread(err)
		}
		r.Unread = nil
	}
	return l.Releases, nil
}

// loadInputs is load for inputs; name "" takes any release.
func (v *verifier) loadInputs(ctx context.Context, name string, inputs ...pack.Input) (*release.Release, error) {
	list, err := v.releases(ctx, inputs...)
	if err != nil {
		return nil, err
	}
	var found *release.Release
	var names []string
	for _, r := range list {
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
