// Schemagen writes the JSON schemas of the program's documents to
// internal/schema/files: from the plans by which documents are written and
// read, and from the doc comments of their types.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/repair/signing"
)

// kind is one kind of document.
type kind struct {
	name   string
	schema string // of its schema member
	of     reflect.Type
	open   bool // it has no digest
}

var kinds = []kind{
	{"decision", model.DecisionSchema, reflect.TypeFor[model.Report](), false},
	{"diff", model.DiffSchema, reflect.TypeFor[model.TypeDiff](), false},
	{"explanation", model.ExplanationSchema, reflect.TypeFor[model.Explanation](), false},
	{"host", model.HostSchema, reflect.TypeFor[model.HostReport](), false},
	{"inspection", model.InspectionSchema, reflect.TypeFor[model.Inspection](), false},
	{"manifest", manifest.Schema, reflect.TypeFor[manifest.Document](), false},
	{"origins", model.OriginsSchema, reflect.TypeFor[model.Origins](), false},
	{"pin", model.PinSchema, reflect.TypeFor[model.Pin](), false},
	{"refs", manifest.RefsSchema, reflect.TypeFor[manifest.RefsDocument](), false},
	{"repair", model.RepairSchema, reflect.TypeFor[model.Repair](), false},
	{"sign", signing.Schema, reflect.TypeFor[signing.Exchange](), true},
}

func main() {
	root, err := moduleRoot()
	if err == nil {
		err = write(root)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

func write(root string) error {
	for _, k := range kinds {
		text, err := schemaOf(root, k)
		if err != nil {
			return err
		}
		if err := os.WriteFile(fileOf(root, k), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func fileOf(root string, k kind) string {
	return filepath.Join(root, "internal", "schema", "files", k.name+".json")
}

// moduleRoot is the folder of go.mod, at or above the one that this runs in.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, found := os.Stat(filepath.Join(dir, "go.mod")); found == nil {
			return dir, nil
		}
		if up := filepath.Dir(dir); up != dir {
			dir = up
			continue
		}
		err = fmt.Errorf("no go.mod here or above")
	}
	return "", err
}
