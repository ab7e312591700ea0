package model

import (
	"slices"
	"testing"
)

// Precedence when several hold is 6, 4, 5, 3, 0.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		o    Outcome
		code int
		word string
	}{
		{Outcome{}, 0, "keep"},
		{Outcome{Action: Distill}, 3, "distill"},
		{Outcome{Action: Strip}, 3, "strip"},
		{Outcome{Action: Bump}, 4, "bump"},
		{Outcome{Action: Rebuild}, 6, "rebuild"},
		{Outcome{Inconclusive: true}, 5, "inconclusive"},
		{Outcome{Action: Strip, Inconclusive: true}, 5, "inconclusive"},
		{Outcome{Action: Bump, Inconclusive: true}, 4, "bump"},
		{Outcome{Action: Rebuild, Inconclusive: true}, 6, "rebuild"},
	} {
		if c.o.ExitCode() != c.code || c.o.Word() != c.word {
			t.Errorf("%+v: %d %s, want %d %s", c.o, c.o.ExitCode(), c.o.Word(), c.code, c.word)
		}
	}
}

// The join is a lattice: commutative, associative, idempotent.
func TestJoin(t *testing.T) {
	var all []Outcome
	for a := Keep; a <= Rebuild; a++ {
		all = append(all, Outcome{a, false}, Outcome{a, true})
	}
	for _, a := range all {
		for _, b := range all {
			if a.Join(b) != b.Join(a) || a.Join(a) != a {
				t.Errorf("%+v %+v", a, b)
			}
			for _, c := range all {
				if a.Join(b).Join(c) != a.Join(b.Join(c)) {
					t.Errorf("%+v %+v %+v", a, b, c)
				}
			}
		}
	}
}

func TestActionText(t *testing.T) {
	for a := Keep; a <= Rebuild; a++ {
		text, _ := a.MarshalText()
		var b Action
		if err := b.UnmarshalText(text); err != nil || a != b {
			t.Errorf("%s: %v", text, err)
		}
	}
	var a Action
	if err := a.UnmarshalText([]byte("burn")); err == nil {
		t.Error("an unknown word is taken")
	}
}

func TestArchitectures(t *testing.T) {
	for _, c := range []struct {
		machine   uint16
		is64, big bool
		want      Arch
		words     []string
	}{
		{62, true, false, X8664, []string{"amd64", "x86_64"}},
		{183, true, false, ARM64, []string{"arm64", "aarch64"}},
		{40, false, false, ARM, []string{"armhf", "armv7hl"}},
		{21, true, false, PPC64LE, []string{"ppc64el", "ppc64le"}},
		{21, true, true, PPC64, []string{"ppc64"}},
		{243, true, false, RISCV64, []string{"riscv64"}},
		{22, true, true, S390X, []string{"s390x"}},
		{258, true, false, LoongArch64, []string{"loong64", "loongarch64"}},
		{8, true, false, MIPS64EL, []string{"mips64el"}},
		{8, false, true, MIPS, []string{"mips"}},
		{9999, true, false, ArchUnknown, []string{"all", "noarch", ""}},
	} {
		if got := ArchOfELF(c.machine, c.is64, c.big); got != c.want {
			t.Errorf("machine %d: %q, want %q", c.machine, got, c.want)
		}
		for _, w := range c.words {
			if got := ArchOfPackage(w); got != c.want {
				t.Errorf("word %q: %q, want %q", w, got, c.want)
			}
		}
	}
}

// What is open is named with the action it stands by, what is not known at all
// hides it, and what the policy lowered or closed is named where it counts.
func TestOpenAndByPolicy(t *testing.T) {
	base := Finding{Rule: "window.base", Action: Distill}
	open := Finding{Rule: "abi.undescribed-open", Inconclusive: true, If: "3 exports did not change", Close: []string{"a", "b"}}
	closed := open
	closed.Inconclusive, closed.Waived = false, "policy undescribed-exports: accept"
	blind := Finding{Rule: "self.no-image", Inconclusive: true}
	waived := Finding{Rule: "abi.lost", Asked: Bump, Waived: "policy, waiver 1: gone"}
	for _, c := range []struct {
		list []Finding
		word string
		by   []string
	}{
		{[]Finding{base}, "distill", nil},
		{[]Finding{base, open}, "distill, if 3 exports did not change", nil},
		{[]Finding{open, open}, "keep, if 3 exports did not change", nil},
		{[]Finding{base, open, blind}, "inconclusive", nil},
		{[]Finding{base, closed}, "distill", []string{closed.Waived}},
		{[]Finding{open, {Action: Bump}}, "bump", nil},
		{[]Finding{waived, base}, "distill", []string{waived.Waived}},
		{[]Finding{waived, {Action: Bump}}, "bump", nil}, // it is as high without the policy
		{[]Finding{waived, waived, closed}, "keep", []string{waived.Waived, closed.Waived}},
	} {
		var o Outcome
		for _, f := range c.list {
			o = o.Join(Outcome{f.Action, f.Inconclusive})
		}
		r := &Report{Outcome: o, Releases: []ReleaseVerdict{{Findings: c.list}}}
		if got := r.DecisionOf(o); got != c.word || !slices.Equal(r.ByPolicy(), c.by) {
			t.Errorf("%+v: %q by %q, want %q by %q", c.list, got, r.ByPolicy(), c.word, c.by)
		}
	}
	list, whole := OpenOf([]Finding{base, open})
	if !whole || len(list) != 1 || list[0].If != open.If || !slices.Equal(list[0].Close, open.Close) {
		t.Errorf("%+v", list)
	}
}
