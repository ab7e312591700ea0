package encounter

import (
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
)

// Shown is what /sys/kernel/btf/NAME shows of a module that the kernel has
// accepted: its .BTF, moved onto the kernel's base where it has a .BTF.base that
// the kernel honours; nil where it has none. known is false where nothing says
// what the kernel accepts, or it would not accept this.
func Shown(k *kernel.Kernel, f *kmod.Facts) (btf []byte, known bool) {
	if f.BTF.Len() == 0 {
		return nil, true
	}
	if k.Rules() == nil {
		return nil, false
	}
	var base []byte
	if f.BTFBase.Len() > 0 {
		base = f.BTFBase.Bytes()
	}
	out, r := k.Rules().Relocated(f.BTF.Bytes(), base)
	return out, r.OK
}
