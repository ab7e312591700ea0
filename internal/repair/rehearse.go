package repair

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/repair/signing"
	"kpkg-btf/internal/where"
)

// rehearse carries everything out in memory and judges what comes out. It
// needs no space and leaves nothing; what is published later is, by digest,
// what was judged here.
func (j *job) rehearse(ctx context.Context) error {
	if !j.changes() {
		return nil
	}
	cross, err := newCross(ctx)
	if err != nil {
		return err
	}
	defer cross.close()
	l, err := release.Load(ctx, j.o.Inputs, release.Options{Jobs: j.o.Jobs, Progress: j.progress("rehearsing"), Images: &j.images,
		Rewrite: func(src release.Source, raw []byte) ([]byte, error) { return j.rehearseModule(ctx, src, raw, cross) }})
	if err != nil {
		return err
	}
	for _, r := range l.Releases {
		if len(r.Unread) > 0 {
			return r.Unread[0]
		}
	}
	j.shareLinks()
	checks, err := cross.finish()
	if err != nil {
		return err
	}
	j.out.Checks = append(j.out.Checks, checks...)
	if err := j.judgeAfter(ctx, l); err != nil {
		return err
	}
	return j.export()
}

// progress tells of one phase; nil where nobody listens.
func (j *job) progress(phase string) func(release.Step) {
	if j.o.Progress == nil {
		return nil
	}
	return func(s release.Step) { j.o.Progress(phase, s) }
}

// shareLinks gives further names of a file what became of the file.
func (j *job) shareLinks() {
	for _, it := range j.order {
		if it.of == nil {
			continue
		}
		t := j.items[*it.of]
		path := it.done.Path
		it.done, it.after, it.change = t.done, t.after, t.change
		it.done.Path = path
	}
}

func (j *job) changes() bool {
	for _, it := range j.order {
		if it.change {
			return true
		}
	}
	return false
}

// strips reports whether all that changes is stripped: what is open of a
// module was open before, and nothing of its BTF is left to be wrong.
func (j *job) strips() bool {
	return !slices.ContainsFunc(j.order, func(it *item) bool { return it.change && it.action != Strip })
}

func (j *job) rehearseModule(ctx context.Context, src release.Source, raw []byte, cross *cross) ([]byte, error) {
	it := j.items[src]
	if it == nil || !it.change {
		return raw, nil
	}
	t := toolbox.Get().(*tools)
	defer toolbox.Put(t)
	s, err := t.open(raw)
	if err != nil {
		return nil, err
	}
	if err := j.compressible(ctx, t, s); err != nil {
		return nil, err
	}
	r, err := j.transform(it, t, s)
	if err != nil {
		return nil, err
	}
	if !r.Changed {
		it.change = false
		return raw, nil
	}
	j.tell(it, r)
	if it.fate == signing.Resigned {
		if err := j.rehearseSigning(ctx, it, r.Data); err != nil {
			return nil, err
		}
	}
	return r.Data, cross.module(it, r.Data)
}

// compressible makes sure that the program for a format is there and works,
// once a format.
func (j *job) compressible(ctx context.Context, t *tools, s *stored) error {
	if _, done := j.tried.LoadOrStore(s.format, true); done {
		return nil
	}
	_, err := t.compress(ctx, s, s.plain[:min(len(s.plain), 64)])
	return err
}

// rehearseSigning notes what is to be signed. Signatures that were made
// elsewhere are looked up and verified now: one that is missing must not be
// found after half of a tree was written.
func (j *job) rehearseSigning(ctx context.Context, it *item, data []byte) error {
	it.done.SignedBy = keyID(j.o.Rules.Certificate)
	hash := j.o.Rules.HashFor(it.sig)
	if j.o.Export != nil {
		it.request = &signing.Request{Module: it.source.Path, Input: it.source.Package, Before: it.done.Before,
			Hash: hash, Digest: hex.EncodeToString(modsig.DigestOf(hash, data))}
		return nil
	}
	if _, ok := j.o.Rules.Signer.(*signing.Imported); ok {
		_, err := j.o.Rules.Sign(ctx, data, it.sig)
		return err
	}
	return nil
}

func keyID(c *modsig.Certificate) string { return hex.EncodeToString(c.Serial) }

// judgeAfter judges the rehearsed release. It must be keep; where the inputs
// could not answer the question before (no image among them), they cannot now
// either, and the account says so.
func (j *job) judgeAfter(ctx context.Context, l *release.Loaded) error {
	rep, err := j.judge(ctx, l)
	if err != nil {
		return err
	}
	c := model.RepairCheck{By: "kpkg-btf check", Result: "ok"}
	switch {
	case rep.Outcome == model.Outcome{}:
	case rep.Outcome.Action == model.Keep && (rep.Outcome == j.before.Outcome || j.strips()):
		c.Result = "not cross-checked: inconclusive as before: " + worst(rep)
	default:
		return where.New(where.Unsupported, "nothing is written: the result would not be keep but %s: %s", rep.Decision, worst(rep)).
			WithHint("%s", j.instead())
	}
	j.out.Checks = append([]model.RepairCheck{c}, j.out.Checks...)
	return nil
}

// instead says what to do where the result would not be right.
func (j *job) instead() string {
	if j.o.Action == Distill {
		return "kernels before 6.11 do not read .BTF.base: strip for those; else check says which action is right"
	}
	return "another action may be right: see check"
}

// export hands the digests out.
func (j *job) export() error {
	if j.o.Export == nil {
		return nil
	}
	var list []signing.Request
	for _, it := range j.order {
		if it.request != nil {
			list = append(list, *it.request)
		}
	}
	if err := j.o.Export(list); err != nil {
		return err
	}
	j.out.Notes = append(j.out.Notes, fmt.Sprintf("%d digests exported; nothing is written before their signatures are imported", len(list)))
	return nil
}

// firstError keeps the first error of several workers by the order of items,
// not by time.
type firstError struct {
	mu  sync.Mutex
	at  int
	err error
}

func (f *firstError) set(at int, err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil || at < f.at {
		f.at, f.err = at, err
	}
}

// before says that an item before this one has failed.
func (f *firstError) before(at int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil && f.at < at
}
