// Package loadcheck reports whether a kernel loads a module at all, before any
// look at its BTF: by vermagic, symbol versions, exported symbols, namespaces,
// licence and signature, in the kernel's order and words. The rules are those
// of kernel/module/main.c, version.c and signing.c, 5.10 to 7.3:
//
//	module_sig_check            signature
//	elf_validity_cache_copy     architecture, size of struct module (6.4+)
//	check_modstruct_version     CRC of module_layout
//	check_modinfo               vermagic
//	setup_modinfo               namespaces of module lists (6.16+)
//	simplify_symbols            imports: resolve_symbol, check_version,
//	                            verify_namespace_is_imported
//	verify_exported_symbols     own exports
//
// What is not known of a kernel is a gap, never a pass. Not judged: module
// blacklists, the lists of revoked hashes (.blacklist, dbx), keys enrolled on
// a machine (MOK), livepatch, and what an architecture's own loader refuses.
package loadcheck
