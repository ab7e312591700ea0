package model

// BaseProvide is the virtual package of Debian that a package with a kernel's
// base provides and a module encoded against that base depends on, by the
// base checksum in hex. A Debian dependency compares versions of one package
// only, so the checksum's first 16 digits are in the name. In rpm the same is
// kernel-btf(RELEASE) = CHECKSUM.
func BaseProvide(sha256hex string) string { return "kernel-btf-" + sha256hex[:16] }
