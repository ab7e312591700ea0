package report

import (
	"io"
	"net/url"
	"slices"
	"strings"

	"kpkg-btf/internal/judge/rules"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
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
		Automation  sarifAutomation   `json:"automationDetails"`
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
	// sarifRule is an entry of the catalogue of findings.
	sarifRule struct {
		ID      string       `json:"id"`
		Short   *sarifText   `json:"shortDescription,omitempty"`
		Full    *sarifText   `json:"fullDescription,omitempty"`
		Help    *sarifText   `json:"help,omitempty"`
		Default *sarifConfig `json:"defaultConfiguration,omitempty"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	// sarifAutomation tells runs of different flavours apart; its id ends in a
	// slash, so that the whole is the category of the run (GitHub).
	sarifAutomation struct {
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
		Locations    []sarifLocation    `json:"locations,omitempty"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
		Properties   map[string]any     `json:"properties"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
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

// SARIF writes the findings as a SARIF 2.1.0 log, one run for each release, so
// that flavours are told apart. What a policy waived is there as a suppressed
// result with its reason.
func SARIF(w io.Writer, r *model.Report, o Options) error {
	log := sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{}}
	for _, t := range track(r) {
		log.Runs = append(log.Runs, sarifRunOf(r, &t, o))
	}
	if len(log.Runs) == 0 {
		log.Runs = append(log.Runs, sarifRunOf(r, &tracked{}, o))
	}
	return foreign(w, log)
}

func sarifRunOf(r *model.Report, t *tracked, o Options) sarifRun {
	name, version, _ := strings.Cut(o.Tool, " ")
	if name == "" {
		name = "kpkg-btf"
	}
	id := "kpkg-btf/"
	if t.family != "" {
		id += strings.ReplaceAll(where.Clean(t.family), " ", "/") + "/"
	}
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: name, Version: version, Rules: []sarifRule{}}},
		Automation:  sarifAutomation{id},
		Invocations: []sarifInvocation{{Successful: r.Decision != "inconclusive", ExitCode: r.ExitCode}},
		Results:     []sarifResult{},
		Properties:  map[string]string{"decision": r.Decision, "policy": r.Policy.Source, "policySHA256": r.Policy.SHA256},
	}
	var ids []string
	for _, p := range t.parts {
		for _, f := range p.findings {
			ids = append(ids, f.Rule)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, id := range ids {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(id))
	}
	for _, p := range t.parts {
		for _, f := range p.findings {
			res := sarifOf(r, t.v, &f, o)
			res.RuleIndex, _ = slices.BinarySearch(ids, res.RuleID)
			run.Results = append(run.Results, res)
		}
	}
	return run
}

// sarifRuleOf describes a rule as the catalogue does.
func sarifRuleOf(id string) sarifRule {
	r, ok := rules.Of(id)
	if !ok {
		return sarifRule{ID: id} // of a document that a later version wrote
	}
	help := r.Means + "\n\nHow it is found: " + r.Found + "\n\nWhat to do: " + r.Do
	if r.Example != "" {
		help += "\n\nExample: " + r.Example
	}
	if r.Command != "" {
		help += "\n\nCommand: " + r.Command
	}
	help += "\n\n" + ruleFacts(&r)
	return sarifRule{id, &sarifText{screen.Sentence(r.Summary)}, &sarifText{r.Means}, &sarifText{help}, &sarifConfig{sarifLevel(r.Severity)}}
}

func sarifLevel(s model.Severity) string {
	switch s {
	case model.Error:
		return "error"
	case model.Warning:
		return "warning"
	}
	return "note"
}

func sarifOf(r *model.Report, v *model.ReleaseVerdict, f *trackedFinding, o Options) sarifResult {
	level := "note"
	switch {
	case fails(r, f.Finding):
		level = "error"
	case f.Severity != model.Info:
		level = "warning"
	}
	res := sarifResult{
		RuleID: f.Rule, Level: level, Message: sarifText{inBrief(f.Finding)}, Locations: sarifLocations(f.Finding, o.Source),
		Fingerprints: map[string]string{"kpkgBTF/v2": f.fingerprint},
		Properties: map[string]any{"release": v.Release.Name, "arch": string(v.Release.Arch), "encounter": string(f.Encounter),
			"against": f.Against, "action": f.Action.String(), "inconclusive": f.Inconclusive, "count": f.Count, "detail": lines(f.Finding)},
	}
	if f.Waived != "" {
		res.Suppressions = []sarifSuppression{{"external", where.Clean(f.Waived)}}
	}
	return res
}

// sarifLocations is where a finding is: in the file of the repository that the
// package is made from, where there is one, and in the first modules or symbols.
func sarifLocations(f *model.Finding, source string) []sarifLocation {
	var loc sarifLocation
	if source != "" {
		loc.Physical = &sarifPhysical{sarifArtifact{(&url.URL{Path: source}).EscapedPath()}}
	}
	for _, s := range f.Subjects[:min(len(f.Subjects), listed)] {
		kind := "variable"
		if strings.Contains(s, ".ko") {
			kind = "module"
		}
		loc.Logical = append(loc.Logical, sarifLogical{where.Clean(s), kind})
	}
	if loc.Physical == nil && len(loc.Logical) == 0 {
		return nil
	}
	return []sarifLocation{loc}
}
