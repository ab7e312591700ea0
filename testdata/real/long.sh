#!/bin/sh
# The long tests: every fuzz target for FUZZTIME (default 10 minutes), and the
# booted kernels with 20 000 mutants each.
set -eu
cd "$(dirname "$0")/../.."
fuzztime=${FUZZTIME:-10m}
go list ./... | while read -r pkg; do
	go test -list '^Fuzz' "$pkg" | grep '^Fuzz' | while read -r target; do
		echo "== $pkg $target ($fuzztime)"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" -fuzzminimizetime 10x "$pkg"
	done
done
KPKG_BTF_MUTANTS=20000 go test -tags vm -timeout 300m -count 1 -v ./internal/vmtest/...
