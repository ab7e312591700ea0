package site

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"kpkg-btf/internal/where"
)

// maxUnknown is how many units without a result the first page lists.
const maxUnknown = 200

// index writes the first page.
func (s *Site) index(ctx context.Context, families []family, external []external) error {
	var units, unknown int
	if err := s.DB.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE state != 'done') FROM unit").Scan(&units, &unknown); err != nil {
		return where.New(where.IO, "%w", err)
	}
	lead := []string{fmt.Sprintf("Complete: all %s have a result.", count(units, "unit", "units"))}
	if unknown > 0 {
		lead = []string{fmt.Sprintf("Not complete: %d of %s have no result. What they would say is unknown.", unknown, count(units, "unit", "units"))}
	}
	return s.page("index.html", "Audit of kernels", lead, func(p *page) error {
		p.table("Series and flavours", nil, "series", "architecture", "uploads", "wrong or to be repaired by themselves", "unknown", "newest", "decision")
		for i := range families {
			f := &families[i]
			bad, open := 0, 0
			for j := range f.kernels {
				switch f.kernels[j].self.Tone {
				case "g":
				case "n":
					open++
				default:
					bad++
				}
			}
			last := &f.kernels[len(f.kernels)-1]
			p.row(cell{Text: f.name, Link: f.page}, cell{Text: f.arch}, cell{Text: strconv.Itoa(len(f.kernels))}, cell{Text: strconv.Itoa(bad), Tone: toneIf(bad > 0, "b")},
				cell{Text: strconv.Itoa(open), Tone: toneIf(open > 0, "n")}, cell{Text: last.title()}, last.self)
		}
		p.end()
		if len(external) > 0 {
			p.table("External modules", nil, "package", "architecture", "versions")
			for _, e := range external {
				p.row(cell{Text: where.Clean(e.name), Link: e.page}, cell{Text: e.arch}, cell{Text: strconv.Itoa(e.versions)})
			}
			p.end()
		}
		if err := s.words(ctx, p); err != nil {
			return err
		}
		if err := s.rules(ctx, p); err != nil {
			return err
		}
		return s.unknown(ctx, p, unknown)
	})
}

func toneIf(is bool, tone string) string {
	if is {
		return tone
	}
	return ""
}

// kinds are what units ask, for people.
var kinds = map[string]string{"kernel": "a kernel on its own image", "window": "an upload on an earlier one", "outside": "external modules on a kernel"}

func (s *Site) words(ctx context.Context, p *page) error {
	p.table("Answers", nil, "question", "answer", "units")
	err := s.rows(ctx, func(scan func(...any) error) error {
		var kind, state string
		var word sql.NullString
		var asIf, n int
		if err := scan(&kind, &asIf, &state, &word, &n); err != nil {
			return err
		}
		text := kinds[kind]
		if asIf != 0 {
			text += ", as if it had kept the name"
		}
		c := answer(state, "", word.String, word.String)
		if state != "done" {
			c.Text = "unknown: " + state
		}
		p.row(cell{Text: text}, c, cell{Text: strconv.Itoa(n)})
		return nil
	}, "SELECT kind, as_if, state, word, count(*) FROM unit GROUP BY kind, as_if, state, word ORDER BY kind, as_if, state, word")
	p.end()
	return err
}

func (s *Site) rules(ctx context.Context, p *page) error {
	p.table("Findings", []string{"kpkg-btf help RULE explains one."}, "rule", "severity", "units", "first", "what it says there")
	err := s.rows(ctx, func(scan func(...any) error) error {
		var rule, severity, name, version, message string
		var n, first int
		if err := scan(&rule, &severity, &n, &first, &name, &version, &message); err != nil {
			return err
		}
		p.row(cell{Text: rule}, cell{Text: severity}, cell{Text: strconv.Itoa(n)}, cell{Text: where.Clean(name + " " + version)}, cell{Text: where.Clean(message)})
		return nil
	}, `SELECT f.rule, f.severity, n, first, side.name, side.version, message FROM
		(SELECT rule, severity, count(DISTINCT unit) AS n, min(unit) AS first, min(rowid) AS row FROM finding GROUP BY rule, severity) AS f
		JOIN unit ON unit.id = f.first JOIN side ON side.id = unit.new JOIN finding ON finding.rowid = f.row ORDER BY f.rule, f.severity`)
	p.end()
	return err
}

func (s *Site) unknown(ctx context.Context, p *page, n int) error {
	if n == 0 {
		return nil
	}
	text := "All of them are in units.jsonl."
	if n > maxUnknown {
		text = fmt.Sprintf("The first %d of %d; all of them are in units.jsonl.", maxUnknown, n)
	}
	p.table("Units without a result", []string{text}, "unit", "on", "state", "why")
	err := s.rows(ctx, func(scan func(...any) error) error {
		var name, version, state, reason string
		var otherName, otherVersion sql.NullString
		if err := scan(&name, &version, &otherName, &otherVersion, &state, &reason); err != nil {
			return err
		}
		p.row(cell{Text: where.Clean(name + " " + version)}, cell{Text: where.Clean(otherName.String + " " + otherVersion.String)}, cell{Text: state, Tone: "n"}, cell{Text: where.Clean(reason)})
		return nil
	}, `SELECT a.name, a.version, b.name, b.version, state, reason FROM unit JOIN side a ON a.id = unit.new LEFT JOIN side b ON b.id = unit.other
		WHERE state != 'done' ORDER BY unit.id LIMIT ?`, maxUnknown)
	p.end()
	return err
}
