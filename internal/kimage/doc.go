// Package kimage takes a kernel image out of its containers and says what the
// kernel in it is and does: base BTF, `uname -r`, what it does with the BTF of
// modules, the certificates and exports it carries.
//
// Formats and where their rules are written down:
//
//   - x86 bzImage: Documentation/arch/x86/boot.rst (setup header, payload_offset)
//   - EFI zboot: drivers/firmware/efi/libstub/zboot-header.S
//   - arm64, riscv, loongarch Image: Documentation/arch/*/booting.rst,
//     arch/loongarch/kernel/head.S
//   - arm zImage: arch/arm/boot/compressed/head.S, vmlinux.lds.S
//   - s390 bzImage: arch/s390/boot/head.S, ipl_data.S
//   - powerpc zImage: arch/powerpc/boot/zImage.lds.S (.kernel:vmlinux.strip)
//   - unified kernel image: PE with a .linux section (UAPI group, UKI)
//   - ELF boot wrappers of mips, parisc and others: the payload by its magic
//   - ELF vmlinux, also the one of Debian's headers packages that carries
//     nothing but .BTF and .BTF_ids
//
// and any of them, or a raw image, inside a compressed stream.
//
// Deliberately not supported: u-boot uImage and FIT, x86 bzImage before
// protocol 2.08 (Linux 2.6.24), decoding of SHF_COMPRESSED sections.
package kimage
