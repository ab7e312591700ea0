//go:build vm

package vmtest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
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
	alone   bool // without modules: vectors only
}{
	{version: vector.Version{5, 10, 262}, specs: []string{realtest.Image510}},
	{version: vector.Version{6, 1, 192}, allow: true, specs: []string{realtest.PairAOld}},
	{version: vector.Version{6, 12, 115}, allow: true, specs: []string{realtest.PairBOld}},
	{version: vector.Version{6, 18, 15}, specs: []string{realtest.Image618}},
	{version: vector.Version{7, 1, 13}, alone: true, specs: []string{realtest.Image71}},
	{version: vector.Version{7, 3, 4}, specs: []string{
		realtest.Image73,
		realtest.Modules73,
	}},
}

// mutated is how many modules are changed, the smallest: the ramdisk has to
// hold the mutants.
const mutated = 200

// TestVerdictOfCases: on every kernel, each vector of a module and a thousand
// mutants of real modules (KPKG_BTF_MUTANTS, 20 000 in make long; a third as
// many with .BTF.base) get the verdict that was predicted. The mutants break
// every rule that a module's vector breaks on that kernel, and a fifth of them
// is accepted. A vector that claims to be booted on a kernel must have been
// asked there.
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
			ms := slices.DeleteFunc(mutants(b, raw, n, p.Distilled), r.undefined)
			qs = append(append(qs, ms...), userMutants(vectors, n)...)
			r.ask(b.Kernel, b.Template, qs)
			t.Logf("%s: %d questions of vectors, %d mutants of modules, %d of user space's BTF", k.version, asked, len(ms), n)
			t.Log("first refusals of the mutants of user space's BTF:", histogram(r.count(qs[asked+len(ms):])))
			if p.ModuleBTF && !k.alone {
				hist := r.count(ms)
				t.Log("first refusals of the mutants of modules:", histogram(hist))
				for _, why := range mutant.Uneven(hist, vector.Rules(vectors, "module", k.version)) {
					t.Error(why)
				}
			}
		})
	}
}

// vectors are the questions of the vectors that the base can ask: as a module,
// and where the blob needs no base as BTF of user space, which every kernel
// since 4.18 judges with the same first pass. The kernels that a vector claims
// to be booted on must be those that have been asked what it says, no others.
func (r *referee) vectors(vs []*vector.Vector, at vector.Version, raw *btf.Raw) (qs []question) {
	for _, v := range vs {
		said := 0
		if v.Split != nil {
			q, ok := r.moduleVector(v, raw)
			if want := v.Want("module", at); ok && r.profile.ModuleBTF && want != nil {
				r.expect(v, want, v.First(raw), r.predict(&q))
				said++
			}
			if ok {
				qs = append(qs, q)
			}
		}
		blob, err := v.Alone()
		if v.Distilled == nil && !errors.As(err, new(*vector.Absent)) {
			if err != nil {
				r.t.Fatal(v.ID, err)
			}
			q := question{id: "user vector " + v.ID, split: blob, user: true}
			qs = append(qs, q)
			if want := v.Want("user", at); want != nil {
				r.expect(v, want, 1, r.predict(&q))
				said++
			}
		}
		if claimed := slices.Contains(v.Booted, at.String()); claimed != (said != 0) {
			r.t.Errorf("%s: booted on %s is claimed: %v; that kernel is asked something that the vector says: %v", v.ID, at, claimed, said != 0)
		}
	}
	return qs
}

// moduleVector is a vector on the kernel's base; false when the base lacks a
// type that it refers to.
func (r *referee) moduleVector(v *vector.Vector, raw *btf.Raw) (question, bool) {
	split, distilled, err := v.Module(raw)
	if err != nil && !errors.As(err, new(*vector.Absent)) {
		r.t.Fatal(v.ID, err)
	}
	return question{id: "vector " + v.ID, split: split, base: distilled}, err == nil
}

// expect holds the vector's own words against the prediction on this base;
// what the kernel says is compared with the prediction.
func (r *referee) expect(v *vector.Vector, want *vector.Expect, first uint32, got verdict.Result) {
	if got.OK != want.OK || !got.OK && (got.Errno.String() != want.Errno || got.Rule != want.Rule || !want.Says(got.Text, first)) {
		r.t.Errorf("%s: predicted %s, the vector says %+v", v.ID, got.String(), *want)
	}
}

func (r *referee) undefined(q question) bool {
	want := r.predict(&q)
	return want.Undefined
}

// mutants are changed copies of the smallest modules.
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
	for i, m := range mutant.Series(1, n, blobs, raw, distilled) {
		qs = append(qs, question{id: fmt.Sprintf("mutant %d %s", i, m.Aim), split: m.Split, base: m.Base})
	}
	return qs
}

// userMutants are the vectors' blobs about types, those that need no base, with
// a few of their bytes changed: what the resolving pass of user space's BTF
// meets.
func userMutants(vs []*vector.Vector, n int) (qs []question) {
	var blobs [][]byte
	for _, v := range vs {
		header := strings.Contains("HSTM", v.ID[:1])
		if blob, err := v.Alone(); err == nil && v.Distilled == nil && !header {
			blobs = append(blobs, blob)
		}
	}
	for i := range n {
		qs = append(qs, question{id: fmt.Sprintf("user mutant %d", i), split: mutant.Noise(1, i, blobs), user: true})
	}
	return qs
}

// count is how often each rule is the first refusal, "" none.
func (r *referee) count(qs []question) map[string]int {
	hist := map[string]int{}
	for i := range qs {
		want := r.predict(&qs[i])
		hist[want.Rule]++
	}
	return hist
}

// histogram renders counts in lines.
func histogram(hist map[string]int) string {
	var b strings.Builder
	for _, rule := range slices.Sorted(maps.Keys(hist)) {
		name := rule
		if rule == "" {
			name = "accepted"
		}
		fmt.Fprintf(&b, "\n%6d %s", hist[rule], name)
	}
	return b.String()
}
