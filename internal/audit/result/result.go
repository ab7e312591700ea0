// Package result is what a store holds of a unit: the answer in figures, under the
// digest of what was asked and by which rules.
package result

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"kpkg-btf/internal/audit/plan"
	"kpkg-btf/internal/audit/store"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Schema is the schema word of a result.
const Schema = "kpkg-btf/audit-result/1.0"

// By is what answers: the rules of the program and of the policy.
type By struct {
	Rules  int    `json:"rules"`  // rules.Revision
	Policy string `json:"policy"` // digest of what it means
	// Day is the day by which waivers expire, "" when none does.
	Day string `json:"day,omitempty"`
}

// Key is the name of a unit's result.
func (b *By) Key(u *plan.Unit) string {
	q := u.Question()
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%s\n%s\n%x\n", Schema, b.Rules, b.Policy, b.Day, q))
	return hex.EncodeToString(sum[:])
}

// Name is where a store has the result of a key, Failed why there is none, and
// Decision the whole document behind it.
func Name(key string) string     { return store.Spread("results", key, ".json") }
func Failed(key string) string   { return store.Spread("failed", key, ".json") }
func Decision(key string) string { return store.Spread("decisions", key, ".json.gz") }

// Result is the answer to a unit. It holds nothing of when, where and how fast it
// was found: the same question has the same bytes.
type Result struct {
	Schema   string    `json:"schema"`
	Key      string    `json:"key"`
	By       By        `json:"by"`
	Kind     plan.Kind `json:"kind"`
	New      string    `json:"new"`
	Other    string    `json:"other,omitempty"`
	Decision string    `json:"decision"`
	Word     string    `json:"word"`
	ExitCode int       `json:"exit_code"`
	Modules  int       `json:"modules"`
	WithBTF  int       `json:"with_btf"`
	BTFBytes int64     `json:"btf_bytes"`
	// Base is that of the kernel, or of external modules' kernel.
	Base     model.BaseRef `json:"base"`
	Verdicts []model.Count `json:"verdicts"`
	Meanings []model.Count `json:"meanings"`
	// Health, Slack and Record are of a kernel by itself.
	Health *model.Health `json:"health,omitempty"`
	Slack  *Slack        `json:"slack,omitempty"`
	Record *Record       `json:"record,omitempty"`
	// Pair is of a window.
	Pair     *Pair     `json:"pair,omitempty"`
	Findings []Finding `json:"findings"`
}

// Slack is what a pinned base has left.
type Slack struct {
	Types   int `json:"types"`
	Strings int `json:"string_bytes"`
}

// Record names the objects in which a store keeps a kernel, below store.Records.
type Record struct {
	Manifest string `json:"manifest"`
	Base     string `json:"base,omitempty"`
	Refs     string `json:"refs,omitempty"`
}

// Pair is how two uploads differ.
type Pair struct {
	Judged     bool               `json:"judged"`
	BaseEqual  model.Equality     `json:"base_equal"`
	Symbols    *model.SymbolFacts `json:"symbols,omitempty"`
	IfEnforced string             `json:"if_signatures_enforced"`
	IfIgnored  string             `json:"if_signatures_ignored"`
}

// Finding is a finding in brief.
type Finding struct {
	Rule         string `json:"rule"`
	Severity     string `json:"severity"`
	Action       string `json:"action"`
	Inconclusive bool   `json:"inconclusive,omitempty"`
	Count        int    `json:"count"`
	Message      string `json:"message"`
}

// Failure is why a unit has no result.
type Failure struct {
	Unit   string `json:"unit"`
	Reason string `json:"reason"`
}

// Marshal writes a result or a failure, one line.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// Read reads the result of a key.
func Read(text []byte, key string) (*Result, error) {
	r := new(Result)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, where.New(where.Malformed, "not a result: %w", err)
	}
	if r.Schema != Schema || r.Key != key {
		return nil, where.New(where.Malformed, "a result of schema %s and key %s under %s", where.Clean(r.Schema), where.Clean(r.Key), key)
	}
	return r, nil
}
