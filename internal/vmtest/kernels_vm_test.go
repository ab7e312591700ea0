//go:build vm

package vmtest

import (
	"slices"
	"syscall"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
)

// What a kernel does with a module whose BTF it cannot use.
type refusal uint8

const (
	ignores refusal = iota // does not read module BTF at all
	drops                  // MODULE_ALLOW_BTF_MISMATCH: loads it without
	refuses                // -EINVAL
)

// testKernel is a kernel to boot: pinned packages, all from one suite, or the
// newest of a series.
type testKernel struct {
	name    string
	specs   []string
	bad     refusal
	distils bool // honours .BTF.base (6.11)
}

var kernels = []testKernel{
	{name: "5.10", bad: ignores, specs: []string{realtest.Image510}},
	{name: "6.1", bad: drops, specs: []string{realtest.PairANew}},
	{name: "6.12", bad: drops, distils: true, specs: []string{realtest.PairBOld}},
	{name: "6.18", bad: refuses, distils: true, specs: []string{realtest.Image618}},
	// Its modules are no longer in the archive, the image alone is.
	{name: "7.1", bad: refuses, distils: true, specs: []string{realtest.Image71}},
	{name: "7.3", bad: refuses, distils: true, specs: []string{
		realtest.Image73,
		realtest.Modules73,
	}},
}

// TestKernels boots each kernel once and asks what the reports rest on: does
// its own template attach, what becomes of BTF it cannot use, of none, of an
// empty one and of a distilled one.
func TestKernels(t *testing.T) {
	for _, k := range kernels {
		t.Run(k.name, func(t *testing.T) { k.test(t) })
	}
}

func (k *testKernel) test(t *testing.T) {
	b := load(t, k.specs...)
	own := anySplit()
	if b.Template != nil {
		i := slices.IndexFunc(b.Modules, func(m Module) bool { return m.Name == b.TemplateName })
		if btf := b.Modules[i].BTF; btf != nil {
			own = btf
		} else if k.bad != ignores {
			t.Fatal("the template has no BTF")
		}
	}
	split, base := tinyDistilled()
	res, err := Boot(t.Context(), b.Kernel, Job{Template: b.Template, Cases: []Case{
		{ID: "own", BTF: own, WantDigest: true},
		{ID: "cut", BTF: own[:len(own)-1]},
		{ID: "none"},
		{ID: "empty", BTF: []byte{}},
		{ID: "distilled", Kind: DistilledBTF, BTF: split, Base: base, WantBytes: true},
		{ID: "empty base", Kind: DistilledBTF, BTF: own, Base: []byte{}},
		{ID: "base alone", Kind: DistilledBTF, Base: base},
		{ID: "own again", BTF: own, WantDigest: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	vmlinux := ownBase(t, b, res)
	t.Log(res.Speed(), "enforced:", res.SigEnforced, "taint:", res.Tainted)
	verdicts := make(map[string]*Verdict)
	for i := range res.Verdicts {
		v := &res.Verdicts[i]
		verdicts[v.ID] = v
		t.Log(v)
	}
	for _, id := range []string{"own", "own again"} {
		v := verdicts[id]
		if attached := k.bad != ignores; !v.Loaded() || v.Attached != attached || attached && v.Digest != digest(own) {
			t.Errorf("want attached = %v with its own bytes: %v", attached, v)
		}
	}
	for _, id := range []string{"none", "empty", "base alone"} {
		if v := verdicts[id]; !v.Loaded() || v.Attached || v.Printed("BPF:") {
			t.Errorf("a module without BTF must load in silence: %v", v)
		}
	}
	k.unusable(t, verdicts["cut"], "Total section length too long")
	if k.distils {
		k.unusable(t, verdicts["empty base"], "hdr_len not found")
		relocated(t, verdicts["distilled"], split, vmlinux)
		return
	}
	// Read as ordinary split BTF: type ids and names mean something else.
	if v := verdicts["empty base"]; !v.Loaded() || v.Attached != (k.bad != ignores) {
		t.Errorf("this kernel does not know .BTF.base: %v", v)
	}
}

// ownBase is the kernel's base as this program finds it in the image, which
// must be what the running kernel shows.
func ownBase(t *testing.T, b *Build, res *Result) *btf.Raw {
	t.Helper()
	facts, err := kimage.Parse(t.Context(), b.Kernel.Image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := digest(facts.BTF); d != res.Base || facts.Release != res.Release {
		t.Errorf("the image is read as %q with base %s, the kernel has %q and %s", facts.Release, d, res.Release, res.Base)
	}
	base, err := btf.Parse(facts.BTF)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("base: %d types, %d bytes of strings", base.NumTypes(), base.StrLen())
	return base
}

// unusable checks the verdict on BTF that no kernel takes. The one-time
// warning of kernels that drop is not looked for: the case is not the first.
func (k *testKernel) unusable(t *testing.T, v *Verdict, text string) {
	t.Helper()
	want := syscall.Errno(0)
	if k.bad == refuses {
		want = syscall.EINVAL
	}
	if v.Errno != want || v.Attached || v.Printed(text) == (k.bad == ignores) {
		t.Errorf("want errno %d and the words %q: %v", int(want), text, v)
	}
}
