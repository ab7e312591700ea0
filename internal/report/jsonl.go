package report

import (
	"io"

	"kpkg-btf/internal/model"
)

// EventsSchema is the schema word of the stream that JSONLines writes.
const EventsSchema = "kpkg-btf/events/1.0"

// JSONLines writes a decision as a stream, one JSON object a line, each with
// its kind in "event": start, release, finding, module, decision. The first
// line names the schema, the last one is the decision: a stream without it was
// cut off.
func JSONLines(w io.Writer, r *model.Report) error {
	events := []any{struct {
		Event   string               `json:"event"`
		Schema  string               `json:"schema"`
		Policy  model.PolicyRef      `json:"policy"`
		New     []model.ReleaseRef   `json:"new"`
		Old     []model.ReleaseRef   `json:"old"`
		Kernels []model.ReleaseRef   `json:"kernels,omitempty"`
		Ignored []model.IgnoredInput `json:"ignored"`
	}{"start", EventsSchema, r.Policy, r.New, r.Old, r.Kernels, r.Ignored}}
	for i := range r.Releases {
		events = append(events, releaseEvents(&r.Releases[i])...)
	}
	for i := range r.Findings { // about the run itself: of no release
		events = append(events, findingEvent(of{Event: "finding"}, &r.Findings[i]))
	}
	events = append(events, struct {
		Event    string        `json:"event"`
		Decision string        `json:"decision"`
		Outcome  model.Outcome `json:"outcome"`
		ExitCode int           `json:"exit_code"`
		FailOn   string        `json:"fail_on,omitempty"`
	}{"decision", r.Decision, r.Outcome, r.ExitCode, r.FailOn})
	for _, e := range events {
		if err := JSONLine(w, e); err != nil {
			return err
		}
	}
	return nil
}

// of says which release a line is about.
type of struct {
	Event   string     `json:"event"`
	Release string     `json:"release"`
	Arch    model.Arch `json:"arch"`
}

func findingEvent(head of, f *model.Finding) any {
	return struct {
		of
		Finding *model.Finding `json:"finding"`
	}{head, f}
}

func releaseEvents(v *model.ReleaseVerdict) []any {
	head := func(event string) of { return of{event, v.Release.Name, v.Release.Arch} }
	events := []any{struct {
		of
		Decision string               `json:"decision"`
		Outcome  model.Outcome        `json:"outcome"`
		Self     model.SelfResult     `json:"self"`
		Windows  []model.WindowResult `json:"windows"`
		On       []model.KernelResult `json:"on,omitempty"`
	}{head("release"), v.Decision, v.Outcome, v.Self, v.Windows, v.On}}
	for i := range v.Findings {
		events = append(events, findingEvent(head("finding"), &v.Findings[i]))
	}
	for i := range v.Modules {
		events = append(events, struct {
			of
			Module *model.ModuleDecision `json:"module"`
		}{head("module"), &v.Modules[i]})
	}
	return events
}
