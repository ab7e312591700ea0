package report

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
)

// alikeReleases are releases with one outcome for the same reasons.
type alikeReleases struct {
	releases []*model.ReleaseVerdict
	by       *model.Finding
}

// several is the conclusion about many releases.
func (d *decided) several() conclusion {
	groups := d.alike()
	o := d.r.Outcome
	h := headline{word: wordOf(o), tone: toneOf(o), by: decisive(o, d.r.Findings)}
	total := len(d.r.Releases)
	n := 0
	for _, g := range groups {
		if g.releases[0].Outcome.ExitCode() == o.ExitCode() {
			n += len(g.releases)
			if h.by == nil {
				h.by = g.by
			}
		}
	}
	switch code := o.ExitCode(); {
	case total == 0 && len(d.r.Ignored) > 0:
		h.sentence = "no kernel release among the inputs"
	case total == 0:
		h.sentence = "no kernel release was given"
	case code == model.ExitInconclusive:
		h.sentence = fmt.Sprintf("the inputs cannot answer for the set of %d releases", total)
	case o.Action == model.Rebuild:
		h.sentence = fmt.Sprintf("%d of %d releases must be built again", max(n, 1), total)
	case o.Action == model.Bump:
		h.sentence = fmt.Sprintf("%d of %d releases need another ABI name", max(n, 1), total)
	case o.Action == model.Keep:
		h.sentence = fmt.Sprintf("all %d releases can ship as they are", total)
	default:
		h.sentence = fmt.Sprintf("%d of %d releases have modules to be repaired", max(n, 1), total)
	}
	if h.by != nil {
		h.lead = append(h.lead, screen.Sentence(h.by.Message))
	}
	all := make([]*model.ReleaseVerdict, total)
	for i := range all {
		all[i] = &d.r.Releases[i]
	}
	h.lead = append(h.lead, d.passed(all...)...)
	return conclusion{h, d.runReasons(groups, h.by), d.setNext(groups, &h), moreSteps(h.by, &d.o.Run)}
}

// alike groups the releases, the gravest outcome first.
func (d *decided) alike() []alikeReleases {
	var out []alikeReleases
	at := map[string]int{}
	for i := range d.r.Releases {
		v := &d.r.Releases[i]
		by := decisive(v.Outcome, v.Findings)
		key := v.Decision
		for k := range v.Findings {
			if f := &v.Findings[k]; f.Action != model.Keep || f.Inconclusive {
				key += "\x00" + f.Rule + "\x00" + f.Action.String()
			}
		}
		if v.Next != nil {
			key += "\x00" + v.Next.Name
		}
		if n, ok := at[key]; ok {
			out[n].releases = append(out[n].releases, v)
			continue
		}
		at[key] = len(out)
		out = append(out, alikeReleases{[]*model.ReleaseVerdict{v}, by})
	}
	slices.SortStableFunc(out, func(a, b alikeReleases) int { return int(rankOf(b)) - int(rankOf(a)) })
	return out
}

// rankOf orders outcomes as their exit codes do.
func rankOf(g alikeReleases) int {
	o := g.releases[0].Outcome
	return slices.Index([]int{model.ExitDone, model.ExitRepair, model.ExitInconclusive, model.ExitBump, model.ExitRebuild}, o.ExitCode())*10 + int(o.Action)
}

// outcomes are one line for each outcome that differs, the flavours behind it.
func (d *decided) outcomes(groups []alikeReleases) {
	for _, g := range groups {
		v := g.releases[0]
		names := make([]string, len(g.releases))
		arches := map[model.Arch]bool{}
		for i, r := range g.releases {
			arches[r.Release.Arch] = true
			names[i] = r.Release.Name
		}
		if len(arches) > 1 {
			for i, r := range g.releases {
				names[i] = strings.TrimSpace(r.Release.Name + " " + string(r.Release.Arch))
			}
		} else {
			names = shortNames(names)
		}
		text := plural(len(g.releases), "1 release", "%d releases")
		if g.by != nil {
			text += " [" + g.by.Rule + "]"
		}
		d.s.Entry(2, wordOf(v.Outcome), 14, toneOf(v.Outcome), text+": "+strings.Join(names, ", "))
	}
}

// runReasons are the findings about the set, then the first of each outcome.
func (d *decided) runReasons(groups []alikeReleases, lead *model.Finding) []reason {
	var out []reason
	for i := range d.r.Findings {
		if f := &d.r.Findings[i]; f != lead {
			out = append(out, reasonOf(f))
		}
	}
	for _, g := range groups {
		if g.by != nil && g.by != lead {
			x := reasonOf(g.by)
			x.text = g.releases[0].Release.Name + ": " + x.text
			out = append(out, x)
		}
	}
	for _, g := range d.r.Ignored {
		out = append(out, reason{"ignored", g.File + ": " + g.Why, screen.Plain})
	}
	return out
}

// setNext is what to do with the set.
func (d *decided) setNext(groups []alikeReleases, h *headline) []step {
	var next []step
	seen := map[string]bool{}
	for _, g := range groups {
		for _, v := range g.releases {
			if v.Outcome.Action != model.Bump || d.r.Outcome.Action != model.Bump {
				continue
			}
			if t := nextName(v); !seen[t] {
				seen[t] = true
				next = append(next, step{what: t})
			}
		}
	}
	if len(next) == 0 && len(groups) > 0 {
		v := *groups[0].releases[0]
		v.Outcome = d.r.Outcome
		next = nextSteps(&v, h.by, &d.o.Run)
	}
	if len(groups) == 0 {
		next = hintSteps(h.by, "give the packages, trees or files that hold lib/modules and the kernel image")
	}
	return next
}
