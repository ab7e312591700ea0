package explain

import (
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// Given is one release in which to look.
type Given struct {
	Release *release.Release
	// Rules are those of its kernel, nil when it cannot be asked; Why says why.
	Rules *encounter.Rules
	Why   string
}

// Explain says what each event of a log means and where it came from.
func Explain(l *Log, given []Given) *model.Explanation {
	doc := &model.Explanation{
		Schema: model.ExplanationSchema, Given: []model.GivenRelease{}, Ignored: []model.IgnoredInput{},
		Lines: l.lines, Unknown: l.unknown, Left: l.left, Events: []model.LogEvent{},
		Boots: append([]model.LogBoot{}, l.boots...), Loose: append([]model.LooseLine{}, l.loose...), LooseLeft: l.leftOver, Gaps: append([]model.LooseLine{}, l.gaps...),
	}
	s := newSearch(given)
	for i := range s.given {
		doc.Given = append(doc.Given, s.given[i].ref)
	}
	events := make([]*event, len(l.events))
	for i, read := range l.events {
		e := *read
		e.explain()
		if len(given) > 0 {
			s.find(&e)
		}
		events[i] = &e
	}
	doubt(events)
	for _, e := range events {
		e.LogEvent.Sources = append([]model.LogSource{}, e.Sources...)
		doc.Events = append(doc.Events, e.LogEvent)
	}
	return doc
}
