package site

import (
	"context"
	"database/sql"

	"kpkg-btf/internal/where"
)

// external is the packages of one name with external modules.
type external struct {
	arch, name, page string
	versions         int
}

func (s *Site) external(ctx context.Context) (out []external, err error) {
	err = s.rows(ctx, func(scan func(...any) error) error {
		var e external
		if err := scan(&e.arch, &e.name, &e.versions); err != nil {
			return err
		}
		e.page = s.fileName(e.arch, e.name)
		out = append(out, e)
		return nil
	}, "SELECT arch, name, count(*) FROM side WHERE kernel = 0 GROUP BY arch, name ORDER BY arch, name")
	return out, err
}

// modules writes the page of external modules: their versions on kernels.
func (s *Site) modules(ctx context.Context, e *external) error {
	column, head := map[int]int{}, []string{"version"}
	err := s.rows(ctx, func(scan func(...any) error) error {
		var id, age int
		var name, version, family string
		if err := scan(&id, &name, &version, &family, &age); err != nil {
			return err
		}
		column[id] = len(head)
		head = append(head, where.Clean(name+" "+version))
		return nil
	}, `SELECT DISTINCT k.id, k.name, k.version, k.family, k.age FROM unit JOIN side m ON m.id = unit.new JOIN side k ON k.id = unit.other
		WHERE kind = 'outside' AND m.arch = ? AND m.name = ? ORDER BY k.family, k.age`, e.arch, e.name)
	if err != nil {
		return err
	}
	return s.page(e.page, e.name+" "+e.arch, []string{count(e.versions, "version", "versions") + " of external modules."}, func(p *page) error {
		p.table("External modules on kernels", []string{"A row is a version, a column a kernel that may load it. “?” is unknown: no run has left a result."}, head...)
		var row []cell
		at := -1
		err := s.rows(ctx, func(scan func(...any) error) error {
			var new, other int
			var version, state, reason string
			var word, decision sql.NullString
			if err := scan(&new, &version, &other, &state, &reason, &word, &decision); err != nil {
				return err
			}
			if new != at {
				if row != nil {
					p.row(row...)
				}
				at, row = new, make([]cell, len(head))
				row[0].Text = where.Clean(version)
			}
			row[column[other]] = answer(state, reason, word.String, decision.String)
			return p.err
		}, `SELECT unit.new, m.version, unit.other, state, reason, word, decision FROM unit JOIN side m ON m.id = unit.new
			WHERE kind = 'outside' AND m.arch = ? AND m.name = ? ORDER BY unit.new, unit.other`, e.arch, e.name)
		if row != nil {
			p.row(row...)
		}
		p.end()
		return err
	})
}
