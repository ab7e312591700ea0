package btftest

import "kpkg-btf/internal/btf"

// Distilled builds a kernel's base, the distilled base of a module that uses
// its int, and the module's own BTF: a function of one int, ids 2 and 3.
// Moved onto the kernel's base the ids 1 to 3 are 3, 5 and 6.
func Distilled() (kernel, dist, split *Builder, fn btf.ID) {
	kernel = Base()
	kernel.Struct("other", 4)
	kernel.Struct("other2", 4)
	kernel.Ptr(kernel.Int("int", 4, Signed))
	dist = Base()
	i := dist.Int("int", 4, Signed)
	split = dist.Split()
	fn = split.Func("kf", split.Proto(i))
	return kernel, dist, split, fn
}
