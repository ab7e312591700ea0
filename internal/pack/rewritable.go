package pack

import "kpkg-btf/internal/where"

// Rewritable returns why a package of this kind cannot be written again with
// other modules as its own tools would have it; nil for a .deb or .rpm.
func (k Kind) Rewritable() error {
	why := ""
	switch k {
	case Deb, Udeb, Rpm:
		return nil
	case Arch:
		why = ": its .MTREE has the digest of every file, and its signature lies next to it"
	case Apk:
		why = ": its signature covers the digest of all files, and only its builder has the key"
	case Ipk:
		why = ": the index that it is installed from has its digest"
	case Tar:
		why = ": nothing in it says how it was packed"
	default:
		return where.New(where.Unsupported, "a %v cannot be rewritten as a package", k)
	}
	return where.New(where.Unsupported, "a package of kind %v is not written again%s", k, why).
		WithHint("repair the tree before it is packed, or unpack it, give apply the folder and build the package again")
}
