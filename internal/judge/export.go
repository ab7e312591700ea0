package judge

import (
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/release"
)

// Kernel gives the rules and the base of a release's kernel; nil when its
// image or its base is not there.
func Kernel(r *release.Release) (*verdict.Base, error) {
	k, err := kernelOf(r)
	if k == nil || err != nil {
		return nil, err
	}
	return k.base, nil
}

// Registered are the sets of BTF ids that a module's init hands to the kernel.
func Registered(m *release.Module) verdict.Registered { return registered(m.Facts) }

// Digest is how decisions name the content of a section: SHA-256 in hex, ""
// when there is none or it is empty.
func Digest(b []byte) string { return digest(b) }
