package hooks

import (
	"slices"
	"strings"
)

// prefix begins the variables that hooks read in a build. Those of the
// program's flags begin with KPKG_BTF_ alone, so that a variable of a hook is
// never taken for a flag.
const prefix = "KPKG_BTF_BUILD_"

// oldPrefix is what hooks of version 0.1 read in its place.
const oldPrefix = "KPKG_BTF_"

// variables are what the hooks of a build, debhelper's and rpm's read.
var variables = []string{
	"ABI",            // folder of the committed manifests
	"AGAINST",        // what may still be booted
	"APPLY",          // more flags of apply
	"ARCH",           // GitLab: the architecture that a job judges
	"BASELINE",       // GitLab: arguments of baseline
	"CERT",           // kbuild: the certificate of KEY
	"CHECK",          // more flags of check
	"DEBUG",          // packages of debug information are judged, too
	"DECIDE",         // GitLab: more flags of decide
	"HOOKS",          // kbuild: folder of the hooks that dpkg-buildpackage runs
	"HOST",           // Debian's word for the architecture that is built for
	"IMAGE",          // GitLab: image of the jobs
	"INSTALL",        // GitLab: what apt-get installs
	"KEY",            // kbuild: the key that modules are signed with
	"ON",             // kernels that external modules are judged on
	"PAHOLE",         // kbuild: the pahole that pin-pahole runs
	"PIN_ON",         // kbuild: the base that is pinned on
	"PIN_SLACK",      // kbuild: types to reserve in a pinned base
	"REPAIR",         // rpm: 0 judges and repairs nothing
	"REPORTS",        // folder of reports
	"REQUIRED",       // a build without kpkg-btf fails
	"RESOLVE_BTFIDS", // kbuild: the resolve_btfids that pin-resolve-btfids runs
	"TREE",           // kbuild: the build tree
}

// Variables are the names of all, sorted.
func Variables() []string {
	out := make([]string, len(variables))
	for i, v := range variables {
		out[i] = prefix + v
	}
	return out
}

// IsVariable reports whether a hook of a build reads the variable.
func IsVariable(name string) bool {
	v, ok := strings.CutPrefix(name, prefix)
	return ok && slices.Contains(variables, v)
}

// without are variables that earlier versions did not have.
var without = []string{"DEBUG", "HOST", "PAHOLE", "PIN_ON", "PIN_SLACK", "RESOLVE_BTFIDS"}

// IsOldVariable reports whether hooks read the variable before they had a
// prefix of their own. KPKG_BTF_HOST is a setting of the host hooks as well.
func IsOldVariable(name string) bool {
	v, ok := strings.CutPrefix(name, oldPrefix)
	return ok && !slices.Contains(without, v) && slices.Contains(variables, v)
}

// NewName is the name of an old variable today.
func NewName(old string) string { return prefix + strings.TrimPrefix(old, oldPrefix) }
