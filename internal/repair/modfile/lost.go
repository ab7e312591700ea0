package modfile

import (
	"fmt"
	"strings"
)

// lose says what the zeroed words were for: a sentence for each list, one for
// all trace events.
func (m *Module) lose() {
	traces := 0
	words := m.res.Words
	for len(words) > 0 {
		n := 1
		for n < len(words) && words[n].List == words[0].List {
			n++
		}
		if strings.HasPrefix(words[0].List, "__bpf_trace_btf_ids_") {
			traces++
		} else {
			m.res.Lost = append(m.res.Lost, lostList(words[:n]))
		}
		words = words[n:]
	}
	if traces > 0 {
		m.res.Lost = append(m.res.Lost, fmt.Sprintf("tracefs shows no btf_ids for %d classes of trace events", traces))
	}
}

// lostList names what one list was for. Of the lists in modules of 5.16 to 7.3
// only this one is looked at by anything but a registration that needs BTF
// itself.
func lostList(words []Word) string {
	list := words[0].List
	var names []string
	for _, w := range words {
		names = append(names, w.Kind+" "+w.Name)
	}
	what := strings.Join(names, ", ")
	switch list {
	case "btf_nf_conn_ids":
		return "BPF programs can no longer write to struct nf_conn directly (list btf_nf_conn_ids: " + what + "); kfuncs are not affected"
	case "":
		return "ids in .BTF_ids are 0: " + what
	}
	return fmt.Sprintf("list %s holds no ids any more: %s", list, what)
}
