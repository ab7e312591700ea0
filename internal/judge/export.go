package judge

import "kpkg-btf/internal/kmod"

// Digest is how decisions name the content of a section: SHA-256 in hex, ""
// when there is none or it is empty.
func Digest(b kmod.Blob) string { return digest(b) }
