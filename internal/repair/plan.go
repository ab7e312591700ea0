package repair

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/repair/modfile"
	"kpkg-btf/internal/repair/signing"
	"kpkg-btf/internal/where"
)

// item is one module file and what becomes of it.
type item struct {
	source  release.Source
	of      *release.Source // what it is a further name (hard link) of, or nil
	release release.Key
	module  string // path below lib/modules/RELEASE/
	base    *buildBase
	action  Action
	// bind is what the module's BTF was when it was planned.
	bind   binding
	before [32]byte // of the content, without signature and compression
	sig    *modsig.Signature
	// change reports whether the action has anything to do here.
	change bool
	// mayZero: the policy lets lists of ids be zeroed in this module.
	mayZero bool
	fate    signing.Fate
	foreign bool // a new signature is by a key of no certificate of the image
	done    model.RepairModule
	after   [32]byte // of the new content, once rehearsed
	request *signing.Request
}

// link is what a name is a further name of.
type link struct {
	of   release.Source
	hard bool
}

// binding is what a decision binds a module by: digests that survive
// stripping of symbols, signing and compression.
type binding struct{ btf, base, ids string }

func bindingOf(f *kmod.Facts) binding {
	b := binding{btf: judge.Digest(f.BTF), base: judge.Digest(f.BTFBase)}
	if f.IDs != nil {
		b.ids = judge.Digest(kmod.BlobOf(f.IDs.Data))
	}
	return b
}

// plan reads the inputs and settles what becomes of every module file in
// them. Nothing is written before all of it holds.
func (j *job) plan(ctx context.Context) error {
	if err := j.refuseDecision(); err != nil {
		return err
	}
	links := map[release.Source]link{}
	l, err := release.Load(ctx, j.o.Inputs, release.Options{Jobs: j.o.Jobs, Progress: j.progress("reading"), Images: &j.images,
		OnLink: func(name, of release.Source, hard bool) { links[name] = link{of, hard} }})
	if err != nil {
		return err
	}
	j.links = links
	if len(l.Releases) == 0 {
		return noModules("no modules among the inputs: no kernel release in them")
	}
	for _, r := range l.Releases {
		if len(r.Unread) > 0 {
			return r.Unread[0]
		}
	}
	bases, err := j.readBases(ctx)
	if err != nil {
		return err
	}
	if err := j.settleOnto(bases); err != nil {
		return err
	}
	j.items = map[release.Source]*item{}
	for _, r := range l.Releases {
		if err := j.planRelease(r, bases); err != nil {
			return err
		}
	}
	j.sortItems()
	if len(j.order) == 0 {
		return noModules("no modules among the inputs")
	}
	if err := j.signatures(l); err != nil {
		return err
	}
	return j.judgeBefore(ctx, l)
}

func noModules(what string) error {
	return where.New(where.Inconclusive, "%s", what).
		WithHint("give the package or tree that holds lib/modules/RELEASE: linux-modules-… or linux-image-…, kernel-modules-…")
}

func (j *job) sortItems() {
	for _, it := range j.items {
		j.order = append(j.order, it)
	}
	slices.SortFunc(j.order, func(a, b *item) int {
		return cmp.Or(strings.Compare(a.source.Package, b.source.Package), strings.Compare(a.source.Path, b.source.Path))
	})
}

// planRelease plans the modules of one release: those that ship, those below
// updates/ and extra/ when all are asked for, never debug files.
func (j *job) planRelease(r *release.Release, bases *bases) error {
	base, err := bases.of(r)
	if err != nil {
		return err
	}
	decided, err := j.decisionFor(r, base)
	if err != nil {
		return err
	}
	for _, m := range r.Modules {
		if len(m.Differ) > 0 {
			return where.In(r.Name, where.New(where.Inconclusive, "module %s is there twice with different content: %s and %s", m.Path, m.Source, m.Differ[0]).
				WithHint("two builds share one name: build all packages in one run"))
		}
		if err := j.planModule(r, m, baseFor(bases, base, decided[m.Path]), decided); err != nil {
			return m.Source.In(err)
		}
	}
	for _, m := range r.Added {
		if decided != nil && decided[m.Path] == nil {
			j.out.Notes = append(j.out.Notes, m.Source.String()+": built elsewhere (updates/, extra/): not in the decision, left as it is")
			continue
		}
		if err := j.planModule(r, m, baseFor(bases, base, decided[m.Path]), decided); err != nil {
			return m.Source.In(err)
		}
	}
	return nil
}

// baseFor is the base that a module was built on: the one that the decision
// found for it, where it was built elsewhere, else its release's.
func baseFor(all *bases, own *buildBase, d *model.ModuleDecision) *buildBase {
	if d == nil || d.BuiltOn == "" {
		return own
	}
	return all.byDigest[d.BuiltOn]
}

func (j *job) planModule(r *release.Release, m *release.Module, base *buildBase, decided map[string]*model.ModuleDecision) error {
	action := j.o.Action
	now := bindingOf(m.Facts)
	if decided != nil {
		d := decided[m.Path]
		if d == nil {
			d = decided["kernel/"+m.Path] // a build tree: modules_install puts it there
		}
		if d == nil {
			return usage("module %s is not in the decision", m.Path).WithHint("the decision was made for other packages: run check on these")
		}
		var err error
		if action, err = j.decided(d, now, m.Facts, base); err != nil {
			return err
		}
	}
	for _, src := range append([]release.Source{m.Source}, m.Copies...) {
		if o, ok := release.ModuleAt(src.Path); src.Path != "" && (!ok || o == release.Debug || o == release.Headers) {
			continue
		}
		it := &item{source: src, release: r.Key, module: m.Path, base: base, action: action, bind: now, before: m.Facts.Digest, sig: m.Facts.Sig}
		if k, ok := j.links[src]; ok {
			if !k.hard {
				continue // a symlink stays what it is
			}
			it.of = &k.of
		}
		it.change = j.wouldChange(it, m.Facts)
		if err := it.onItsBase(m.Facts, j.o.BaseIsThisBuild); err != nil {
			return err
		}
		it.done = model.RepairModule{Input: src.Package, Path: cmp.Or(src.Path, m.Path), Release: r.Name, Compression: m.Facts.Compression,
			Before: hex.EncodeToString(it.before[:]), Signature: "kept", Done: "right already"}
		if it.action == Keep {
			it.done.Done = string(Keep)
		}
		if it.sig == nil {
			it.done.Signature = string(signing.Unsigned)
		}
		j.items[src] = it
	}
	return nil
}

// wouldChange reports whether the action has anything to do. The rehearsal has
// the last word.
func (j *job) wouldChange(it *item, f *kmod.Facts) bool {
	switch it.action {
	case Strip:
		return f.BTF.Len()+f.BTFBase.Len() > 0 || !j.o.Neutralize && (!f.BTF.Missing() || !f.BTFBase.Missing())
	case Distill:
		return f.BTF.Len() > 0 && f.BTFBase.Len() == 0
	case Rebase:
		return f.BTF.Len() > 0 && f.BTFBase.Len() == 0 && (it.base == nil || it.base.id != j.onto.id)
	case Stamp:
		return f.BTF.Len() > 0 && it.base != nil && !modfile.ProvenOn(f, it.base.id) &&
			string(f.Stamp) != string(stamp.Of(it.base.id, stamp.Asserted, f.BTF.Bytes(), f.BTFBase.Bytes()).Bytes())
	}
	return false
}

// signatures settles what becomes of the signatures of all modules that
// change, and whether the new key is one the image knows.
func (j *job) signatures(l *release.Loaded) error {
	known := map[release.Key]bool{}
	for _, r := range l.Releases {
		known[r.Key] = j.keyOf(r)
	}
	refused := 0
	var first error
	for _, it := range j.order {
		if !it.change {
			continue
		}
		var err error
		if it.fate, err = j.o.Rules.Fate(it.sig); err != nil {
			if refused++; first == nil {
				first = it.source.In(err)
			}
			continue
		}
		it.foreign = it.fate == signing.Resigned && !known[it.release]
		if it.foreign && !j.o.AllowForeignKey {
			return where.In(it.release.Name, usage("the certificate %q is not in the kernel image: modules signed by its key are blocked where signatures are enforced", j.o.Rules.Certificate.Subject).
				WithHint("--allow-foreign-key if the certificate is enrolled otherwise (MOK); give the image if it is not among the inputs"))
		}
	}
	if refused > 1 {
		j.out.Notes = append(j.out.Notes, "")
		return where.New(where.KindOf(first), "%v (and %d modules more)", first, refused-1).WithHint("%s", where.HintOf(first))
	}
	return first
}

// keyOf reports whether an image of the release carries the certificate of new
// signatures.
func (j *job) keyOf(r *release.Release) bool {
	c := j.o.Rules.Certificate
	for _, im := range r.Images {
		for _, der := range im.Facts.Certs {
			if c != nil && string(der) == string(c.DER) {
				return true
			}
		}
	}
	return false
}

// judgeBefore judges the inputs as they are: what is wrong in itself is not
// repaired by rewriting modules.
func (j *job) judgeBefore(ctx context.Context, l *release.Loaded) error {
	rep, err := j.judge(ctx, l)
	if err != nil {
		return err
	}
	j.before = rep
	if rep.Outcome.Action == model.Rebuild && j.o.Action == Strip {
		j.out.Notes = append(j.out.Notes, "the release is wrong in itself, rebuild it: "+worst(rep)+". Stripped, its modules load without BTF")
		return nil
	}
	if rep.Outcome.Action == model.Rebuild {
		return where.New(where.Unsupported, "the release is wrong in itself: %s", worst(rep)).
			WithHint("rebuild it; check says what is wrong")
	}
	return nil
}

// judge judges modules on the kernels they were built for: their own, or those
// of On.
func (j *job) judge(ctx context.Context, l *release.Loaded) (*model.Report, error) {
	o := judge.Options{Policy: j.o.Policy, Jobs: j.o.Jobs, BaseIsThisBuild: j.o.BaseIsThisBuild}
	if len(j.o.On) > 0 {
		return judge.Outside(ctx, l, j.o.On, o)
	}
	return judge.Check(ctx, l, nil, o)
}

// worst is the message of the finding that weighs most.
func worst(rep *model.Report) string {
	var out *model.Finding
	for i := range rep.Releases {
		for k := range rep.Releases[i].Findings {
			f := &rep.Releases[i].Findings[k]
			if out == nil || f.Action > out.Action || f.Action == out.Action && f.Inconclusive && !out.Inconclusive {
				out = f
			}
		}
	}
	if out == nil {
		return rep.Decision
	}
	return out.Message
}
