//go:build small

package smallkernel

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf/asm"
	cilium "github.com/cilium/ebpf/btf"

	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/vmtest"
	"kpkg-btf/internal/vmtest/bpfobj"
)

// TestOutside puts to a booted B two modules that its build did not make so. One
// with a kfunc, compiled by the headers package, which has no vmlinux: check and
// inspect name its kfunc and say why it is missing, the kernel loads it, and no
// program can call it. And one signed with a key that the kernel knows, of an
// algorithm that it does not have: it is refused with EKEYREJECTED and without a
// word, although signatures are not enforced.
func TestOutside(t *testing.T) {
	b := shipped(t, PinnedB)
	image := Package(t, PinnedB, "linux-image-")
	bare, elliptic := compiled(t), filepath.Join(Built(t, "."), "elliptic.ko")

	says(t, 0, []string{"inspect", "-v", bare}, "vmlinux was unavailable at build time")
	says(t, 0, []string{"check", "-v", "--signatures", "ignored", bare, "--on", image},
		"1 module that registers kfuncs loads without BTF on "+b.name+", where the kfuncs are then missing without an error (first: kpkg_answer.ko: kpkg_answer)")
	says(t, 4, []string{"check", "-v", elliptic, "--on", image},
		"Key was rejected by service (err -129), without a word: the kernel cannot verify signatures by ecdsa, CONFIG_CRYPTO_ECDSA is off")

	integer := &cilium.Int{Name: "int", Size: 4, Encoding: cilium.Signed}
	kfunc := &cilium.Func{Name: "kpkg_answer", Type: &cilium.FuncProto{Return: integer, Params: []cilium.FuncParam{{Name: "question", Type: integer}}}}
	object, err := bpfobj.Write(bpfobj.Prog{Section: "tc", Name: "asks", Insns: asm.Instructions{asm.Mov.Imm(asm.R1, 0), bpfobj.Call(kfunc), asm.Return()}})
	must(t, err)
	res := b.boot(t, nil, nil,
		vmtest.Case{ID: "bare", Kind: vmtest.WholeModule, Module: read(t, bare), Keep: true},
		vmtest.Case{ID: "programs", Kind: vmtest.Object, Object: object},
		vmtest.Case{ID: "elliptic", Kind: vmtest.WholeModule, Module: read(t, elliptic)},
	)
	if v := &res.Verdicts[0]; !v.Loaded() || v.Attached || !v.Printed("missing module BTF, cannot register kfuncs") {
		t.Errorf("a module with a kfunc, without BTF: %v", v)
	}
	answers, err := res.Verdicts[1].Programs()
	must(t, err)
	if a := answers["asks"]; !strings.Contains(a.Error, `kfunc "kpkg_answer": not supported`) {
		t.Errorf("a program that calls it: %+v", a)
	}
	if v := &res.Verdicts[2]; v.Errno != syscall.EKEYREJECTED || len(v.Log) != 0 {
		t.Errorf("a signature by an algorithm that is not there: %v", v)
	}
}

// compiled is the module of testdata, built with B's headers package.
func compiled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	command(t, "dpkg-deb", "-x", Package(t, PinnedB, "linux-headers-"), dir)
	headers, err := filepath.Glob(filepath.Join(dir, "usr/src/linux-headers-*"))
	if err != nil || len(headers) != 1 {
		t.Fatal(headers, err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "kpkg_answer.c"), read(t, "testdata/kpkg_answer.c"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "Makefile"), []byte("obj-m := kpkg_answer.o\n"), 0o644))
	command(t, "make", "-C", headers[0], "M="+dir, "modules")
	return filepath.Join(dir, "kpkg_answer.ko")
}

// says runs the program and looks for a text in what it prints, line breaks read
// as blanks.
func says(t *testing.T, want int, args []string, text string) {
	t.Helper()
	out, complaint, code := realtest.Run(t, args...)
	if code != want || !strings.Contains(strings.Join(strings.Fields(out), " "), text) {
		t.Errorf("%q: exit %d, want %d and %q\n%s%s", args, code, want, text, out, complaint)
	}
}
