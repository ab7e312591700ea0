package loadcheck

import (
	"fmt"

	"golang.org/x/sync/errgroup"

	"kpkg-btf/internal/kmod"
)

// All judges modules that lie beside each other: a module whose exporter does
// not load does not load either, however long the chain. names are what the
// kernel calls them; jobs is the number of workers.
func (s *Environment) All(list []*kmod.Facts, names []string, jobs int) []Result {
	out := make([]Result, len(list))
	var g errgroup.Group
	jobs = max(jobs, 1)
	for w := range jobs {
		g.Go(func() error {
			for i := w; i < len(list); i += jobs {
				out[i] = s.Check(list[i], names[i])
			}
			return nil
		})
	}
	_ = g.Wait() // no worker fails
	spread(out, names)
	return out
}

// spread hands refusals on to the modules that need a refused one, once for
// each place where it happens (When).
func spread(out []Result, names []string) {
	users := map[string][]int{}
	for i := range out {
		seen := map[string]bool{}
		for _, n := range out[i].needs {
			if !seen[n.module] {
				seen[n.module] = true
				users[n.module] = append(users[n.module], i)
			}
		}
	}
	for _, when := range [...]When{Always, IfLoaded, Enforced} {
		var queue []int
		blocked := make([]bool, len(out))
		for i := range out {
			if out[i].at(when) != nil {
				blocked[i] = true
				queue = append(queue, i)
			}
		}
		for len(queue) > 0 {
			i := queue[0]
			queue = queue[1:]
			for _, u := range users[names[i]] {
				if !blocked[u] && u != i {
					blocked[u] = true
					out[u].inherit(names[u], names[i], when, out[i].at(when))
					queue = append(queue, u)
				}
			}
		}
	}
}

// at returns the first refusal that happens in one place.
func (r *Result) at(when When) *Reason {
	for i := range r.Reasons {
		if r.Reasons[i].When == when {
			return &r.Reasons[i]
		}
	}
	return nil
}

// inherit adds that a module that is needed does not load, also where the list
// is full: it may be the only refusal of its place.
func (r *Result) inherit(name, needed string, when When, why *Reason) {
	symbol := ""
	for _, n := range r.needs {
		if n.module == needed {
			symbol = n.symbol
			break
		}
	}
	r.Reasons = append(r.Reasons, Reason{
		Rule: RuleDepends, Errno: enoent, Symbol: symbol, Module: needed, Loaded: why.Loaded, When: when,
		Text: fmt.Sprintf("%s: Unknown symbol %s (err %d)", name, symbol, enoent),
	})
}
