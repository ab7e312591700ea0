#!/bin/sh
# Runs staticcheck, unparam and deadcode, each of one version, built once into
# the cache; they are no requirements of go.mod. What they find ends it with 1.
# An exception stands in the code as "//lint:ignore CHECK reason".
set -eu

cache=${1:?usage: lint.sh CACHE}
go=${GO:-go}
tags=e2e,vm,pipelines,small,bench,long

# tool PACKAGE VERSION prints the path of a program of that version.
tool() {
	dir=$cache/lint/$2-$($go env GOVERSION)
	[ -x "$dir/${1##*/}" ] || GOBIN=$dir CGO_ENABLED=0 $go install "$1@$2" >&2
	echo "$dir/${1##*/}"
}

staticcheck=$(tool honnef.co/go/tools/cmd/staticcheck v0.8.2)
unparam=$(tool mvdan.cc/unparam v0.0.0-20260823230713-2fa3d841b0c8)
deadcode=$(tool golang.org/x/tools/cmd/deadcode v0.52.0)

code=0
"$staticcheck" -tags "$tags" ./... || code=1
"$unparam" ./... || code=1

# Roots are the programs, and the generators of documents. What only tests reach
# belongs into *_test.go or a package of its own for tests. What user space's BTF
# goes through (verdict/user.go, resolve*.go) shares the parser of the module path
# and is compared with booted kernels in the same vectors: it stays beside it.
dead=$("$deadcode" ./cmd/... ./internal/docgen ./internal/schemagen ./internal/thirdparty |
	grep -v '^internal/btf/verdict/\(user\|resolve[a-z]*\)\.go:' || :)
[ -z "$dead" ] || { echo "$dead"; code=1; }
exit $code
