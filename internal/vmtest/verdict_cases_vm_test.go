//go:build vm

package vmtest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"strconv"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/btf/verdict/mutant"
	"kpkg-btf/internal/btf/verdict/vector"
	"kpkg-btf/internal/realtest"
)

// verdictKernels are the kernels that are asked: one of each generation of
// the rules that Debian's archive has.
var verdictKernels = []struct {
	version vector.Version
	allow   bool // MODULE_ALLOW_BTF_MISMATCH
	specs   []string
}{
	{version: vector.Version{5, 10, 262}, specs: []string{realtest.Image510}},
	{version: vector.Version{6, 1, 192}, allow: true, specs: []string{realtest.PairAOld}},
	{version: vector.Version{6, 12, 115}, allow: true, specs: []string{realtest.PairBOld}},
	{version: vector.Version{6, 18, 15}, specs: []string{realtest.Image618}},
	{version: vector.Version{7, 3, 4}, specs: []string{
		realtest.Image73,
		realtest.Modules73,
	}},
}

// mutated is how many modules are changed, the smallest: the ramdisk has to
// hold the mutants.
const mutated = 60

// TestVerdictOfCases: on every kernel, each vector of a module and a thousand
// mutants of real modules (KPKG_BTF_MUTANTS, 20 000 in make long) get the
// verdict that was predicted. A vector that claims to be booted on a kernel
// must have been asked there.
func TestVerdictOfCases(t *testing.T) {
	n := 1000
	if s := os.Getenv("KPKG_BTF_MUTANTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	vectors, err := vector.Load("../../testdata/vectors/btf")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range verdictKernels {
		t.Run(k.version.Series(), func(t *testing.T) {
			b := load(t, k.specs...)
			p := verdict.ForVersion(k.version[0], k.version[1], k.version[2])
			p.AllowMismatch = k.allow
			r := newReferee(t, p, imageBTF(t, b.Kernel))
			raw := r.base.Raw()
			qs := r.vectors(vectors, k.version, raw)
			asked := len(qs)
			qs = append(qs, mutants(b, raw, n, p.Distilled)...)
			r.ask(b.Kernel, b.Template, slices.DeleteFunc(qs, r.undefined))
			t.Logf("%s: %d vectors, %d mutants", k.version, asked, len(qs)-asked)
			r.histogram()
		})
	}
}

// vectors are the questions of the vectors that the base can ask.
func (r *referee) vectors(vs []*vector.Vector, at vector.Version, raw *btf.Raw) (qs []question) {
	for _, v := range vs {
		claimed := slices.Contains(v.Booted, at.String())
		if v.Split == nil || r.profile.ModuleBTF && v.Want("module", at) == nil {
			if claimed {
				r.t.Errorf("%s: claims to be booted on %s and says nothing of it", v.ID, at)
			}
			continue
		}
		split, distilled, err := v.Module(raw)
		var absent *vector.Absent
		switch {
		case errors.As(err, &absent):
			if claimed {
				r.t.Errorf("%s: claims to be booted on %s: %v", v.ID, at, err)
			}
			continue
		case err != nil:
			r.t.Fatal(v.ID, err)
		}
		qs = append(qs, question{id: "vector " + v.ID, split: split, base: distilled})
		r.expect(v, at, v.First(raw), split, distilled)
	}
	return qs
}

// expect holds the vector's own words against the prediction on this base;
// what the kernel says is compared with the prediction.
func (r *referee) expect(v *vector.Vector, at vector.Version, first uint32, split, distilled []byte) {
	want := v.Want("module", at)
	if want == nil {
		return
	}
	got := r.base.Module(split, distilled)
	if got.OK != want.OK || !got.OK && (got.Errno.String() != want.Errno || got.Rule != want.Rule || want.Text != "" && got.Text != want.Message(first)) {
		r.t.Errorf("%s: predicted %s, the vector says %+v", v.ID, got.String(), *want)
	}
}

func (r *referee) undefined(q question) bool {
	want := r.base.Module(q.split, q.base)
	return want.Undefined
}

func mutants(b *Build, raw *btf.Raw, n int, distilled bool) (qs []question) {
	var blobs [][]byte
	for _, m := range b.Modules {
		if len(m.BTF) > 0 && m.Base == nil {
			blobs = append(blobs, m.BTF)
		}
	}
	slices.SortStableFunc(blobs, func(a, b []byte) int { return len(a) - len(b) })
	blobs = blobs[:min(mutated, len(blobs))]
	if len(blobs) == 0 {
		return nil
	}
	for i := range n {
		m := mutant.Make(1, i, blobs, raw)
		qs = append(qs, question{id: fmt.Sprintf("mutant %d %s", i, m.Aim), split: m.Split, base: m.Base})
		if distilled && i%3 == 0 {
			m = mutant.Distil(1, i, raw)
			qs = append(qs, question{id: fmt.Sprintf("distilled %d %s", i, m.Aim), split: m.Split, base: m.Base})
		}
	}
	return qs
}

// histogram prints how often each rule was the first refusal.
func (r *referee) histogram() {
	var rules []string
	for rule := range r.rules {
		rules = append(rules, rule)
	}
	sort.Strings(rules)
	for _, rule := range rules {
		r.t.Logf("%5d %s", r.rules[rule], rule)
	}
}
