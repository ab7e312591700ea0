package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"kpkg-btf/internal/audit/ask"
	"kpkg-btf/internal/audit/merge"
	"kpkg-btf/internal/audit/result"
	"kpkg-btf/internal/audit/site"
	"kpkg-btf/internal/audit/store"
	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// The files of a merged audit, and the folder of its pages.
const (
	databaseName = "audit.sqlite"
	linesName    = "units.jsonl"
	siteName     = "site"
)

// merge puts all results of some plans together.
func (p *program) merge(ctx context.Context, a *ask.Merge) (int, error) {
	_, by, err := judgement(a.Policy, a.Day)
	if err != nil {
		return 0, err
	}
	st, err := p.openStore(a.Store)
	if err != nil {
		return 0, err
	}
	if err := st.Check(ctx); err != nil {
		return 0, err
	}
	for _, dir := range []string{a.Output, filepath.Join(a.Output, siteName)} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return 0, where.In(dir, where.New(where.IO, "%w", err))
		}
	}
	// What is not whole has no name here: the database is made beside its place.
	part := filepath.Join(a.Output, "."+databaseName+".part")
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, where.In(part, where.New(where.IO, "%w", err))
	}
	defer os.Remove(part)
	c, err := p.merged(ctx, a, by, st, part)
	if err != nil {
		return 0, err
	}
	if err := os.Rename(part, filepath.Join(a.Output, databaseName)); err != nil {
		return 0, where.In(a.Output, where.New(where.IO, "%w", err))
	}
	total := c.Done + c.Failed + c.Missing
	code, text := model.ExitDone, fmt.Sprintf("complete: %s", model.Plural(total, "unit has a result", "units have a result"))
	if c.Done < total {
		code = model.ExitInconclusive
		text = fmt.Sprintf(model.Agree(c.Done, "not complete: %d of %s {has|have} a result; %d failed, %d not tried"), c.Done, model.Plural(total, "unit", "units"), c.Failed, c.Missing)
	}
	if _, err := fmt.Fprintf(p.stdout, "%s\nwritten: %s, %s and %s in %s\n", text, databaseName, linesName, filepath.Join(siteName, "index.html"), where.Clean(a.Output)); err != nil {
		return 0, where.In("standard output", where.New(where.IO, "%w", err))
	}
	return code, nil
}

// merged writes the database, the lines, the pages and the bases.
func (p *program) merged(ctx context.Context, a *ask.Merge, by result.By, st store.Store, part string) (c merge.Counts, err error) {
	d, err := merge.Create(ctx, part, tool(), by)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	bases := &merge.Bases{Folder: a.Bases, Store: st}
	err = fsx.WriteFile(filepath.Join(a.Output, linesName), 0o644, func(w io.Writer) error {
		lines := merge.NewLines(w)
		sinks := []merge.Sink{d, lines}
		if a.Bases != "" {
			sinks = append(sinks, bases)
		}
		var err error
		if c, err = merge.Merge(ctx, st, by, a.Plans, sinks...); err != nil {
			return err
		}
		return lines.Flush()
	}, nil, fsx.Options{Force: true})
	if err == nil {
		err = bases.Flush(ctx)
	}
	if err != nil {
		return c, err
	}
	db, err := d.Commit(ctx)
	if err != nil {
		return c, err
	}
	folder := filepath.Join(a.Output, siteName)
	if err := site.Reset(folder); err != nil {
		return c, err
	}
	s := &site.Site{DB: db, Folder: folder, Tool: tool(), Policy: by.Policy[:16], Day: by.Day, Rules: by.Rules}
	if err := s.Write(ctx); err != nil {
		return c, where.In(folder, err)
	}
	if a.Bases != "" && !p.quiet {
		p.note("bases in %s: %s new", a.Bases, model.Plural(bases.Written, "file", "files"))
	}
	return c, nil
}
