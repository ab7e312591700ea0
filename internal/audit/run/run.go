// Package run does one share of a plan: what has a result is passed over, what
// failed before is tried again.
package run

import (
	"context"
	"errors"
	"io"

	"kpkg-btf/internal/audit/ask"
	"kpkg-btf/internal/audit/plan"
	"kpkg-btf/internal/audit/result"
	"kpkg-btf/internal/audit/store"
	"kpkg-btf/internal/audit/unit"
	"kpkg-btf/internal/where"
)

// Share is one run.
type Share struct {
	Plan  string
	Shard ask.Shard
	Store store.Store
	By    result.By
	// Do answers one unit.
	Do func(ctx context.Context, u *plan.Unit) ([]unit.Object, error)
	// Tell is told of each unit when it is settled: err is nil, or why there is no
	// result. there means that the store had it.
	Tell func(u *plan.Unit, there bool, err error)
}

// Counts are the units of a share by what became of them.
type Counts struct{ Done, There, Failed int }

// Run does the share. An error is of the plan or the store, and ends it; a unit
// that fails is counted.
func (s *Share) Run(ctx context.Context) (c Counts, err error) {
	r, err := plan.Open(s.Plan)
	if err != nil {
		return c, err
	}
	defer r.Close()
	for before := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		u, err := r.Next()
		if err == io.EOF {
			return c, nil
		}
		if err != nil {
			return c, err
		}
		mine := s.mine(before, &r.Head)
		before += u.Weight()
		if !mine {
			continue
		}
		if err := s.settle(ctx, u, &c); err != nil {
			return c, err
		}
	}
}

// mine: shares are ranges of the plan of about equal weight, so that the units of
// one kernel, which stand together, mostly share its packages.
func (s *Share) mine(before int64, h *plan.Head) bool {
	at := int64(float64(before) / float64(max(h.Weight, 1)) * float64(s.Shard.Total))
	return min(at, int64(s.Shard.Total)-1) == int64(s.Shard.Index)-1
}

func (s *Share) settle(ctx context.Context, u *plan.Unit, c *Counts) error {
	key := s.By.Key(u)
	text, err := s.Store.Get(ctx, result.Name(key))
	if err == nil {
		if _, err := result.Read(text, key); err != nil {
			return where.In(result.Name(key), err)
		}
		c.There++
		s.Tell(u, true, nil)
		return nil
	}
	if !errors.Is(err, store.ErrMissing) {
		return err
	}
	objects, failed := s.Do(ctx, u)
	if err := ctx.Err(); err != nil {
		return err
	}
	if failed != nil {
		c.Failed++
		s.Tell(u, false, failed)
		line, err := result.Marshal(result.Failure{Unit: u.Title(), Reason: where.Clean(failed.Error())})
		if err != nil {
			return err
		}
		return s.Store.Replace(ctx, result.Failed(key), line)
	}
	for _, o := range objects {
		if err := s.Store.Put(ctx, o.Name, o.Data); err != nil {
			return err
		}
	}
	c.Done++
	s.Tell(u, false, nil)
	return s.Store.Remove(ctx, result.Failed(key))
}
