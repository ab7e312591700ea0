// Package merge puts the results of a store together: one SQLite file, JSON lines,
// and what others make of them. Units come one after the other, so that memory does
// not grow with their number. A unit without a result is unknown, never fine.
package merge

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"

	"kpkg-btf/internal/audit/plan"
	"kpkg-btf/internal/audit/result"
	"kpkg-btf/internal/audit/store"
	"kpkg-btf/internal/where"
)

// State is what became of a unit.
type State string

const (
	Done    State = "done"
	Failed  State = "failed"  // tried, and why it has no result is known
	Missing State = "missing" // not tried
)

// Row is a unit and its answer: a line of units.jsonl.
type Row struct {
	Number int            `json:"number"` // in the order of the plans, from 1
	State  State          `json:"state"`
	Reason string         `json:"reason,omitempty"`
	Unit   *plan.Unit     `json:"unit"`
	Result *result.Result `json:"result,omitempty"`
}

// Counts are units by their state.
type Counts struct{ Done, Failed, Missing int }

// Sink takes rows in their order.
type Sink interface {
	Row(ctx context.Context, r *Row) error
}

// ahead is how many results are asked for at once: a store may be far away.
const ahead = 16

// Merge reads plans and hands every unit with its answer to the sinks. A unit that
// stands in two plans counts once.
func Merge(ctx context.Context, st store.Store, by result.By, plans []string, sinks ...Sink) (c Counts, err error) {
	ctx, cancel := context.WithCancel(ctx)
	rows := make(chan chan answer, ahead)
	var read error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(rows)
		read = units(ctx, plans, func(u *plan.Unit) bool {
			one := make(chan answer, 1)
			select {
			case rows <- one:
			case <-ctx.Done():
				return false
			}
			go func() { one <- look(ctx, st, by, u) }()
			return true
		})
	}()
	defer func() {
		cancel()
		for range rows { // what was asked for already
		}
		<-done
		if err == nil {
			err = read
		}
	}()
	for one := range rows {
		a := <-one
		if a.err != nil {
			return c, a.err
		}
		switch a.row.State {
		case Done:
			c.Done++
		case Failed:
			c.Failed++
		default:
			c.Missing++
		}
		a.row.Number = c.Done + c.Failed + c.Missing
		for _, s := range sinks {
			if err := s.Row(ctx, &a.row); err != nil {
				return c, err
			}
		}
	}
	return c, ctx.Err()
}

// units calls take for each unit of some plans, each question once.
func units(ctx context.Context, plans []string, take func(*plan.Unit) bool) error {
	seen := map[[32]byte]struct{}{}
	for _, name := range plans {
		r, err := plan.Open(name)
		if err != nil {
			return err
		}
		for {
			u, err := r.Next()
			if err == io.EOF {
				break
			}
			if err == nil && len(plans) > 1 {
				q := u.Question()
				if _, twice := seen[q]; twice {
					continue
				}
				seen[q] = struct{}{}
			}
			if err != nil || !take(u) {
				return errors.Join(err, ctx.Err(), r.Close())
			}
		}
		if err := r.Close(); err != nil {
			return where.In(name, where.New(where.IO, "%w", err))
		}
	}
	return nil
}

type answer struct {
	row Row
	err error
}

// look finds what a store has of a unit.
func look(ctx context.Context, st store.Store, by result.By, u *plan.Unit) answer {
	key := by.Key(u)
	row := Row{State: Missing, Unit: u}
	text, err := st.Get(ctx, result.Name(key))
	switch {
	case err == nil:
		row.State = Done
		if row.Result, err = result.Read(text, key); err != nil {
			return answer{row, where.In(result.Name(key), err)}
		}
		return answer{row, nil}
	case !errors.Is(err, store.ErrMissing):
		return answer{row, err}
	}
	text, err = st.Get(ctx, result.Failed(key))
	if errors.Is(err, store.ErrMissing) {
		row.Reason = "no run has left a result"
		return answer{row, nil}
	}
	if err != nil {
		return answer{row, err}
	}
	var f result.Failure
	if err := json.Unmarshal(text, &f); err != nil {
		return answer{row, where.In(result.Failed(key), where.New(where.Malformed, "%w", err))}
	}
	row.State, row.Reason = Failed, where.Clean(f.Reason)
	return answer{row, nil}
}

// Lines writes rows as lines of JSON.
type Lines struct{ w *bufio.Writer }

// NewLines writes to w; Flush ends it.
func NewLines(w io.Writer) *Lines { return &Lines{bufio.NewWriter(w)} }

// Row implements Sink.
func (l *Lines) Row(_ context.Context, r *Row) error {
	line, err := result.Marshal(r)
	if err != nil {
		return where.New(where.Internal, "%w", err)
	}
	_, err = l.w.Write(line)
	return err
}

// Flush writes what is held back.
func (l *Lines) Flush() error { return l.w.Flush() }
