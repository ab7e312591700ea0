package manifest

import (
	"fmt"

	"kpkg-btf/internal/document"
	"kpkg-btf/internal/model"
)

// Self is what record found of a release's modules on its own image, before
// any policy. It stands in one document with the digests of what it speaks of.
type Self struct {
	Result   model.SelfResult `json:"result"`
	Findings []SelfFinding    `json:"findings"`
}

// SelfFinding is a finding with all its subjects, so that a policy can still
// rule on each.
type SelfFinding struct {
	model.Finding
	// Several is the message behind the number of subjects, for any number but
	// one, for which Message stands; "" where Message stands for all.
	Several string `json:"several,omitempty"`
	// First is a detail of the first subject.
	First string `json:"first,omitempty"`
}

// answers are the different things that were found of modules, and of each
// module which of them; what names the module is left out.
func answers(modules []Module) (list []model.ModuleDecision, which []*uint32, err error) {
	number := map[string]*uint32{}
	which = make([]*uint32, len(modules))
	for i := range modules {
		if modules[i].Self == nil {
			continue
		}
		d := *modules[i].Self
		d.Path, d.Name, d.BTF, d.BTFBase, d.BTFIDs, d.BTFBytes, d.RepeatedBytes = "", "", "", "", "", 0, 0
		text, err := document.Line(d)
		if err != nil {
			return nil, nil, err
		}
		n := number[string(text)]
		if n == nil {
			next := uint32(len(list))
			n = &next
			number[string(text)] = n
			list = append(list, d)
		}
		which[i] = n
	}
	return list, which, nil
}

// selfFault says where answers and modules do not fit.
func (w *Document) selfFault() string {
	for i := range w.Lines {
		l := &w.Lines[i]
		switch {
		case l.Says == nil:
		case w.Self == nil:
			return fmt.Sprintf("modules: %s: an answer of self that is not there", l.Path)
		case int64(*l.Says) >= int64(len(w.Answers)):
			return fmt.Sprintf("modules: %s: answer %d of %d", l.Path, *l.Says, len(w.Answers))
		}
	}
	if w.Self == nil || !w.Self.Result.Judged {
		return ""
	}
	if w.Self.Result.Modules != len(w.Lines) {
		return fmt.Sprintf("self: %d modules were judged of %d", w.Self.Result.Modules, len(w.Lines))
	}
	return ""
}
