#!/bin/sh
# Installs the Debian packages that the build and the tests need, those that the
# demo needs alone, or also the browser that e2e looks at pages with, or the engines
# that pipelines runs audits on. Lists them
# first; does nothing when all are there.
# usage: deps.sh [demo|e2e|pipelines]
set -eu

packages="
	apt-utils
	binutils-multiarch
	bpftool
	bc
	bison
	bzip2
	ca-certificates
	cpio
	createrepo-c
	debhelper
	debian-archive-keyring
	debootstrap
	dkms
	dpkg-dev
	flex
	gcc
	git
	gpg
	gpg-agent
	gzip
	kmod
	libc6-dev
	libelf-dev
	libssl-dev
	lintian
	lz4
	lzop
	make
	openssl
	ovmf
	pahole
	qemu-system-x86
	rpm
	rsync
	shellcheck
	strace
	xz-utils
	zstd
"
[ "${1:-}" != demo ] || packages="ca-certificates debian-archive-keyring" # what fetch.sh verifies with
[ "${1:-}" != pipelines ] || packages="$packages munge parallel slurm-client slurmctld slurmd"
[ "${1:-}" != e2e ] || packages="$packages chromium fonts-dejavu-core tidy"
# shellcheck disable=SC2086
set -- $packages
missing=
for p; do
	dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
echo "Debian packages needed: $*"
echo "installing:$missing"
if [ "$(id -u)" != 0 ]; then
	echo "deps.sh: not root: run 'apt-get install$missing' as root" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086
apt-get -qq -y --no-install-recommends install $missing >/dev/null
