// Package schema gives the JSON schema (draft 2020-12) of each document that
// the program writes. Those of Go types are made from the types themselves and
// their doc comments, so that they cannot differ from what is written; the
// manifest and its references, which have their own canonical form, have theirs in
// files.
//
// The schemas allow fields they do not know, as every reader of the same major
// version does.
package schema

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

//go:embed manifest.json
var manifestSchema []byte

//go:embed refs.json
var refsSchema []byte

// canonical are the documents with a canonical form of their own.
var canonical = map[string][]byte{"manifest": manifestSchema, "refs": refsSchema}

// document is one kind of document that a Go type describes.
type document struct {
	word string // of its schema member
	of   reflect.Type
}

var documents = map[string]document{
	"decision":    {model.DecisionSchema, reflect.TypeFor[model.Report]()},
	"inspection":  {model.InspectionSchema, reflect.TypeFor[model.Inspection]()},
	"explanation": {model.ExplanationSchema, reflect.TypeFor[model.Explanation]()},
	"origins":     {model.OriginsSchema, reflect.TypeFor[model.Origins]()},
	"diff":        {model.DiffSchema, reflect.TypeFor[model.TypeDiff]()},
	"repair":      {model.RepairSchema, reflect.TypeFor[model.Repair]()},
}

// Names are the documents that have a schema, sorted.
func Names() []string {
	var names []string
	for n := range canonical {
		names = append(names, n)
	}
	for n := range documents {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Of gives the schema of a document as JSON.
func Of(name string) ([]byte, error) {
	if text := canonical[name]; text != nil {
		return slices.Clone(text), nil
	}
	d, ok := documents[name]
	if !ok {
		return nil, where.New(where.Usage, "no document is called %q: one of %s", name, strings.Join(Names(), ", "))
	}
	docs, err := comments()
	if err != nil {
		return nil, err
	}
	g := &generator{docs: docs, defs: map[string]any{}}
	root := g.object(d.of)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "kpkg-btf " + name
	root["$defs"] = g.defs
	root["properties"].(map[string]any)["schema"] = map[string]any{"type": "string", "pattern": "^" + strings.TrimSuffix(d.word, "0") + "[0-9]+$"}
	out, err := json.MarshalIndent(root, "", "\t")
	return append(out, '\n'), err
}
