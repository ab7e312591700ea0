package merge

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"kpkg-btf/internal/abiname"
	"kpkg-btf/internal/audit/plan"
	"kpkg-btf/internal/audit/result"
	"kpkg-btf/internal/fetch"
	"kpkg-btf/internal/where"
)

// Schema is what the table audit says of the database.
const Schema = "kpkg-btf/audit/1.0"

//go:embed schema.sql
var schema string

// Database is the SQLite file in the making.
type Database struct {
	file string
	db   *sql.DB
	tx   *sql.Tx
	// statements
	side, knownSide, pkg, unit, outcome, finding, health *sql.Stmt
}

// Create makes the tables of a file that is missing.
func Create(ctx context.Context, file, tool string, by result.By) (*Database, error) {
	// The file gets its name when it is whole, so that no journal is needed.
	db, err := sql.Open("sqlite", "file:"+strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(file)+"?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=cache_size(-16000)&_pragma=locking_mode(EXCLUSIVE)")
	if err != nil {
		return nil, where.In(file, where.New(where.IO, "%w", err))
	}
	db.SetMaxOpenConns(1)
	d := &Database{file: file, db: db}
	if err := d.prepare(ctx, tool, by); err != nil {
		db.Close()
		return nil, err
	}
	return d, nil
}

func (d *Database) prepare(ctx context.Context, tool string, by result.By) error {
	if _, err := d.db.ExecContext(ctx, schema); err != nil {
		return d.fail(err)
	}
	if _, err := d.db.ExecContext(ctx, "INSERT INTO audit VALUES (?,?,?,?,?)", Schema, tool, by.Rules, by.Policy, by.Day); err != nil {
		return d.fail(err)
	}
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return d.fail(err)
	}
	d.tx = tx
	for to, text := range map[**sql.Stmt]string{
		&d.side:      "INSERT INTO side (name, version, arch, family, kernel, age, digests) VALUES (?,?,?,?,?,0,?) ON CONFLICT DO NOTHING",
		&d.knownSide: "SELECT id FROM side WHERE digests = ?",
		&d.pkg:       "INSERT INTO package VALUES (?,?,?,?,?)",
		&d.unit:      "INSERT INTO unit VALUES (" + strings.Repeat("?,", 23) + "?)",
		&d.outcome:   "INSERT INTO outcome VALUES (?,?,?,?)",
		&d.finding:   "INSERT INTO finding VALUES (?,?,?,?,?,?,?)",
		&d.health:    "INSERT INTO health VALUES (?,?,?,?,?,?,?)",
	} {
		if *to, err = tx.PrepareContext(ctx, text); err != nil {
			return d.fail(err)
		}
	}
	return nil
}

func (d *Database) fail(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return where.In(d.file, where.New(where.IO, "%w", err))
}

// sideID is the number of a side, which is added when it is new.
func (d *Database) sideID(ctx context.Context, s *plan.Side, kernel bool) (id int64, err error) {
	digests := strings.Join(s.Digests(), "\n")
	family := ""
	if kernel {
		family = abiname.Family(s.Name)
	}
	added, err := d.side.ExecContext(ctx, s.Name, s.Version, s.Arch, family, kernel, digests)
	if err != nil {
		return 0, err
	}
	n, err := added.RowsAffected()
	if err != nil {
		return 0, err
	}
	if err := d.knownSide.QueryRowContext(ctx, digests).Scan(&id); err != nil || n == 0 {
		return id, err
	}
	for i := range s.Packages {
		p := &s.Packages[i]
		if _, err := d.pkg.ExecContext(ctx, id, p.Name, p.Digest, p.Size, p.At); err != nil {
			return 0, err
		}
	}
	return id, nil
}

// Row implements Sink.
func (d *Database) Row(ctx context.Context, r *Row) error { return d.fail(d.row(ctx, r)) }

func (d *Database) row(ctx context.Context, r *Row) error {
	u := r.Unit
	var other any
	if o := u.Other(); o != nil {
		id, err := d.sideID(ctx, o, true)
		if err != nil {
			return err
		}
		other = id
	}
	new, err := d.sideID(ctx, &u.New, u.Kind != plan.Outside)
	if err != nil {
		return err
	}
	values := []any{r.Number, string(u.Kind), u.AsIf, new, other, string(r.State), r.Reason}
	x := r.Result
	if x == nil {
		_, err := d.unit.ExecContext(ctx, append(values, make([]any, 17)...)...)
		return err
	}
	values = append(values, x.Key, x.Decision, x.Word, x.ExitCode, x.Modules, x.WithBTF, x.BTFBytes, x.Base.SHA256, x.Base.Types, x.Base.StringBytes)
	if x.Slack != nil {
		values = append(values, x.Slack.Types, x.Slack.Strings)
	} else {
		values = append(values, nil, nil)
	}
	switch p := x.Pair; {
	case p == nil:
		values = append(values, nil, nil, nil, nil, nil)
	case p.Symbols == nil:
		values = append(values, string(p.BaseEqual), p.IfEnforced, p.IfIgnored, nil, nil)
	default:
		values = append(values, string(p.BaseEqual), p.IfEnforced, p.IfIgnored, p.Symbols.Changed, p.Symbols.Lost)
	}
	if _, err := d.unit.ExecContext(ctx, values...); err != nil {
		return err
	}
	return d.details(ctx, r.Number, x)
}

func (d *Database) details(ctx context.Context, number int, x *result.Result) error {
	for _, c := range x.Verdicts {
		if _, err := d.outcome.ExecContext(ctx, number, "verdict", c.Word, c.Count); err != nil {
			return err
		}
	}
	for _, c := range x.Meanings {
		if _, err := d.outcome.ExecContext(ctx, number, "meaning", c.Word, c.Count); err != nil {
			return err
		}
	}
	for _, f := range x.Findings {
		if _, err := d.finding.ExecContext(ctx, number, f.Rule, f.Severity, f.Action, f.Inconclusive, f.Count, f.Message); err != nil {
			return err
		}
	}
	if h := x.Health; h != nil {
		if _, err := d.health.ExecContext(ctx, number, h.Kfuncs, len(h.KfuncsWrong), h.Repeated.Bytes, h.Repeated.Of, len(h.Doubled), len(h.NamesLost)); err != nil {
			return err
		}
	}
	return nil
}

// Commit ends the writing; the database can be asked from then on.
func (d *Database) Commit(ctx context.Context) (*sql.DB, error) {
	err := d.ages(ctx)
	if err == nil {
		err = d.tx.Commit()
	}
	return d.db, d.fail(err)
}

// ages numbers the kernels of each family: plans may come in any order.
func (d *Database) ages(ctx context.Context) error {
	type aged struct {
		fetch.Kernel
		id     int64
		family string
	}
	var all []aged
	rows, err := d.tx.QueryContext(ctx, "SELECT id, name, version, arch, family FROM side WHERE kernel = 1")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k aged
		if err := rows.Scan(&k.id, &k.Release, &k.Version, &k.Arch, &k.family); err != nil {
			return err
		}
		all = append(all, k)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b aged) int {
		return cmp.Or(strings.Compare(a.Arch, b.Arch), strings.Compare(a.family, b.family), a.Compare(&b.Kernel), cmp.Compare(a.id, b.id))
	})
	n := 0
	for i := range all {
		if n++; i > 0 && (all[i].Arch != all[i-1].Arch || all[i].family != all[i-1].family) {
			n = 1
		}
		if _, err := d.tx.ExecContext(ctx, "UPDATE side SET age = ? WHERE id = ?", n, all[i].id); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the file. Without Commit it is of no use.
func (d *Database) Close() error { return d.fail(d.db.Close()) }
