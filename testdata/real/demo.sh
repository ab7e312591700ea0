#!/bin/sh
# The main job on real kernels: two uploads of one Debian kernel whose symbol
# CRCs are all equal. The classical ABI check would have kept the name.
# usage: demo.sh BINARY "FETCH COMMAND"
set -eu

bin=$1
fetch=$2
s=bookworm-security

get() { # suite name version: the pinned version, or nothing
	out=$($fetch "$1/$2=$3")
	case $out in GONE*) echo "$out" >&2; return 1 ;; esac
	echo "$out"
}

echo "Fetching two uploads of Debian's 6.1 kernel (verified by apt against the signed index) ..."
if old=$(get $s linux-image-6.1.0-55-amd64 6.1.192-1) && new=$(get $s linux-image-6.1.0-56-amd64 6.1.192-2); then
	:
else
	echo "These versions have left the archive; taking the two newest of the series."
	# shellcheck disable=SC2046
	set -- $($fetch newest $s 'linux-image-6\.1\.0-[0-9]+-amd64' 2)
	[ $# = 4 ] || { echo "the archive lists fewer than two linux-image-6.1.0-*-amd64" >&2; exit 1; }
	new=$($fetch "$s/$1=$2")
	old=$($fetch "$s/$3=$4")
fi

run() {
	echo
	echo "\$ kpkg-btf $*"
	code=0
	"$bin" "$@" || code=$?
	echo "(exit code $code)"
	case $code in 0 | 3 | 4) ;; *) exit "$code" ;; esac
}

echo
echo "1. As Debian ships them: every upload has a name of its own."
run check "$new" --against "$old"

echo
echo "2. Could the name have been kept, as the symbol CRCs say?"
run check "$new" --against "$old" --as-if-same-release

echo
echo "3. The same where no machine enforces module signatures."
run check "$new" --against "$old" --as-if-same-release --signatures ignored
