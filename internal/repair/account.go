package repair

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
)

// account completes the report.
func (j *job) account() {
	counts := map[string]int{}
	blocked := 0
	for _, it := range j.order {
		j.out.Modules = append(j.out.Modules, it.done)
		counts[it.done.Done]++
		if it.done.Blocked {
			blocked++
		}
	}
	for word, n := range counts {
		j.out.Actions = append(j.out.Actions, model.Count{Word: word, Count: n})
	}
	slices.SortFunc(j.out.Actions, func(a, b model.Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Word, b.Word))
	})
	if blocked > 0 {
		j.out.Notes = append(j.out.Notes, fmt.Sprintf("%d modules are signed by a key of no certificate in the kernel image: blocked where signatures are enforced, unless the certificate is enrolled", blocked))
	}
	dropped := 0
	for _, it := range j.order {
		if it.done.Signature == "dropped" {
			dropped++
		}
	}
	if dropped > 0 {
		j.out.Notes = append(j.out.Notes, fmt.Sprintf("modules that lost their signature: %d; they are blocked where signatures are enforced until they are signed again", dropped))
	}
}
