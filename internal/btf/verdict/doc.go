// Package verdict says what a given kernel does with given BTF, as the kernel
// says it: the same checks in the same order, the same errno and the same
// words. What differs between kernels is a field of Profile; no rule asks for
// a version.
//
// The rules mirror kernel/bpf/btf.c and tools/lib/bpf/btf_relocate.c, Linux
// 5.11 to 7.3. Each names the kernel function it mirrors. The kernel compares
// bytes, not runes, with the Latin-1 character classes of lib/ctype.c, and an
// offset into strings is a byte offset that may begin in mid-word.
//
// Nothing here recurses, and a module costs no allocation that grows with it
// beyond a pooled index of its records.
package verdict
