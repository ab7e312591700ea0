package explain

import (
	"context"
	"io"
	"time"

	"kpkg-btf/internal/explain/klog"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// quiet is how long no line must come before a refusal counts as whole.
const quiet = time.Second

// Follow explains a log that goes on: each event as soon as it is whole, until
// the log ends or ctx does. What was logged before is yielded again when it is
// logged again.
func Follow(ctx context.Context, r io.Reader, given []Given, yield func(*model.LogEvent) error) error {
	records, ended := make(chan klog.Record), make(chan error, 1)
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, err := klog.Read(r, find, func(rec klog.Record) {
			select {
			case records <- rec:
			case <-stop.Done():
			}
		})
		ended <- err
	}()
	p, s := newReader(), newSearch(given)
	idle := time.NewTimer(quiet)
	defer idle.Stop()
	for {
		var last error
		done := false
		select {
		case <-ctx.Done():
			return nil
		case rec := <-records:
			p.record(rec)
			idle.Reset(quiet)
		case <-idle.C:
			p.settle(0)
		case last = <-ended:
			done = true
			p.settle(0)
		}
		for _, read := range p.log.events {
			e := *read
			e.explain()
			if len(given) > 0 {
				s.find(&e)
			}
			e.LogEvent.Sources = append([]model.LogSource{}, e.Sources...)
			if err := yield(&e.LogEvent); err != nil {
				return err
			}
		}
		p.forget()
		if done && last != nil && ctx.Err() == nil {
			return where.New(where.IO, "%w", last)
		}
		if done {
			return nil
		}
	}
}

// forget drops what was yielded, and keeps what says where the log is.
func (p *reader) forget() {
	p.log.events, p.log.loose, p.log.gaps = nil, nil, nil
	p.log.left, p.log.leftOver, p.bytes = 0, 0, 0
	clear(p.seen)
}
