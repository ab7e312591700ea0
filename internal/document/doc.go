// Package document is the one form of this program's JSON documents: written
// and read by the tags of Go types, the same bytes for the same value, and
// strict on reading.
//
// The text is UTF-8 with LF. It begins with
//
//	{
//	"schema": "kpkg-btf/KIND/MAJOR.MINOR",
//	"tool": "kpkg-btf 0.1",
//	"digest": "sha256:…",
//
// and the digest is the SHA-256 of the schema, a LF and every byte after the
// line of the digest: it covers what a document decides, members of later
// minor versions too, and not the version of the tool that wrote it. A document
// that others complete (a request for signatures) has none: Open.
//
// Members stand in the order of the Go fields. Strings that are not UTF-8 stand
// in base64 under the member's name with "_b64" behind it, in an array as
// {"b64": "…"}. Numbers are integers from -(2^53-1) to 2^53-1.
//
// # Tags
//
// The tag json has the member's name, as for encoding/json: "omitempty" leaves
// out what is empty, "omitzero" only what is nil or zero, "-" is no member.
// Any other member must be there. Embedded structs lend their members. The
// tag doc has, separated by commas:
//
//	sorted  an array in ascending order of its elements (strings, or what has
//	        a method Key() string), none twice
//	line    the whole value stands on one line
//	lines   each element of an array stands on one line, and has its own
//	deltas  ascending numbers from 1, as one string: the first as it is, each
//	        further one as the difference from the one before
//	tuple   on a field _ of a struct: it is an array of its fields' values; the
//	        last ones that may be left out are, when they are empty
//
// Without a tag, an array of objects has one a line, what holds such arrays
// spreads over lines, and all else stands on one.
//
// A type with a method Fault() string, "" or what is wrong, is asked after
// reading and before writing. One with Words() []string, and those of package
// model that have a fixed set of words, hold one of these.
package document
