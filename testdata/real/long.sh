#!/bin/sh
# The long tests: every fuzz target for FUZZTIME (default 10 minutes), and the
# booted kernels with 20 000 mutants each (MUTANTS), held to the same histogram
# as the short run; kbuild's own packaging of later kernels than CI runs. The
# first failure ends it.
set -eu
cd "$(dirname "$0")/../.."
fuzztime=${FUZZTIME:-10m}
packages=$(go list ./...)
targets=0
for pkg in $packages; do
	# Apart from the loop: a package that does not build must not pass for one
	# without targets.
	list=$(go test -list '^Fuzz' "$pkg")
	for target in $(echo "$list" | grep '^Fuzz' || true); do
		echo "== $pkg $target ($fuzztime)"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" -fuzzminimizetime 10x "$pkg"
		targets=$((targets + 1))
	done
done
echo "== $targets fuzz targets"
[ "$targets" -gt 0 ]
KPKG_BTF_MUTANTS=${MUTANTS:-20000} go test -tags vm -timeout 300m -count 1 -v ./internal/vmtest/...
go test -tags long -timeout 60m -count 1 -v -run '^TestPairsWithSlack$' ./internal/btf/pin/
go test -tags long -timeout 60m -count 1 -v -run '^TestMemoryOf(Pair72|EightKernels)$' ./internal/bench/
go test -tags pipelines,long -timeout 60m -count 1 -v -run '^Test(Bindeb|Binrpm)Pkg$' ./internal/pipelines/
