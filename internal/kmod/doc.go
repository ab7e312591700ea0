// Package kmod reads a kernel module (.ko, plain or compressed) into Facts:
// everything that later judgement needs, and nothing of the module's bytes
// beyond that.
//
// The rules are those of the kernel's module loader: kernel/module/main.c
// (find_any_sec, elf_validity_check), kernel/module/version.c,
// include/linux/export-internal.h, include/linux/btf_ids.h. Deliberately not
// read: code, debug information, parameters.
package kmod
