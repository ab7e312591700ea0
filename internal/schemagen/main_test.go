package main

import (
	"bytes"
	"os"
	"testing"
)

// The files are what the types say now.
func TestCurrent(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		want, err := schemaOf(root, k)
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(fileOf(root, k))
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not current (%v): run go generate ./internal/schema", fileOf(root, k), err)
		}
	}
}
