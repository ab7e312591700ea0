package document

import "encoding/hex"

// Seal is a text with the digest that its body has.
func Seal(schema, body string) string {
	sum := digestOf(schema, []byte(body))
	return "{\n\"schema\": \"" + schema + "\",\n\"digest\": \"sha256:" + hex.EncodeToString(sum[:]) + "\",\n" + body
}
