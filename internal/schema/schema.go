// Package schema holds the JSON schema (draft 2020-12) of each document that
// the program writes. The files are generated from the Go types that write the
// documents, their tags and doc comments (go generate; internal/schemagen), so
// that they do not differ from what is written.
//
// The schemas allow members they do not know, as every reader of the same major
// version does.
package schema

import (
	"embed"
	"strings"

	"kpkg-btf/internal/where"
)

//go:generate go run kpkg-btf/internal/schemagen

//go:embed files/*.json
var files embed.FS

// Names are the documents that have a schema, sorted.
func Names() []string {
	var names []string
	entries, _ := files.ReadDir("files") // what is embedded can be read
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}

// Of returns the schema of a document as JSON.
func Of(name string) ([]byte, error) {
	text, err := files.ReadFile("files/" + name + ".json")
	if err != nil {
		return nil, where.New(where.Usage, "no document is called %q: one of %s", name, strings.Join(Names(), ", "))
	}
	return text, nil
}
