package manifest

import (
	"bytes"
	"slices"
	"strings"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// BuiltInPaths reads a modules.builtin: one path below lib/modules/<release> a
// line (scripts/Makefile.modinst). It gives them sorted, each once, and never
// nil without an error. A line that is no such path is Malformed, with its
// offset.
func BuiltInPaths(text []byte) ([]string, error) {
	if len(text) > limits.MaxText {
		return nil, where.New(where.Limit, "modules.builtin of %d bytes, the limit is %d", len(text), limits.MaxText)
	}
	out := []string{}
	off, n := 0, 0
	for raw := range bytes.Lines(text) {
		n++
		at := int64(off)
		off += len(raw)
		p := string(bytes.TrimRight(raw, "\r\n"))
		if p == "" {
			continue
		}
		if !strings.HasSuffix(p, ".ko") || pathFault(p) != "" || strings.ContainsFunc(p, func(r rune) bool { return r < 0x20 }) {
			return nil, where.New(where.Malformed, "line %d of modules.builtin: not the path of a module", n).At(at)
		}
		out = append(out, p)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
