// Package unit answers one unit of a plan: it fetches the packages, judges, and
// says what a store is to keep. Where and when that happens has no part in it.
package unit

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"kpkg-btf/internal/audit/plan"
	"kpkg-btf/internal/audit/result"
	"kpkg-btf/internal/audit/store"
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/pin"
	"kpkg-btf/internal/decision"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/fetch"
	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/where"
)

// Object is something that a store is to keep.
type Object struct {
	Name string
	Data []byte
}

// Doer answers units.
type Doer struct {
	Client  *fetch.Client
	Options judge.Options
	By      result.By
	Store   store.Store
	Tool    string // name and version, in documents
	// Fetched counts the bytes of packages that were fetched or found in the cache.
	Fetched int64
	// Used is told of the files of packages; nil for nobody.
	Used func(file string)

	kernel held // that the last external modules met
}

// held is a kernel from its record, which lies in a folder as long as it is held.
type held struct {
	key    string
	loaded *release.Loaded
	remove func()
}

// Close lets go of what is held.
func (d *Doer) Close() {
	if d.kernel.remove != nil {
		d.kernel.remove()
	}
	d.kernel = held{}
}

// Do answers a unit. The result is the last of the objects, so that whoever finds
// it finds the others.
func (d *Doer) Do(ctx context.Context, u *plan.Unit) ([]Object, error) {
	switch u.Kind {
	case plan.Kernel:
		return d.record(ctx, u)
	case plan.Window:
		return d.window(ctx, u)
	}
	return d.outside(ctx, u)
}

// record judges a kernel on its own image, and records it.
func (d *Doer) record(ctx context.Context, u *plan.Unit) ([]Object, error) {
	l, err := d.load(ctx, &u.New, true)
	if err != nil {
		return nil, err
	}
	r := l.Releases[0]
	m, err := r.Record(d.Tool)
	if err != nil {
		return nil, err
	}
	if len(r.Modules) > 0 {
		if _, _, err := judge.RecordSelf(ctx, r, m, d.Options.Certificates, d.Options.Jobs); err != nil {
			return nil, err
		}
	}
	objects, rec, slack, err := d.recorded(ctx, r, m, d.By.Key(u))
	if err != nil {
		return nil, err
	}
	rep, err := judge.Check(ctx, l, nil, d.Options)
	if err != nil {
		return nil, err
	}
	v := &rep.Releases[0]
	res := d.result(u, rep)
	res.figures(v)
	res.Health, res.Record, res.Slack = v.Self.Health, rec, slack
	return d.finish(u, rep, res, objects)
}

// recorded writes what later units and other commands need of a kernel.
func (d *Doer) recorded(ctx context.Context, r *release.Release, m *manifest.Manifest, key string) (objects []Object, rec *result.Record, slack *result.Slack, err error) {
	rec = &result.Record{Manifest: key + ".json.zst"}
	var text bytes.Buffer
	base, _ := r.Base()
	if base != nil {
		if err := manifest.WriteBase(&text, base); err != nil {
			return nil, nil, nil, err
		}
		rec.Base = manifest.BaseName(m.Base.SHA256)
		objects = append(objects, Object{store.Records + "/" + rec.Base, bytes.Clone(text.Bytes())})
		raw, err := btf.Parse(base)
		if err != nil {
			return nil, nil, nil, err
		}
		if s := pin.SlackOf(raw); s.Types > 0 {
			slack = &result.Slack{Types: s.Types, Strings: s.Strings}
		}
	}
	if base != nil && len(r.Modules) > 0 {
		x, err := encounter.References(ctx, r, m, d.Options.Jobs)
		if err != nil {
			return nil, nil, nil, err
		}
		text.Reset()
		if err := manifest.WriteRefs(&text, x); err != nil {
			return nil, nil, nil, err
		}
		rec.Refs = manifest.RefsName(x.Manifest)
		objects = append(objects, Object{store.Records + "/" + rec.Refs, bytes.Clone(text.Bytes())})
	}
	text.Reset()
	if err := manifest.WriteCompressed(&text, m); err != nil {
		return nil, nil, nil, err
	}
	return append(objects, Object{store.Records + "/" + rec.Manifest, text.Bytes()}), rec, slack, nil
}

// window judges an upload against an earlier one. Both come as packages: what a
// kernel says to older modules is not all in a record.
func (d *Doer) window(ctx context.Context, u *plan.Unit) ([]Object, error) {
	old, err := d.load(ctx, u.Old, true)
	if err != nil {
		return nil, err
	}
	if err := old.Releases[0].ToManifest(d.Options.Jobs); err != nil {
		return nil, err
	}
	l, err := d.load(ctx, &u.New, true)
	if err != nil {
		return nil, err
	}
	o := d.Options
	o.AsIfSameRelease = u.AsIf
	rep, err := judge.Check(ctx, l, []*release.Loaded{old}, o)
	if err != nil {
		return nil, err
	}
	v := &rep.Releases[0]
	res := d.result(u, rep)
	res.figures(v)
	if len(v.Windows) > 0 {
		w := &v.Windows[0]
		res.Verdicts, res.Meanings = w.Verdicts, w.Meanings
		res.Pair = &result.Pair{Judged: w.Judged, BaseEqual: w.BaseEqual, Symbols: w.Symbols, IfEnforced: w.IfEnforced.String(), IfIgnored: w.IfIgnored.String()}
	}
	return d.finish(u, rep, res, nil)
}

// outside judges external modules on a kernel by its record, which is made first
// where the store does not have it: so the answer does not depend on who came
// first.
func (d *Doer) outside(ctx context.Context, u *plan.Unit) ([]Object, error) {
	kernel, err := d.recordedKernel(ctx, u.On)
	if err != nil {
		return nil, err
	}
	l, err := d.load(ctx, &u.New, false)
	if err != nil {
		return nil, err
	}
	rep, err := judge.Outside(ctx, l, []*release.Loaded{kernel}, d.Options)
	if err != nil {
		return nil, err
	}
	res := d.result(u, rep)
	for i := range rep.Releases {
		v := &rep.Releases[i]
		res.Modules += v.Release.Modules
		res.BTFBytes += v.Release.BTFBytes
		for j := range v.On {
			res.Verdicts = add(res.Verdicts, v.On[j].Verdicts)
			res.Meanings = add(res.Meanings, v.On[j].Meanings)
			res.Base = v.On[j].Kernel.Base
		}
		res.found(v.Findings)
	}
	return d.finish(u, rep, res, nil)
}

func add(to, counts []model.Count) []model.Count {
	c := model.Counter{}
	for _, list := range [][]model.Count{to, counts} {
		for _, x := range list {
			c[x.Word] += x.Count
		}
	}
	return c.Sorted()
}

// recordedKernel loads the record of a kernel from the store.
func (d *Doer) recordedKernel(ctx context.Context, side *plan.Side) (*release.Loaded, error) {
	u := &plan.Unit{Kind: plan.Kernel, New: *side}
	key := d.By.Key(u)
	if d.kernel.key == key {
		return d.kernel.loaded, nil
	}
	text, err := d.Store.Get(ctx, result.Name(key))
	if errors.Is(err, store.ErrMissing) {
		objects, err := d.Do(ctx, u)
		if err != nil {
			return nil, where.In(side.Title(), err)
		}
		for _, o := range objects {
			if err := d.Store.Put(ctx, o.Name, o.Data); err != nil {
				return nil, err
			}
		}
		text = objects[len(objects)-1].Data
	} else if err != nil {
		return nil, err
	}
	res, err := result.Read(text, key)
	if err != nil {
		return nil, where.In(result.Name(key), err)
	}
	h, err := d.fromRecord(ctx, res.Record)
	if err != nil {
		return nil, where.In(side.Title(), err)
	}
	for _, r := range h.loaded.Releases {
		for _, p := range r.Packages { // not the folder where it happens to lie
			p.Name, p.Version = side.Name, side.Version
		}
	}
	d.Close()
	d.kernel = *h
	d.kernel.key = key
	return h.loaded, nil
}

// fromRecord reads the objects of a record, which lie side by side as those that
// `record -o` writes.
func (d *Doer) fromRecord(ctx context.Context, rec *result.Record) (h *held, err error) {
	if rec == nil {
		return nil, where.New(where.Malformed, "its result names no record")
	}
	dir, remove, err := fsx.TempFolder()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			remove()
		}
	}()
	for _, name := range []string{rec.Manifest, rec.Base} {
		if name == "" {
			continue
		}
		if name != path.Base(name) {
			return nil, where.New(where.Malformed, "a record named %s", where.Clean(name))
		}
		data, err := d.Store.Get(ctx, store.Records+"/"+name)
		if err != nil {
			return nil, where.In(name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return nil, where.In(dir, where.New(where.IO, "%w", err))
		}
	}
	inputs, err := pack.Expand([]string{filepath.Join(dir, rec.Manifest)})
	if err != nil {
		return nil, err
	}
	l, err := release.Load(ctx, inputs, release.Options{Jobs: d.Options.Jobs})
	if err != nil {
		return nil, err
	}
	return &held{loaded: l, remove: remove}, nil
}

// result begins the result of a unit with what all kinds have.
func (d *Doer) result(u *plan.Unit, rep *model.Report) *answer {
	a := &answer{Result: result.Result{
		Schema: result.Schema, Key: d.By.Key(u), By: d.By, Kind: u.Kind, New: u.New.Title(), Decision: rep.Decision, Word: rep.Outcome.Word(), ExitCode: rep.ExitCode,
		Verdicts: []model.Count{}, Meanings: []model.Count{}, Findings: []result.Finding{},
	}}
	if o := u.Other(); o != nil {
		a.Other = o.Title()
	}
	a.found(rep.Findings)
	return a
}

// answer is a result in the making.
type answer struct{ result.Result }

func (a *answer) figures(v *model.ReleaseVerdict) {
	a.Modules, a.WithBTF, a.BTFBytes, a.Base = v.Release.Modules, v.Self.WithBTF, v.Release.BTFBytes, v.Release.Base
	a.Verdicts, a.Meanings = v.Self.Verdicts, v.Self.Meanings
	a.found(v.Findings)
}

func (a *answer) found(list []model.Finding) {
	for _, f := range list {
		a.Findings = append(a.Findings, result.Finding{Rule: f.Rule, Severity: string(f.Severity), Action: f.Action.String(), Inconclusive: f.Inconclusive, Count: f.Count, Message: f.Message})
	}
}

// finish adds the decision, and the result behind it.
func (d *Doer) finish(u *plan.Unit, rep *model.Report, a *answer, objects []Object) ([]Object, error) {
	decision.Settle(rep, nil)
	var text bytes.Buffer
	z := gzip.NewWriter(&text)
	if err := report.JSON(z, d.Tool, rep); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	line, err := result.Marshal(&a.Result)
	if err != nil {
		return nil, where.New(where.Internal, "%w", err)
	}
	return append(objects, Object{result.Decision(d.By.Key(u)), text.Bytes()}, Object{result.Name(d.By.Key(u)), line}), nil
}

// load reads the packages of a side. Of a kernel its release alone counts.
func (d *Doer) load(ctx context.Context, s *plan.Side, kernel bool) (*release.Loaded, error) {
	var inputs []pack.Input
	for i := range s.Packages {
		in, err := d.input(ctx, &s.Packages[i])
		if err != nil {
			return nil, where.In(s.Packages[i].Name, err)
		}
		inputs = append(inputs, in)
	}
	l, err := release.Load(ctx, inputs, release.Options{Jobs: d.Options.Jobs})
	if err != nil {
		return nil, err
	}
	if !kernel {
		return l, nil
	}
	var others []string
	for _, r := range l.Releases {
		if r.Name == s.Name {
			return &release.Loaded{Releases: []*release.Release{r}, Ignored: l.Ignored}, nil
		}
		others = append(others, r.Name)
	}
	return nil, where.In(s.Name, where.New(where.Inconclusive, "its packages hold no such release, but %q", others))
}

// busy is what is waited for another run that fetches the same file.
const busy = time.Second / 4

// input brings a package. Its name in messages is that of its file, wherever that
// lies on this machine.
func (d *Doer) input(ctx context.Context, p *plan.Package) (pack.Input, error) {
	algorithm, sum, _ := strings.Cut(p.Digest, ":")
	digest := fetch.Digest{Algorithm: algorithm, Hex: sum}
	in := pack.Input{Path: path.Base(p.At), At: p.At, From: "the plan", Size: p.Size}
	if algorithm == "sha256" {
		if _, err := hex.DecodeString(sum); err != nil {
			return in, where.New(where.Malformed, "%w", err)
		}
		in.SHA256 = sum
	}
	d.Fetched += p.Size
	if !strings.Contains(p.At, "://") {
		return in, fetch.Verify(p.At, p.Size, digest)
	}
	for {
		file, err := d.Client.Fetch(ctx, &fetch.Package{Name: p.Name, Size: p.Size, Digest: digest, At: p.At})
		if err == nil {
			if d.Used != nil {
				d.Used(file)
			}
			in.At = file
			return in, nil
		}
		if !errors.Is(err, fsx.ErrBusy) {
			return in, err
		}
		select {
		case <-ctx.Done():
			return in, ctx.Err()
		case <-time.After(busy):
		}
	}
}
