#!/bin/sh
# Builds one Debian trixie chroot in the cache, for reference tools newer than
# Debian 12: libbpf 1.5, bpftool 7.5, pahole, xz 5.8, gcc 14. debootstrap
# verifies the archive's signed index. Prints the chroot's path.
set -eu

cache=${1:?usage: tools.sh CACHE}
root=$cache/tools/trixie
packages=bpftool,pahole,libbpf-dev,libelf-dev,zlib1g-dev,gcc,libc6-dev,make,xz-utils,zstd,kmod,binutils
if [ ! -e "$root/.complete" ]; then
	uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
		grep -oE '(https?|file):/[^ ]*/debian/?( |$)' | tr -d ' ' | sed 's,/$,,' | head -n 1)
	[ -n "$uri" ] || { echo "tools.sh: no Debian archive in this machine's apt sources" >&2; exit 1; }
	rm -rf "$root"
	mkdir -p "$root"
	echo "building the trixie chroot for reference tools ..." >&2
	debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
		--include="$packages" trixie "$root" "$uri" >"$root.log" 2>&1 ||
		{ tail -n 20 "$root.log" >&2; exit 1; }
	: >"$root/.complete"
fi
echo "$root"
