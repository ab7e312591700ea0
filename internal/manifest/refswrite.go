package manifest

import (
	"io"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/document"
	"kpkg-btf/internal/where"
)

// RefsDocument are references as their text has them.
type RefsDocument struct {
	Refs
	Lines     []refsLine      `json:"modules" doc:"sorted,lines"`
	Distilled []DistilledRefs `json:"distilled,omitempty" doc:"sorted,lines"` // since 2.1
}

// refsLine is one module. Types are those that are not embedded.
type refsLine struct {
	Path      string       `json:"path"`
	OwnTypes  bool         `json:"own_types,omitempty"`
	OwnNames  bool         `json:"own_names,omitempty"`
	Embedded  []btf.ID     `json:"embedded,omitempty" doc:"deltas"`
	Types     []btf.ID     `json:"types,omitempty" doc:"deltas"`
	IDs       []btf.ID     `json:"ids,omitempty" doc:"deltas"`
	UnsureIDs bool         `json:"unsure_ids,omitempty"`
	Ident     []btf.StrOff `json:"ident_names,omitempty" doc:"deltas"` // names by the rule for them (meaning.NameRule)
	Variable  []btf.StrOff `json:"variable_names,omitempty" doc:"deltas"`
	Section   []btf.StrOff `json:"section_names,omitempty" doc:"deltas"`
	Tag       []btf.StrOff `json:"tag_names,omitempty" doc:"deltas"`
	Any       []btf.StrOff `json:"any_names,omitempty" doc:"deltas"`
	Kfuncs    []string     `json:"kfuncs,omitempty" doc:"sorted"` // since 2.2
}

// names are the lists in the order of their rules.
func (l *refsLine) names() [meaning.NumNameRules]*[]btf.StrOff {
	return [...]*[]btf.StrOff{&l.Ident, &l.Variable, &l.Section, &l.Tag, &l.Any}
}

// Key implements the order of a document's list.
func (l refsLine) Key() string { return l.Path }

// Fault implements the rules of contents.
func (l *refsLine) Fault() string {
	if len(overlap(l.Embedded, l.Types)) > 0 {
		return "a type that is embedded and is not"
	}
	return pathFault(l.Path)
}

// overlap are the ids that are in both of two ascending lists.
func overlap(a, b []btf.ID) []btf.ID {
	var out []btf.ID
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			out = append(out, a[0])
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// Fault implements the rules of contents.
func (x *Refs) Fault() string {
	switch {
	case x.Release == "":
		return "no release"
	case x.Manifest == [32]byte{}:
		return "no manifest that it belongs to"
	}
	return ""
}

// MarshalRefs returns the text of x, which it does not change. Contents that
// cannot be are an error of kind Internal.
func MarshalRefs(x *Refs) ([]byte, error) {
	w := &RefsDocument{Refs: *x, Lines: make([]refsLine, len(x.Modules)), Distilled: x.Distilled}
	for i := range x.Modules {
		m := &x.Modules[i]
		l := &w.Lines[i]
		*l = refsLine{Path: m.Path, OwnTypes: m.OwnTypes, OwnNames: m.OwnNames, Embedded: m.Embedded, Types: m.pointees(), IDs: m.IDs, UnsureIDs: m.UnsureIDs, Kfuncs: m.Kfuncs}
		if len(overlap(m.Embedded, m.Types)) != len(m.Embedded) {
			return nil, where.New(where.Internal, "%s: embeds what it does not refer to", m.Path)
		}
		for rule, to := range l.names() {
			*to = m.Names[rule]
		}
	}
	text, _, err := document.Marshal(RefsSchema, x.Tool, w)
	if err != nil {
		return nil, err
	}
	return deflate(text)
}

// WriteRefs writes the text of x.
func WriteRefs(w io.Writer, x *Refs) error {
	text, err := MarshalRefs(x)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// ReadRefs reads references, by the rules of document.Unmarshal, compressed or
// not. What it holds grows with the text, at most 4 bytes for each 2 of it.
// Whether it belongs to a manifest is for Check to say.
func ReadRefs(text []byte) (*Refs, error) {
	text, err := Plain(text)
	if err != nil {
		return nil, err
	}
	w := &RefsDocument{}
	head, err := document.Unmarshal(text, RefsSchema, w)
	if err != nil {
		return nil, err
	}
	x := w.Refs
	x.Tool, x.Modules, x.Distilled = head.Tool, make([]ModuleRefs, len(w.Lines)), w.Distilled
	for i := range w.Lines {
		l := &w.Lines[i]
		m := &x.Modules[i]
		m.Path, m.UnsureIDs, m.Kfuncs = l.Path, l.UnsureIDs, l.Kfuncs
		m.Refs = meaning.Refs{OwnTypes: l.OwnTypes, OwnNames: l.OwnNames, Embedded: l.Embedded, IDs: l.IDs}
		m.Types = slices.Concat(l.Embedded, l.Types)
		slices.Sort(m.Types)
		for rule, from := range l.names() {
			m.Names[rule] = *from
		}
	}
	return &x, nil
}
