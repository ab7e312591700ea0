package report

import (
	"io"
	"net/url"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// The parts of SARIF 2.1.0 (OASIS standard) that a decision fills.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
		Properties  map[string]string `json:"properties"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifInvocation struct {
		Successful bool `json:"executionSuccessful"`
		ExitCode   int  `json:"exitCode"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Level        string             `json:"level"` // error, warning, note
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
		Properties   map[string]any     `json:"properties"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"` // external: the policy lies outside the source
		Justification string `json:"justification"`
	}
)

// SARIF writes the findings as a SARIF 2.1.0 log of one run. What a policy
// waived is there as a suppressed result with its reason.
func SARIF(w io.Writer, r *model.Report, o Options) error {
	name, version, _ := strings.Cut(o.Tool, " ")
	if name == "" {
		name = "kpkg-btf"
	}
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: name, Version: version, Rules: []sarifRule{}}},
		Invocations: []sarifInvocation{{Successful: r.Decision != "inconclusive", ExitCode: r.ExitCode}},
		Results:     []sarifResult{},
		Properties:  map[string]string{"decision": r.Decision, "policy": r.Policy.Source, "policySHA256": r.Policy.SHA256},
	}
	rules := ruleIDs(r)
	for _, id := range rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{id})
	}
	for _, v := range groups(r) {
		for k := range v.Findings {
			res := sarifOf(r, v, &v.Findings[k])
			res.RuleIndex, _ = slices.BinarySearch(rules, res.RuleID)
			run.Results = append(run.Results, res)
		}
	}
	return foreign(w, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

func ruleIDs(r *model.Report) []string {
	var ids []string
	for _, v := range groups(r) {
		for k := range v.Findings {
			ids = append(ids, v.Findings[k].Rule)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func sarifOf(r *model.Report, v *model.ReleaseVerdict, f *model.Finding) sarifResult {
	level := "note"
	switch {
	case fails(r, f):
		level = "error"
	case f.Severity != model.Info:
		level = "warning"
	}
	loc := sarifLocation{Physical: sarifPhysical{sarifArtifact{(&url.URL{Path: location(v, f)}).EscapedPath()}}}
	for _, s := range f.Subjects {
		kind := "variable"
		if strings.Contains(s, ".ko") {
			kind = "module"
		}
		loc.Logical = append(loc.Logical, sarifLogical{where.Clean(s), kind})
	}
	res := sarifResult{
		RuleID: f.Rule, Level: level, Message: sarifText{lines(f)}, Locations: []sarifLocation{loc},
		Fingerprints: map[string]string{"kpkgBTF/v1": fingerprint(identity(v, f))},
		Properties: map[string]any{"release": v.Release.Name, "arch": string(v.Release.Arch), "encounter": string(f.Encounter),
			"against": f.Against, "action": f.Action.String(), "inconclusive": f.Inconclusive, "count": f.Count},
	}
	if f.Waived != "" {
		res.Suppressions = []sarifSuppression{{"external", where.Clean(f.Waived)}}
	}
	return res
}
