package site

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"kpkg-btf/internal/where"
)

// family is the kernels of one series and flavour.
type family struct {
	arch, name, page string
	kernels          []kernel
}

// kernel is one upload: its own unit.
type kernel struct {
	id            int
	name, version string
	self          cell
	modules       sql.NullInt64
	withBTF       sql.NullInt64
	bytes         sql.NullInt64
	types         sql.NullInt64
	slackTypes    sql.NullInt64
	slackStrings  sql.NullInt64
	kfuncs        sql.NullInt64
	wrong         sql.NullInt64
	repeated      sql.NullInt64
	of            sql.NullInt64
	doubled       sql.NullInt64
	namesLost     sql.NullInt64
	findings      int
}

func (k *kernel) title() string { return where.Clean(k.name + " " + k.version) }

// families lists all kernels with what is known of each by itself.
func (s *Site) families(ctx context.Context) (out []family, err error) {
	err = s.rows(ctx, func(scan func(...any) error) error {
		var arch, name string
		var state, reason, word, decision sql.NullString
		var k kernel
		if err := scan(&arch, &name, &k.id, &k.name, &k.version, &state, &reason, &word, &decision, &k.modules, &k.withBTF, &k.bytes, &k.types, &k.slackTypes, &k.slackStrings,
			&k.kfuncs, &k.wrong, &k.repeated, &k.of, &k.doubled, &k.namesLost, &k.findings); err != nil {
			return err
		}
		k.self = answer(state.String, reason.String, word.String, decision.String)
		if !state.Valid { // in this plan only as what others meet
			k.self = cell{Text: "not asked", Tone: "n"}
		}
		if n := len(out); n == 0 || out[n-1].arch != arch || out[n-1].name != name {
			out = append(out, family{arch: arch, name: name, page: s.fileName(arch, name)})
		}
		f := &out[len(out)-1]
		f.kernels = append(f.kernels, k)
		return nil
	}, `SELECT side.arch, side.family, side.id, side.name, side.version, unit.state, unit.reason, unit.word, unit.decision, unit.modules, unit.with_btf, unit.btf_bytes, unit.types,
		unit.slack_types, unit.slack_strings, kfuncs, kfuncs_wrong, repeated_bytes, of_bytes, doubled, names_lost,
		(SELECT count(*) FROM finding WHERE finding.unit = unit.id AND severity != 'info')
		FROM side LEFT JOIN unit ON unit.new = side.id AND unit.kind = 'kernel' LEFT JOIN health ON health.unit = unit.id
		WHERE side.kernel = 1 ORDER BY side.arch, side.family, side.age`)
	return out, err
}

// family writes the page of a series and flavour.
func (s *Site) family(ctx context.Context, f *family) error {
	return s.page(f.page, f.name+" "+f.arch, []string{count(len(f.kernels), "upload", "uploads") + ", the oldest first."}, func(p *page) error {
		p.table("Each kernel on its own image", nil, "kernel", "decision", "modules", "with BTF", "BTF, MB", "types of vmlinux", "findings", "kfuncs", "wrong", "types again in modules, %", "twice in vmlinux", "names lost", "slack: types", "slack: string bytes")
		for i := range f.kernels {
			k := &f.kernels[i]
			p.row(cell{Text: k.title()}, k.self, number(k.modules), number(k.withBTF), scaled(k.bytes, 1e6), number(k.types), cell{Text: strconv.Itoa(k.findings)}, number(k.kfuncs), alarming(k.wrong),
				percent(k.repeated, k.of), number(k.doubled), alarming(k.namesLost), number(k.slackTypes), number(k.slackStrings))
		}
		p.end()
		s.charts(p, f)
		if err := s.matrix(ctx, p, f); err != nil {
			return err
		}
		return s.findings(ctx, p, f)
	})
}

func number(n sql.NullInt64) cell {
	if !n.Valid {
		return cell{Text: "–"}
	}
	return cell{Text: strconv.FormatInt(n.Int64, 10)}
}

// alarming is a number that should be 0.
func alarming(n sql.NullInt64) cell {
	c := number(n)
	if n.Int64 > 0 {
		c.Tone = "c"
	}
	return c
}

func scaled(n sql.NullInt64, by float64) cell {
	if !n.Valid {
		return cell{Text: "–"}
	}
	return cell{Text: strconv.FormatFloat(float64(n.Int64)/by, 'f', 1, 64)}
}

func percent(n, of sql.NullInt64) cell {
	if !n.Valid || of.Int64 == 0 {
		return cell{Text: "–"}
	}
	return cell{Text: strconv.FormatFloat(100*float64(n.Int64)/float64(of.Int64), 'f', 2, 64)}
}

// bar is one upload in a chart.
type bar struct {
	X, Y, W, H, Title string
	Unknown           bool
}

// charts draws what changes from upload to upload.
func (s *Site) charts(p *page, f *family) {
	for _, c := range []struct {
		title string
		of    func(k *kernel) sql.NullInt64
	}{
		{"BTF of modules, bytes", func(k *kernel) sql.NullInt64 { return k.bytes }},
		{"types of vmlinux", func(k *kernel) sql.NullInt64 { return k.types }},
		{"bytes of types that modules have again", func(k *kernel) sql.NullInt64 { return k.repeated }},
		{"slack of a pinned series, types", func(k *kernel) sql.NullInt64 { return k.slackTypes }},
	} {
		most, least, known := int64(0), int64(0), 0
		for i := range f.kernels {
			if n := c.of(&f.kernels[i]); n.Valid {
				if known == 0 || n.Int64 < least {
					least = n.Int64
				}
				most = max(most, n.Int64)
				known++
			}
		}
		if known == 0 || len(f.kernels) < 2 {
			continue
		}
		const wide, high = 14, 110
		var bars []bar
		for i := range f.kernels {
			k := &f.kernels[i]
			n := c.of(k)
			h := float64(high)
			title := k.title() + ": unknown"
			if n.Valid {
				h = high * float64(n.Int64) / float64(max(most, 1))
				title = fmt.Sprintf("%s: %d", k.title(), n.Int64)
			}
			bars = append(bars, bar{X: strconv.Itoa(i * wide), Y: fmt.Sprintf("%.1f", 115-h), W: strconv.Itoa(wide - 3), H: fmt.Sprintf("%.1f", h), Title: title, Unknown: !n.Valid})
		}
		p.execute("chart", map[string]any{"Title": c.title, "Width": wide * len(bars), "Bars": bars, "Caption": fmt.Sprintf("from %d to %d; %d of %d known", least, most, known, len(bars))})
	}
}

// matrix shows each upload on those before it.
func (s *Site) matrix(ctx context.Context, p *page, f *family) error {
	column := map[int]int{}
	head := []string{"new, on the old"}
	for i := range f.kernels {
		column[f.kernels[i].id] = i + 1
		head = append(head, f.kernels[i].title())
	}
	p.table("Kernels on kernels", []string{
		"A row is a newer upload, a column an older one that may still be booted: what would be needed. Where the names differ, it is the question whether the name could have been kept.",
		"“?” is unknown: no run has left a result. An empty cell was not planned."}, head...)
	var row []cell
	at := -1
	err := s.rows(ctx, func(scan func(...any) error) error {
		var new, other, asIf int
		var state, reason string
		var word, decision, enforced, ignored sql.NullString
		if err := scan(&new, &other, &asIf, &state, &reason, &word, &decision, &enforced, &ignored); err != nil {
			return err
		}
		if new != at {
			if row != nil {
				p.row(row...)
			}
			at, row = new, make([]cell, len(head))
			row[0].Text = head[column[new]]
			row[column[new]] = cell{Text: "·"}
		}
		c := answer(state, reason, word.String, decision.String)
		if asIf != 0 {
			c.More += " as if it had kept the name"
		}
		if enforced != ignored {
			c.More += "; signatures enforced: " + enforced.String + ", ignored: " + ignored.String
		}
		if i, ok := column[other]; ok {
			row[i] = c
		}
		return nil
	}, `SELECT new, other, as_if, state, reason, word, decision, if_enforced, if_ignored FROM unit JOIN side ON side.id = unit.new
		WHERE kind = 'window' AND side.arch = ? AND side.family = ? ORDER BY side.age, unit.id`, f.arch, f.name)
	if err == nil && row != nil {
		p.row(row...)
	}
	p.end()
	return err
}

// findings lists what was seen in kernels by themselves.
func (s *Site) findings(ctx context.Context, p *page, f *family) error {
	p.table("Findings of kernels by themselves", []string{"kpkg-btf help RULE explains one."}, "kernel", "severity", "rule", "action", "what")
	err := s.rows(ctx, func(scan func(...any) error) error {
		var name, version, severity, rule, action, message string
		if err := scan(&name, &version, &severity, &rule, &action, &message); err != nil {
			return err
		}
		p.row(cell{Text: where.Clean(name + " " + version)}, cell{Text: severity}, cell{Text: rule}, cell{Text: action, Tone: tones[action]}, cell{Text: where.Clean(message)})
		return p.err
	}, `SELECT side.name, side.version, severity, rule, action, message FROM finding JOIN unit ON unit.id = finding.unit JOIN side ON side.id = unit.new
		WHERE kind = 'kernel' AND side.arch = ? AND side.family = ? ORDER BY side.age, finding.rowid`, f.arch, f.name)
	p.end()
	return err
}
