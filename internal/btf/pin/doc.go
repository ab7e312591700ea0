// Package pin gives the types and strings of a new kernel's base the ids and
// offsets that they had in an older one. A module's BTF continues a base's ids
// and string offsets, so a base that holds both makes modules of either build
// right on either kernel, with nothing to strip, distil or rename.
//
// A split starts at the base's number of types and length of strings, so both
// must be equal on both sides. The first release of a series reserves slack
// (Start): filler types that nothing names, and NUL bytes behind the strings. A
// later one (On) fills it. What the older base had and the new one does not
// leaves its id to a filler, so that nobody finds it by name.
//
// There are two layouts, told by the new base itself:
//
//   - Free, up to Linux 6.19: a type may have any id. A filler is a FUNC of the
//     reserved name over "void (void)": every kernel since 5.11 accepts it in
//     its base, no module's type is merged with it, CO-RE looks for no FUNC,
//     and it has no form in C.
//   - Sorted, from Linux 7.0: types without a name come first, the others in the
//     order of their names, because kernel and libbpf search by halves and an
//     inversion loses names without a word. A filler among the first is a
//     FUNC_PROTO with one parameter of the reserved name; among the others it is
//     a DECL_TAG, with the name of the type before it, on the reserved STRUCT.
//     The order stays, no string is used, and no kernel or tool looks for such
//     a tag (bpftool prints what a tag "bpf_kfunc" is on when that is a FUNC).
//
// How types of the two bases are matched decides only which ids are held, never
// what the result says: that it is the new base, type by type, is proven on
// its bytes before it is returned.
package pin

// Reserved is the name of fillers: of a FUNC, of a parameter, of a STRUCT
// without members. No C code has it.
const Reserved = "kpkg_slack"
