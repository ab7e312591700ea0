// Package pack opens what a kernel build produced (.deb, .udeb, .rpm, .pkg.tar.*,
// .apk, .ipk, a tar archive, a directory, a single file) as one ordered stream of
// entries. Nothing is
// unpacked to disk; names are data.
//
// Rules followed: deb(5) and dpkg-deb 1.21 (which members, in which order);
// rpm 4.18 lib/header.c, lib/rpmfi.c, lib/cpio.c and the lead of
// lib/rpmlead.c; POSIX ustar and pax, GNU tar; makepkg and libalpm of pacman 6;
// apk-package(5) of apk-tools 2; ipkg-build and opkg of OpenWrt.
//
// Stricter than the tools on purpose: an archive cut off anywhere is an error
// even where the tools would not look; a name with ".." or NUL, and an
// absolute one in a tar archive, is refused; digests that a package carries about
// itself are verified.
//
// Deliberately unsupported: deb format 0.9, .apk format 3 (ADB), sparse tar entries, delta rpms,
// source packages, rpm payloads other than cpio, compressors outside the
// closed sets of dpkg and rpm.
//
// A path may occur twice in one package; the walk gives both in stream order,
// and for dpkg and rpm the later one wins.
package pack
