package explain

import (
	"io"
	"slices"

	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// Given is one release in which to look.
type Given struct {
	Release *release.Release
	// Base is its kernel, nil when it cannot be asked; Why says why.
	Base *verdict.Base
	Why  string
}

// Log is a log that was read.
type Log struct{ p *parsed }

// Read takes the lines of a kernel's log, or of what modprobe said. The only
// errors are those of the reader and a log beyond 64 MiB.
func Read(r io.Reader) (*Log, error) {
	p := &parsed{seen: map[string]*event{}}
	if err := lines(r, p.line); err != nil {
		return nil, err
	}
	p.close()
	slices.SortStableFunc(p.events, func(a, b *event) int { return a.Line - b.Line })
	p.consequences()
	return &Log{p}, nil
}

// Events is how many things the log tells of.
func (l *Log) Events() int { return len(l.p.events) }

// fatal are the kinds that keep a module from being loaded.
var fatal = []string{Refused, Vermagic, SymbolVersion, SymbolUnknown, Namespace, Duplicate, Format, KeyRejected}

// consequences puts what modprobe said of a module to the kernel's reason.
func (p *parsed) consequences() {
	reason := map[string]*event{}
	for _, e := range p.events {
		if e.Module != "" && e.Kind != NotInserted && slices.Contains(fatal, e.Kind) && reason[e.Module] == nil {
			reason[e.Module] = e
		}
	}
	p.events = slices.DeleteFunc(p.events, func(e *event) bool {
		r := reason[e.Module]
		if e.Kind != NotInserted || r == nil || len(r.Log) > maxKept {
			return false
		}
		r.Log = append(r.Log, e.Log...)
		return true
	})
}

// Explain says what each event of a log means and where it came from.
func Explain(l *Log, given []Given) *model.Explanation {
	doc := &model.Explanation{
		Schema: model.ExplanationSchema, Given: []model.GivenRelease{}, Ignored: []model.IgnoredInput{},
		Lines: l.p.lines, Unknown: l.p.unknown, Left: l.p.left, Events: []model.LogEvent{},
	}
	s := newSearch(given)
	for i := range s.given {
		doc.Given = append(doc.Given, s.given[i].ref)
	}
	for _, e := range l.p.events {
		e.Sources, e.More, e.Name, e.Open = nil, 0, "", ""
		e.explain()
		if len(given) > 0 {
			s.find(e)
		}
		out := e.LogEvent
		out.Sources = append([]model.LogSource{}, e.Sources...)
		doc.Events = append(doc.Events, out)
	}
	return doc
}
