package audit

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"kpkg-btf/internal/audit/ask"
	"kpkg-btf/internal/audit/plan"
	"kpkg-btf/internal/audit/result"
	"kpkg-btf/internal/audit/rules"
	"kpkg-btf/internal/audit/run"
	"kpkg-btf/internal/audit/store"
	"kpkg-btf/internal/audit/store/s3"
	"kpkg-btf/internal/audit/unit"
	"kpkg-btf/internal/companion"
	"kpkg-btf/internal/fetch"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/toolversion"
	"kpkg-btf/internal/where"
	"kpkg-btf/policy"
)

// tool is the name and version in documents.
func tool() string { return "kpkg-btf " + toolversion.Version }

// openStore opens a folder, or a bucket.
func (p *program) openStore(place string) (store.Store, error) {
	if strings.HasPrefix(place, "s3://") {
		return s3.Open(place, p.getenv)
	}
	if strings.Contains(place, "://") {
		return nil, where.In(place, where.New(where.Usage, "a store is a folder or s3://BUCKET/PREFIX"))
	}
	return &store.Folder{Path: place}, nil
}

// judgement reads the policy, and says by what a run answers.
func judgement(file, day string) (*policy.Policy, result.By, error) {
	pol := policy.Default()
	if file != "" {
		text, err := companion.ReadFile(file, limits.MaxText)
		switch {
		case where.KindOf(err) == where.Limit:
			return nil, result.By{}, err
		case err != nil:
			return nil, result.By{}, where.New(where.Usage, "policy: %w", err)
		}
		if pol, err = policy.Parse(file, text); err != nil {
			return nil, result.By{}, err
		}
	}
	return pol, result.By{Rules: rules.Revision(), Policy: pol.EffectiveDigest(), Day: pol.On(day).Day()}, nil
}

// run does one share of a plan.
func (p *program) run(ctx context.Context, a *ask.Run) (int, error) {
	pol, by, err := judgement(a.Policy, a.Day)
	if err != nil {
		return 0, err
	}
	certs, err := pol.CertificatesDER()
	if err != nil {
		return 0, err
	}
	st, err := p.openStore(a.Store)
	if err != nil {
		return 0, err
	}
	d := &unit.Doer{
		Client: fetch.NewClient(a.Cache), By: by, Store: st, Tool: tool(), Used: run.Used,
		Options: judge.Options{Policy: pol, Jobs: a.Jobs, Day: a.Day, Certificates: certs},
	}
	defer d.Close()
	began := time.Now()
	s := &run.Share{Plan: a.Plan, Shard: a.Shard, Store: st, By: by, Do: func(ctx context.Context, u *plan.Unit) ([]unit.Object, error) {
		began = time.Now()
		objects, err := d.Do(ctx, u)
		if trimmed := run.Trim(a.Cache, a.CacheSize); err == nil {
			err = trimmed
		}
		return objects, err
	}}
	s.Tell = func(u *plan.Unit, there bool, err error) {
		switch {
		case err != nil:
			p.note("no result: %s: %v", u.Title(), err)
		case !there && !p.quiet:
			p.note("done: %s (%.1f s)", u.Title(), time.Since(began).Seconds())
		}
	}
	start := time.Now()
	c, err := s.Run(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintf(p.stdout, "share %d of %d: %s done, %d in the store already, %d without a result\ntook: %s\n", a.Shard.Index, a.Shard.Total,
		model.Plural(c.Done, "unit", "units"), c.There, c.Failed, cost(start, d.Fetched)); err != nil {
		return 0, where.In("standard output", where.New(where.IO, "%w", err))
	}
	if c.Failed > 0 {
		return model.ExitFailed, nil
	}
	return model.ExitDone, nil
}

// cost says what a run took.
func cost(start time.Time, fetched int64) string {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	cpu := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	return fmt.Sprintf("%.0f s, CPU %.0f s, %.0f MB of packages, at most %.0f MB of memory", time.Since(start).Seconds(), cpu.Seconds(), float64(fetched)/1e6, float64(u.Maxrss)/1e3)
}
