package manifest

import (
	"path"
	"strings"
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
