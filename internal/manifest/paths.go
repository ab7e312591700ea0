package manifest

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// compressions are the suffixes of CONFIG_MODULE_COMPRESS_*, and the ones that
// kmod reads beside them.
var compressions = []string{".gz", ".xz", ".zst", ".bz2", ".lzma", ".lz4", ".lzo"}

// ModulePath gives the path of a module as a manifest has it: below
// lib/modules/<release>, which packagings put in different places, and without
// the suffix of a compression.
func ModulePath(p string) string {
	p = strings.TrimPrefix(path.Clean("/"+p), "/")
	if i := strings.Index("/"+p, "/lib/modules/"); i >= 0 {
		if _, below, ok := strings.Cut(p[i+len("lib/modules/"):], "/"); ok {
			p = below
		}
	}
	for _, c := range compressions {
		if rest, ok := strings.CutSuffix(p, c); ok && strings.HasSuffix(rest, ".ko") {
			return rest
		}
	}
	return p
}

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
