package report

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
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
func GitLab(w io.Writer, r *model.Report) error {
	issues := []gitlabIssue{}
	if len(r.Releases) == 0 {
		issues = append(issues, gitlabIssue{Description: "no kernel release in the inputs", CheckName: "kpkg-btf.inputs",
			Fingerprint: fingerprint("inputs"), Severity: "critical", Location: gitlabLocation{"inputs", gitlabLines{1}}})
	}
	for _, v := range groups(r) {
		for k := range v.Findings {
			f := &v.Findings[k]
			text := where.Clean(f.Message)
			if f.Hint != "" {
				text += ". Hint: " + where.Clean(f.Hint)
			}
			issues = append(issues, gitlabIssue{
				Description: text, CheckName: "kpkg-btf." + f.Rule, Fingerprint: fingerprint(identity(v, f)),
				Severity: gitlabSeverity(r, f), Location: gitlabLocation{location(v, f), gitlabLines{1}},
			})
		}
	}
	return foreign(w, issues)
}

func fingerprint(what string) string {
	sum := sha256.Sum256([]byte("kpkg-btf\x00" + what))
	return hex.EncodeToString(sum[:16])
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

// location is the file a finding points to: its one module, else the package.
// Both formats want a path in the source; a package build has none.
func location(v *model.ReleaseVerdict, f *model.Finding) string {
	if len(f.Subjects) > 0 && strings.Contains(f.Subjects[0], ".ko") {
		return where.Clean(f.Subjects[0])
	}
	if p := slices.Sorted(slices.Values(v.Release.Packages)); len(p) > 0 {
		return where.Clean(strings.ReplaceAll(p[0], " ", "_"))
	}
	return where.Clean(strings.ReplaceAll(v.Release.Name, " ", "_"))
}
