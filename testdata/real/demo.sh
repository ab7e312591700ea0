#!/bin/sh
# The main job on real kernels: two uploads of one Debian kernel whose symbol
# CRCs are all equal. The classical ABI check would have kept the name. One
# screen a step.
# usage: demo.sh BINARY "FETCH COMMAND"
set -eu

bin=$PWD/$1
fetch=$2
work=${KPKG_BTF_CACHE:?is set by make}/demo
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

mkdir -p "$work"
ln -sf "$(realpath "$old")" "$work/old.deb"
ln -sf "$(realpath "$new")" "$work/new.deb"
cd "$work"
echo "  old.deb is ${old##*/}"
echo "  new.deb is ${new##*/}"

run() {
	echo
	echo "\$ kpkg-btf $*"
	echo
	code=0
	"$bin" "$@" || code=$?
	case $code in 0 | 3 | 4) ;; *) exit "$code" ;; esac
}

echo
echo "1. As Debian ships them: every upload has a name of its own. All is well."
run check new.deb --against old.deb

echo
echo "2. Every symbol CRC is equal. Could the name have been kept?"
run check new.deb --against old.deb --as-if-same-release

echo
echo "3. The same where no machine enforces module signatures: a repair will do."
run check new.deb --against old.deb --as-if-same-release --signatures ignored

echo
echo "docs/tutorial.md goes on from here. The packages are in $work."
