#!/bin/sh
# Fetches Debian packages by name and version into a cache folder, with the
# ordinary apt client in a private state directory: apt verifies the signed
# index and every hash, the machine's own apt state is not touched.
#
#   fetch.sh [-c CACHE] [-n] SUITE/PACKAGE[:ARCH][=VERSION]...
#   fetch.sh [-c CACHE] newest SUITE REGEX [COUNT]
#
# Prints one line a package: the path of the file, or
# "GONE package version" when the archive no longer has that version.
# `newest` prints "package version" of the newest COUNT (default 2) packages
# of the suite whose whole name matches the POSIX extended REGEX.
#
# The archive's addresses are the ones the machine's own apt sources name.
set -eu

cache=${KPKG_BTF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kpkg-btf}
while getopts c: opt; do
	case $opt in
	c) cache=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 2; }

# pooled SPEC sets name, version and arch, and prints the file that is there
# already: one stays in the pool only after apt has verified it.
pooled() {
	rest=${1#*/}
	version=${rest#*=}
	[ "$version" != "$rest" ] || version=
	name=${rest%%=*}
	arch=amd64
	case $name in *:*) arch=${name#*:}; name=${name%%:*} ;; esac
	file=$cache/pool/${name}_$(echo "$version" | sed 's/^[0-9]*://')_$arch.deb
	[ -n "$version" ] && [ -f "$file" ] && echo "$file"
}

# What is there waits for nobody's download.
if [ "$1" != newest ]; then
	files=$(for spec; do pooled "$spec" || exit; done) && { echo "$files"; exit; }
fi

# Test packages run side by side: one at a time, or apt's lock refuses.
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

# machine_uris prints the archive and the security archive of the machine's
# own sources, in that order.
machine_uris() {
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
		/etc/apt/sources.list.d/*.sources 2>/dev/null |
		grep -oE '(https?|file|mirror[+a-z]*):/[^ ]*' | sed 's,/$,,' | sort -u |
		awk '/\/debian$/ && !a {a=$0} /debian-security$/ && !s {s=$0}
		     END {if (a == "") exit 1; if (s == "") s = a "-security"; print a; print s}'
}

# setup SUITE: a private apt root for one suite, lists refreshed once a day.
# Only sid has the images of every architecture; the others are amd64 alone.
setup() {
	suite=$1
	root=$cache/apt/$suite
	mkdir -p "$root/lists/partial" "$root/archives/partial" "$root/etc" "$cache/pool"
	uris=$(machine_uris) || { echo "fetch.sh: no Debian archive in this machine's apt sources" >&2; exit 1; }
	uri=$(echo "$uris" | sed -n 1p)
	case $suite in *-security) uri=$(echo "$uris" | sed -n 2p) ;; esac
	arches=amd64
	[ "$suite" = sid ] && arches="amd64 arm64 armhf loong64 ppc64el riscv64 s390x"
	cat >"$root/etc/debian.sources" <<-SOURCES
		Types: deb
		URIs: $uri
		Suites: $suite
		Components: main
		Architectures: $arches
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	SOURCES
	cat >"$root/apt.conf" <<-CONF
		Dir::State "$root";
		Dir::State::lists "$root/lists";
		Dir::State::status "$root/status";
		Dir::Cache "$root";
		Dir::Cache::archives "$root/archives";
		Dir::Etc::sourcelist "/dev/null";
		Dir::Etc::sourceparts "$root/etc";
		Dir::Etc::preferencesparts "/dev/null";
		APT::Architecture "amd64";
		APT::Architectures { $(for a in $arches; do printf '"%s"; ' "$a"; done) };
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "3";
		Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
	CONF
	: >"$root/status"
	export APT_CONFIG="$root/apt.conf"
	if [ -z "$(find "$root/fresh" -mmin -1440 2>/dev/null)" ]; then
		apt-get -qq update >&2
		: >"$root/fresh"
	fi
}

newest() {
	setup "$1"
	apt-cache dumpavail 2>/dev/null |
		awk -v re="^($2)\$" '/^Package: /{p=$2} /^Version: /{if (p ~ re) print p, $2}' |
		sort -u | while read -r p v; do printf '%s\t%s\n' "$v" "$p"; done >"$root/versions"
	# dpkg orders versions; a simple insertion sort is enough for a few names.
	sorted=
	while IFS="$(printf '\t')" read -r v p; do
		out=
		placed=
		for e in $sorted; do
			if [ -z "$placed" ] && dpkg --compare-versions "$v" gt "${e%%@*}"; then
				out="$out $v@$p"
				placed=1
			fi
			out="$out $e"
		done
		[ -n "$placed" ] || out="$out $v@$p"
		sorted=$out
	done <"$root/versions"
	n=0
	for e in $sorted; do
		n=$((n + 1))
		[ $n -le "${3:-2}" ] || break
		echo "${e#*@} ${e%%@*}"
	done
	[ $n -gt 0 ]
}

fetch_one() {
	suite=${1%%/*}
	pooled "$1" && return
	setup "$suite"
	dir=$(mktemp -d "$cache/pool/.get.XXXXXX")
	wanted=$name:$arch${version:+=$version}
	if ! (cd "$dir" && apt-get -qq download "$wanted" >&2); then
		# The lists may be a day old. What the archive still lists is not
		# gone: then the download failed, and so do we.
		rm -f "$root/fresh"
		setup "$suite"
		if ! apt-cache show "$wanted" 2>/dev/null | grep -q '^Filename:'; then
			rm -rf "$dir"
			echo "GONE $name $version"
			return
		fi
		(cd "$dir" && apt-get -qq download "$wanted" >&2) || { rm -rf "$dir"; exit 1; }
	fi
	for f in "$dir"/*.deb; do
		# apt writes the version with %3a and the like; dpkg's own name has no epoch.
		v=$(dpkg-deb -f "$f" Version | sed 's/^[0-9]*://')
		a=$(dpkg-deb -f "$f" Architecture)
		mv "$f" "$cache/pool/${name}_${v}_$a.deb"
		echo "$cache/pool/${name}_${v}_$a.deb"
	done
	rm -rf "$dir"
}

if [ "$1" = newest ]; then
	shift
	newest "$@"
	exit
fi
for spec; do fetch_one "$spec"; done
