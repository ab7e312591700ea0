// Package pack opens what a kernel build produced (.deb, .udeb, .rpm, a
// directory, a single file) as one ordered stream of entries. Nothing is
// unpacked to disk; names are data.
//
// Rules followed: deb(5) and dpkg-deb 1.21 (which members, in which order);
// rpm 4.18 lib/header.c, lib/rpmfi.c, lib/cpio.c and the lead of
// lib/rpmlead.c; POSIX ustar and pax, GNU tar.
//
// Stricter than the tools on purpose: an archive cut off anywhere is an error
// even where the tools would not look; a name with ".." or NUL, and an
// absolute one in a .deb, is refused; digests that a package carries about
// itself are verified.
//
// Deliberately unsupported: deb format 0.9, sparse tar entries, delta rpms,
// source packages, rpm payloads other than cpio, compressors outside the
// closed sets of dpkg and rpm.
//
// A path may occur twice in one package; the walk gives both in stream order,
// and for dpkg and rpm the later one wins.
package pack
