// Package vmtest asks real kernels. It boots a stock kernel in QEMU with a
// small program as /init that hands it modules one after the other and tells
// what became of each: the errno of init_module(2), whether
// /sys/kernel/btf/NAME appeared and with which bytes, and what was printed.
// Only tests import it.
//
//	job := vmtest.Job{Template: build.Template}
//	for _, m := range build.Modules {
//		job.Cases = append(job.Cases, vmtest.Case{ID: m.Path, BTF: m.BTF})
//	}
//	res, err := vmtest.Boot(ctx, old.Kernel, job)
//	res.Verdicts[0].Attached // in the order of the cases
//
// Tests that boot have the build tag vm and live in files *_vm_test.go:
// go test -tags vm ./internal/vmtest. They need qemu-system-x86, xz and the
// go command. One machine runs at a time on a host.
//
// # To add a case
//
// A Case is one module given to the kernel and, unless it is kept, taken back.
// Kind SplitBTF and DistilledBTF put Case.BTF and Case.Base into the job's
// template; nil leaves a section out, an empty slice makes an empty section.
// WholeModule loads Case.Module byte for byte; with Keep it stays for those
// that need it; InOrder makes a row of those. ReplaceBTF makes a module with
// other BTF. WantDigest and WantBytes return what sysfs shows (after
// relocation, where the kernel relocates). UserBTF is no module: Case.BTF is
// loaded as user space does, and Verdict.Words is what the verifier says.
// Object loads BPF programs, written with package bpfobj, that call kfuncs or ask
// for types. Program runs one of Job.Files between the others, by any user: our own
// program too, on a tree of Job.Files.
//
// The log of a verdict is all that the kernel printed between two cases. Look
// for words in it (Verdict.Printed) rather than compare it whole: a timer may
// have said something too. Warnings that a kernel prints once come with the
// first case that deserves them.
//
// # To add a kernel
//
// Boot takes any x86-64 bzImage with an initial ramdisk and a serial port
// built in. From packages: realtest.Deb and LoadBuild, see the table in
// kernels_vm_test.go. Debian 6.1 to 6.18 have one package, linux-image-*;
// later ones have linux-binary-* (the image) and linux-modules-*. Where the
// modules are missing, leave Job.Template nil: the guest then makes a module
// of nothing, of the size that the kernel's own BTF gives struct module and
// the version magic that the kernel asks for when it is given a wrong one.
//
// Job.Firmware boots it through UEFI firmware with variables of the test's
// choice (efi_vm_test.go), which is how keys get into a kernel's keyrings.
//
// # How it works
//
// The host takes BTF and signature off the template once and leaves room for
// two section headers (wire.Blank), so that the guest builds each module with
// a copy and a few stores. All blobs go in with the initial ramdisk; answers
// come back as JSON lines on the second serial port while the first shows the
// console. A kernel that panics, oopses or falls silent ends the boot with a
// *Failure that names the case it was at and shows the console.
//
// The command line leaves out mitigations, hardening and address space
// randomisation: expensive under emulation, and of no effect on what
// btf_parse_module (kernel/bpf/btf.c) or the module loader decide.
package vmtest
