#!/bin/sh
# Builds one small real kernel from Debian's linux-source-6.1, release A and
# release B = A with a fix, each packed by its own bindeb-pkg with our fragment,
# and prints the folder that holds them:
#
#   pinned/A pinned/B   with the wrapper of pahole: A has slack, B is pinned on A's manifest,
#                       judged against it and repaired
#   incremental         the pinned B, built in A's tree without removing A's modules
#   unpinned            B as a build without the wrapper links it
#
# In each: bzImage, config, Module.symvers, and modules/*.ko as they were linked,
# neither signed nor repaired, and log. A release has packages/*.deb as well, A
# also abi/, what is committed of it for the next upload.
#
# And elliptic.ko, a module of B signed with an elliptic key that the kernel knows
# and has no algorithm for.
#
#   smallkernel.sh [-c CACHE] PROGRAM
#
# PROGRAM is kpkg-btf. All is kept in the cache: what is compiled below a key of
# source, configuration and tools, the releases below one of the program too.
# Objects are compiled once, each release links vmlinux and every module from
# them, makes a signing key and signs: as a clean checkout does, where nothing is
# left of the build before. The CPU seconds of each step are in cpu-seconds.
set -eu

cache=${KPKG_BTF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kpkg-btf}
while getopts c: opt; do
	case $opt in
	c) cache=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
program=$(realpath "${1:?usage: smallkernel.sh [-c CACHE] PROGRAM}")
here=$(cd "$(dirname "$0")" && pwd)

missing=
for tool in gcc make flex bison bc pahole rsync cpio; do
	command -v $tool >/dev/null || missing="$missing $tool"
done
[ -f /usr/include/gelf.h ] || missing="$missing libelf-dev"
[ -f /usr/include/openssl/opensslv.h ] || missing="$missing libssl-dev"
if [ -n "$missing" ]; then
	echo "smallkernel.sh: install$missing" >&2
	exit 1
fi

newest=$("$here/fetch.sh" -c "$cache" newest bookworm-security 'linux-source-6\.1' 1)
deb=$("$here/fetch.sh" -c "$cache" "bookworm-security/${newest% *}:all=${newest#* }")
key() { sha256sum | cut -c1-16; }
tree=$cache/small/$({ basename "$deb"; gcc --version; pahole --version; sed -n '/^unpack()/,/^}/p' "$0"; cat "$here/smallkernel.config" "$here/smallkernel.exports"; } | key)
top=$tree/$(cat "$program" "$0" | key)
mkdir -p "$tree"
exec 9>"$tree/lock"
flock 9
# What nobody has asked for in two days goes.
find "$tree" -mindepth 1 -maxdepth 1 -type d -name '????????????????' -mtime +1 ! -path "$top" -exec rm -rf {} +
mkdir -p "$top"
touch "$top"

src=$tree/source
obj=$tree/build
hooks=$top/hooks
jobs=$(nproc)
PATH=$(dirname "$program"):$PATH
export PATH KBUILD_BUILD_TIMESTAMP=2026-01-01 SOURCE_DATE_EPOCH=1767225600 KBUILD_BUILD_USER=small KBUILD_BUILD_HOST=small
export KCFLAGS=-fno-var-tracking # nobody asks where variables live
export KDEB_COMPRESS=gzip DPKG_DEB_COMPRESSOR_LEVEL=1 KDEB_CHANGELOG_DIST=unstable DEBEMAIL=small@example.org KBUILD_PKG_ROOTCMD=env

# spent STEP adds what this step took of the CPU, children included.
spent() {
	times >"$top/times"
	awk -v step="$1" -v file="$top/cpu-seconds" '
		{ for (i = 1; i <= 2; i++) { split($i, t, "m"); sum += t[1] * 60 + t[2] } }
		END {
			while ((getline line <file) > 0) { split(line, f, " "); if (f[2] != "sum") before += f[1] }
			printf "%.0f %s\n", sum - before, step >>file
		}' "$top/times"
	rm "$top/times"
}

# unpack makes the source tree without what an x86 kernel of this size has no use for.
unpack() {
	dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -dc |
		tar -x -C "$src" --strip-components=1 \
			--exclude='*/Documentation/*/*' --exclude='*/tools/testing/*' --exclude='*/tools/perf/*' \
			--exclude='*/arch/[a-wyz]*/*.[chSs]' --exclude='*/arch/xtensa/*.[chSs]' --exclude='*/arch/*/boot/dts/*' \
			--exclude='*/drivers/gpu/*.[ch]' --exclude='*/drivers/media/*.[ch]' --exclude='*/drivers/staging/*.[ch]' \
			--exclude='*/drivers/infiniband/*.[ch]' --exclude='*/drivers/scsi/*.[ch]' \
			--exclude='*/drivers/net/ethernet/*.[ch]' --exclude='*/drivers/net/wireless/*.[ch]' --exclude='*/sound/*.[ch]'
}

# elliptic makes a key, and a certificate of it by another one: the signature of its
# own would be verified at boot, without the algorithm the kernel would refuse it.
elliptic() {
	certify() { openssl "$@" -days 36500 >>"$log" 2>&1 || failed; }
	certify req -x509 -newkey rsa:2048 -nodes -keyout "$tree/authority.key" -out "$tree/authority.pem" -subj /CN=authority
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$tree/elliptic.key" -out "$tree/elliptic.csr" -subj /CN=elliptic >>"$log" 2>&1 || failed
	certify x509 -req -in "$tree/elliptic.csr" -CA "$tree/authority.pem" -CAkey "$tree/authority.key" -set_serial 7 -out "$src/smallkernel.pem"
}

# build and package run kbuild; what failed is shown.
build() {
	make -s -C "$src" O="$obj" -j"$jobs" "$@" >>"$log" 2>&1 || failed
}

package() { # VERSION, variables of make
	version=$1
	shift
	rm -f "$tree"/*.deb "$tree"/*.changes "$tree"/*.buildinfo
	(cd "$src" && make -s -f "$hooks/bindeb-pkg.mk" bindeb-pkg O="$obj" -j"$jobs" KDEB_PKGVERSION="$version" \
		DPKG_FLAGS=-d KPKG_BTF_BUILD_REQUIRED=1 KPKG_BTF_BUILD_CHECK="--signatures ignored" "$@") >>"$log" 2>&1 || failed
}

failed() {
	tail -40 "$log" >&2
	echo "smallkernel.sh: the whole log is $log" >&2
	exit 1
}

# unlink leaves what is compiled, and removes what is linked, signed or a key.
unlink() {
	rm -f "$obj/vmlinux" "$obj"/.tmp_vmlinux* "$obj/.btf.vmlinux.bin.o" "$obj"/certs/signing_key.*
	find "$obj" -name '*.ko' -delete
}

# keep FOLDER: what a build left.
keep() {
	mkdir -p "$top/$1/modules"
	cp "$obj/arch/x86/boot/bzImage" "$obj/Module.symvers" "$top/$1/"
	cp "$obj/.config" "$top/$1/config"
	sed "s/\\.o\$/.ko/" "$obj/modules.order" | while read -r ko; do
		objcopy --strip-debug "$obj/$ko" "$top/$1/modules/${ko##*/}"
	done
}

# release FOLDER VERSION, variables of make: built as in a clean checkout, packed and judged.
release() {
	folder=$1
	shift
	mkdir -p "$top/$folder/packages"
	log=$top/$folder/log
	unlink
	package "$@"
	keep "$folder"
	rm -f "$tree"/*-dbg_*.deb
	mv "$tree"/linux-image-*.deb "$tree"/linux-headers-*.deb "$top/$folder/packages/"
	spent "$folder"
}

# linked FOLDER, variables of make: built in the tree as it is, not packed.
linked() {
	folder=$1
	shift
	mkdir "$top/$folder"
	log=$top/$folder/log
	build KBUILD_BUILD_VERSION=1 "$@" bzImage modules
	keep "$folder"
	spent "$folder"
}

# commit FOLDER: what the next upload knows of a release, in the source tree, as a packager commits it.
commit() {
	mkdir "$top/$1/abi"
	kpkg-btf record -q "$top/$1"/packages/*.deb -o "$top/$1/abi/6.1-small.json" --refs "$top/$1/abi" >>"$top/$1/log" 2>&1
	rm -rf "$src/abi"
	cp -r "$top/$1/abi" "$src/abi"
}

# original and fix are the sources of A and of B: a struct and two functions of
# the kernel are new, a private struct of the kernel and one of overlay grew, and
# one has another name.
fixed="kernel/ksysfs.c mm/shmem.c fs/overlayfs/readdir.c"
original() {
	for f in $fixed; do cp "$tree/original/$f" "$src/$f"; done
}

fix() {
	cat >>"$src/kernel/ksysfs.c" <<-'C'

		struct kpkg_fix_state {
			struct kobject *owner;
			unsigned long seen;
			char name[24];
		};
		static struct kpkg_fix_state kpkg_fix_state;
		noinline int kpkg_fix_note(struct kpkg_fix_state *state, unsigned long what);
		noinline int kpkg_fix_note(struct kpkg_fix_state *state, unsigned long what)
		{
			state->seen |= what;
			return state->owner ? 0 : -EINVAL;
		}
		static noinline int __init kpkg_fix_init(void)
		{
			kpkg_fix_state.owner = kernel_kobj;
			return kpkg_fix_note(&kpkg_fix_state, 1);
		}
		late_initcall(kpkg_fix_init);
	C
	sed -i 's/^struct shmem_falloc {/&\n\tunsigned long kpkg_fix_seen;/; s/struct shmem_options\>/struct kpkg_fix_options/' "$src/mm/shmem.c"
	sed -i 's/^struct ovl_readdir_data {/&\n\tunsigned long kpkg_fix_seen;/' "$src/fs/overlayfs/readdir.c"
}

if [ ! -e "$tree/compiled" ]; then
	rm -rf "$src" "$obj" "$tree/original"
	mkdir -p "$src" "$obj"
	log=$tree/log
	: >"$log"
	unpack
	spent unpack
	for f in $fixed; do
		mkdir -p "$tree/original/$(dirname "$f")"
		cp "$src/$f" "$tree/original/$f"
	done
	build KCONFIG_ALLCONFIG="$here/smallkernel.config" allnoconfig
	cp "$here/smallkernel.exports" "$src/"
	elliptic
	build KBUILD_BUILD_VERSION=1 vmlinux_o
	spent compile
	: >"$tree/compiled"
fi

if [ ! -e "$top/done" ]; then
	rm -rf "$top/pinned" "$top/incremental" "$top/unpinned" "$hooks"
	mkdir -p "$hooks"
	for h in bindeb-pkg pin-pahole; do "$program" hooks print $h -o "$hooks/$h"; done
	mv "$hooks/bindeb-pkg" "$hooks/bindeb-pkg.mk"
	chmod 755 "$hooks/pin-pahole"
	committed=$src/abi/6.1-small.json

	original
	release pinned/A 6.1.192-1 PAHOLE="$hooks/pin-pahole" KPKG_BTF_BUILD_PIN_SLACK=2048
	commit pinned/A
	fix
	linked incremental PAHOLE="$hooks/pin-pahole" KPKG_BTF_BUILD_PIN_ON="$committed"
	unlink
	linked unpinned
	release pinned/B 6.1.193-1 PAHOLE="$hooks/pin-pahole" KPKG_BTF_BUILD_PIN_ON="$committed" KPKG_BTF_BUILD_AGAINST="$committed"
	"$obj/scripts/sign-file" sha256 "$tree/elliptic.key" "$src/smallkernel.pem" "$top/pinned/B/modules/crc7.ko" "$top/elliptic.ko"
	: >"$top/done"
fi
echo "$top"
