// Package encounter asks one kernel about one module: Meet is the only place
// where that is done, for a release's modules on its own image, on an older
// kernel that is still booted, for older and external modules on a new one, and
// for what lies on a host.
//
// # Meaning
//
// Whether a module's types are the ones it was built with does not depend on
// whether the kernel takes them: a module that is refused, dropped or does not
// load at all has the meaning that its BTF has on that kernel's base.
//
//	module's BTF  kernel                     build base            meaning
//	none, empty   any                        any                   none
//	any           reads no module BTF        any                   none
//	split         -                          the kernel's own      same
//	split         -                          another one           same or different, by comparison
//	any           -                          not known, denied     different
//	split         -                          not known             unknown
//	distilled     ignores .BTF.base          any                   different
//	distilled     -                          the kernel's own      same
//	distilled     a type is not found on it  any                   different
//	distilled     honours .BTF.base          another one           same or different, by comparison
//	distilled     honours .BTF.base          not known             same: relocated by name and size
//	any, recorded -                          the kernel's own      same
//	any, refs     -                          another one           same or different, by comparison
//	any, recorded -                          another one           unknown, without references
//	any           base not at hand           another one, or not known  unknown
//
// A distilled module of which a manifest keeps references meets kernels as a
// stand-in (standIn): the rows of "distilled" are its rows too.
//
// "-" stands for a kernel that reads module BTF, or of which that is not known.
// Denied is what contradicts that the module was encoded against the kernel's
// base (Build.Denied). By comparison, same is: by identity, and by the layout of
// what is embedded (meaning.Identity, meaning.ByValue).
package encounter
