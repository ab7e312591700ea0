package report

import (
	"cmp"
	"io"

	"kpkg-btf/internal/model"
)

// gitlabIssue is one entry of GitLab's code quality report, the subset of the
// Code Climate format that GitLab documents.
type gitlabIssue struct {
	Description string         `json:"description"`
	CheckName   string         `json:"check_name"`
	Fingerprint string         `json:"fingerprint"`
	Severity    string         `json:"severity"` // info, minor, major, critical, blocker
	Location    gitlabLocation `json:"location"`
}

type gitlabLocation struct {
	Path  string      `json:"path"`
	Lines gitlabLines `json:"lines"`
}

type gitlabLines struct {
	Begin int `json:"begin"`
}

// GitLab writes the findings as a GitLab code quality report. Fingerprints
// name a finding by release family, encounter and rule, so that the widget of
// a merge request tells new ones from old ones over uploads.
func GitLab(w io.Writer, r *model.Report, o Options) error {
	at := gitlabLocation{cmp.Or(o.Source, noFile), gitlabLines{1}}
	issues := []gitlabIssue{}
	if len(r.Releases) == 0 {
		issues = append(issues, gitlabIssue{Description: "no kernel release in the inputs", CheckName: "kpkg-btf.inputs",
			Fingerprint: fingerprint("inputs"), Severity: "critical", Location: at})
	}
	for _, t := range track(r) {
		for _, p := range t.parts {
			for _, f := range p.findings {
				issues = append(issues, gitlabIssue{Description: inBrief(f.Finding), CheckName: "kpkg-btf." + f.Rule, Fingerprint: f.fingerprint,
					Severity: gitlabSeverity(r, f.Finding), Location: at})
			}
		}
	}
	return foreign(w, issues)
}

func gitlabSeverity(r *model.Report, f *model.Finding) string {
	switch {
	case f.Inconclusive:
		return "critical"
	case fails(r, f) && f.Action == model.Rebuild:
		return "blocker"
	case fails(r, f) && f.Action >= model.RebuildFor:
		return "critical"
	case fails(r, f):
		return "major"
	case f.Severity == model.Info:
		return "info"
	}
	return "minor"
}

// noFile is where findings point to that no file of the repository stands for:
// GitLab demands a path.
const noFile = "kpkg-btf"
