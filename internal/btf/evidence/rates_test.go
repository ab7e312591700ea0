package evidence_test

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/evidence"
)

// What is printed is the lowest rate over the changes that another link of
// vmlinux makes.
func TestWorstRate(t *testing.T) {
	for _, k := range []evidence.Kernels{evidence.Versioned, evidence.Unversioned, evidence.SortedBase} {
		worst, seen := k.Worst(), false
		for c := range evidence.Change(evidence.NumChanges) {
			r := k.Of(c)
			if r.Alone < 0 || r.Together < r.Alone || r.Together > 100 {
				t.Errorf("%v, %v: %+v", k, c, r)
			}
			if c.Relinks() {
				seen = seen || r.Alone == worst.Alone
				if r.Alone < worst.Alone || r.Together < worst.Together {
					t.Errorf("%v, %v: %+v is below the worst, %+v", k, c, r, worst)
				}
			}
		}
		if !seen || worst.Alone == 0 {
			t.Errorf("%v: worst %+v is no change's", k, worst)
		}
	}
}

// A base is taken for sorted when types without names come first.
func TestKernelsOf(t *testing.T) {
	sorted, mixed := btftest.Base(), btftest.Base()
	i := sorted.Int("int", 4, btftest.Signed)
	j := mixed.Int("int", 4, btftest.Signed)
	for n := range 1500 {
		sorted.Array(i, i, uint32(n))
		mixed.Array(j, j, uint32(n))
		mixed.Typedef("t"+string(rune('a'+n%26)), j)
	}
	for n := range 1500 {
		sorted.Typedef("t"+string(rune('a'+n%26)), i)
	}
	for _, c := range []struct {
		base     *btf.Raw
		versions bool
		want     evidence.Kernels
	}{{sorted.Parse(), false, evidence.SortedBase}, {mixed.Parse(), false, evidence.Unversioned}, {sorted.Parse(), true, evidence.Versioned}} {
		if got := evidence.KernelsOf(c.base, c.versions); got != c.want {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
}

// Claims and grades: a contradiction outranks any claim, a doubt is closed by
// one, and only the encoder's is proof.
func TestGrading(t *testing.T) {
	contradiction := evidence.Result{Conclusion: evidence.Contradicted}
	contradiction.Checks[evidence.Kinds] = evidence.Tally{Hits: 1, First: &evidence.Violation{Check: evidence.Kinds, Text: "no"}}
	consistent := evidence.Result{Conclusion: evidence.Consistent}
	consistent.Checks[evidence.Dedup].Looked = 3
	shift := &evidence.Shift{From: 10, To: 20, By: 1, Votes: 2}
	doubtful := evidence.Result{Conclusion: evidence.Doubtful, Shift: shift}
	for _, c := range []struct {
		name     string
		r        *evidence.Result
		claim    evidence.Claim
		together *evidence.Shift
		want     evidence.Grade
	}{
		{"nothing looked at", nil, evidence.NoClaim, nil, evidence.Unknown},
		{"checks passed", &consistent, evidence.NoClaim, nil, evidence.Agreed},
		{"the encoder's stamp", &consistent, evidence.ByEncoder, nil, evidence.Proven},
		{"somebody's word", &consistent, evidence.ByWord, nil, evidence.Agreed},
		{"another base named", &consistent, evidence.Otherwise, nil, evidence.Refuted},
		{"contradicted", &contradiction, evidence.NoClaim, nil, evidence.Refuted},
		{"contradicted, whatever the stamp says", &contradiction, evidence.ByEncoder, nil, evidence.Refuted},
		{"doubtful", &doubtful, evidence.NoClaim, nil, evidence.Doubted},
		{"doubtful with others", &consistent, evidence.NoClaim, shift, evidence.Doubted},
		{"a doubt closed by somebody", &doubtful, evidence.ByWord, shift, evidence.Agreed},
		{"a doubt closed by the encoder", &doubtful, evidence.ByEncoder, shift, evidence.Proven},
	} {
		got := evidence.Grading(c.r, c.claim, c.together)
		if got.Grade != c.want || (got.Why != "") != (c.want == evidence.Refuted || c.want == evidence.Doubted) {
			t.Errorf("%s: %+v, want %d", c.name, got, c.want)
		}
	}
	if consistent.Outside() {
		t.Error("merged types are the BTF's own")
	}
	consistent.Checks[evidence.Tables].Looked = 1
	if !consistent.Outside() {
		t.Error("operation tables are outside it")
	}
}
