// Package documenttest edits documents as somebody would who knows their form.
package documenttest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
)

// Resum is a document with the digest that its body has now; a text without
// one is returned as it is.
func Resum(text []byte) []byte {
	head, rest, _ := bytes.Cut(text, []byte("\"digest\": \"sha256:"))
	if len(rest) < 67 {
		return text
	}
	schema, _, _ := strings.Cut(strings.TrimPrefix(string(head), "{\n\"schema\": \""), "\"")
	sum := sha256.Sum256([]byte(schema + "\n" + string(rest[67:])))
	return fmt.Appendf(nil, "%s\"digest\": \"sha256:%x\",\n%s", head, sum, rest[67:])
}

// Edit is a document with the first old replaced by new, and a digest that fits.
func Edit(t testing.TB, text []byte, old, new string) []byte {
	t.Helper()
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("no %q in\n%s", old, text)
	}
	return Resum(bytes.Replace(text, []byte(old), []byte(new), 1))
}
