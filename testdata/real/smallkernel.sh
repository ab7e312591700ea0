#!/bin/sh
# Builds one small real kernel for tests from Debian's linux-source-6.1: release A,
# release B = A with a fix that adds a struct and two functions, and B built
# incrementally on A's tree. Prints the folder that holds them:
#
#   A/ B/ incremental/   bzImage, config, Module.symvers, modules/*.ko
#
# With -p PROGRAM (kpkg-btf) also pinned/A and pinned/B: the same two releases
# linked with the wrapper of pahole, A with slack and B on A.
#
#   smallkernel.sh [-c CACHE] [-p PROGRAM]
#
# What is built is kept in the cache below a key of its inputs: the source's
# version, this script, the configuration, the tools; pinned ones also of the
# program. Objects are compiled once, releases are linked from them: modules
# from their objects each time, because a second resolve_btfids over a finished
# module spoils the flags of its kfuncs. "incremental" keeps just that.
set -eu

cache=${KPKG_BTF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kpkg-btf}
program=
while getopts c:p: opt; do
	case $opt in
	c) cache=$OPTARG ;;
	p) program=$OPTARG ;;
	*) exit 2 ;;
	esac
done
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

missing=
for tool in gcc make flex bison bc pahole; do
	command -v $tool >/dev/null || missing="$missing $tool"
done
[ -f /usr/include/gelf.h ] || missing="$missing libelf-dev"
[ -f /usr/include/openssl/opensslv.h ] || missing="$missing libssl-dev"
if [ -n "$missing" ]; then
	echo "smallkernel.sh: install$missing" >&2
	exit 1
fi

deb=$("$here/fetch.sh" -c "$cache" bookworm-security/linux-source-6.1)
case $deb in GONE*) echo "$deb"; exit 0 ;; esac
key=$({ basename "$deb"; gcc --version; pahole --version; cat "$0" "$here/smallkernel.config"; } | sha256sum | cut -c1-16)
top=$cache/small/$key
mkdir -p "$top"
exec 9>"$top/lock"
flock 9

export KBUILD_BUILD_TIMESTAMP=2026-01-01 KBUILD_BUILD_VERSION=1 KBUILD_BUILD_USER=small KBUILD_BUILD_HOST=small
src=$top/source
obj=$top/build
log=$top/log
jobs=$(nproc)

build() {
	make -s -C "$src" O="$obj" -j"$jobs" "$@" >>"$log" 2>&1 || {
		tail -20 "$log" >&2
		exit 1
	}
}

# unlink removes what is linked, and leaves what is compiled.
unlink() {
	rm -f "$obj/vmlinux" "$obj"/.tmp_vmlinux* "$obj/.btf.vmlinux.bin.o"
	find "$obj" -name '*.ko' -delete
}

# keep FOLDER: what a release is.
keep() {
	rm -rf "$top/$1.part"
	mkdir -p "$top/$1.part/modules" "$(dirname "$top/$1")"
	cp "$obj/arch/x86/boot/bzImage" "$obj/Module.symvers" "$top/$1.part/"
	cp "$obj/.config" "$top/$1.part/config"
	find "$obj" -name '*.ko' -exec cp {} "$top/$1.part/modules/" \;
	rm -rf "${top:?}/$1"
	mv "$top/$1.part" "$top/$1"
}

# fix makes release B's source of A's, as a fix of a stable release would be.
fix() {
	cat >>"$src/kernel/ksysfs.c" <<-'C'

		struct kpkg_fix_state {
			struct kobject *owner;
			unsigned long seen;
			char name[24];
		};
		static struct kpkg_fix_state kpkg_fix_state;
		noinline int kpkg_fix_note(struct kpkg_fix_state *state, unsigned long what)
		{
			state->seen |= what;
			return state->owner ? 0 : -EINVAL;
		}
		noinline int __init kpkg_fix_init(void)
		{
			kpkg_fix_state.owner = kernel_kobj;
			return kpkg_fix_note(&kpkg_fix_state, 1);
		}
		late_initcall(kpkg_fix_init);
	C
}

state() { cat "$top/state" 2>/dev/null || echo none; }

if [ "$(state)" = none ]; then
	rm -rf "$src" "$obj"
	mkdir -p "$src" "$obj"
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -dc |
		tar -x -C "$src" --strip-components=1 --exclude='*/Documentation/*/*' --exclude='*/tools/testing/*'
	cp "$src/kernel/ksysfs.c" "$top/ksysfs.c"
	KCONFIG_ALLCONFIG="$here/smallkernel.config" build allnoconfig
	build bzImage modules
	keep A
	fix
	build bzImage modules
	keep incremental
	unlink
	build bzImage modules
	keep B
	echo built >"$top/state"
fi

if [ -n "$program" ]; then
	sum=$(sha256sum <"$program" | cut -c1-16)
	if [ "$(cat "$top/pinned/program" 2>/dev/null)" != "$sum" ]; then
		rm -rf "$top/pinned"
		mkdir -p "$top/pinned"
		cp "$root/hooks/kbuild/pin-pahole" "$top/pinned/pin-pahole"
		chmod 755 "$top/pinned/pin-pahole"
		export KPKG_BTF="$program" KPKG_BTF_BUILD_REQUIRED=1
		cp "$top/ksysfs.c" "$src/kernel/ksysfs.c"
		unlink
		KPKG_BTF_BUILD_PIN_SLACK=2048 build PAHOLE="$top/pinned/pin-pahole" bzImage modules
		keep pinned/A
		fix
		unlink
		KPKG_BTF_BUILD_PIN_ON="$top/pinned/A/bzImage" build PAHOLE="$top/pinned/pin-pahole" bzImage modules
		keep pinned/B
		echo "$sum" >"$top/pinned/program"
	fi
fi
echo "$top"
