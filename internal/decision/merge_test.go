package decision

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kpkg-btf/internal/model"
)

// judged is a report of one release against one older, with a finding that
// asks for action.
func judged(name, old string, action model.Action, base string) *model.Report {
	rep := sample()
	v := &rep.Releases[0]
	v.Release.Name, v.Release.Base.SHA256 = name, sum(base)
	v.Windows[0].Old.Name, v.Windows[0].Action = old, action
	v.Findings[0].Release, v.Findings[0].Against, v.Findings[0].Action = name, old, action
	v.Modules[0].Action, v.Modules[0].Windows[0].Action = action, action
	concludeRelease(v)
	rep.New[0], rep.Old[0] = v.Release, v.Windows[0].Old
	conclude(rep)
	return rep
}

func findingsOf(rep *model.Report) (out []string) {
	for _, f := range rep.Findings {
		out = append(out, f.Rule)
	}
	for i := range rep.Releases {
		for _, f := range rep.Releases[i].Findings {
			out = append(out, f.Rule)
		}
	}
	return out
}

// Any one that needs a bump bumps all of its name, and nothing is rewritten.
func TestOneBumpBumpsAll(t *testing.T) {
	rep := Merge([]Source{
		{"a", judged("6.1.0-55-amd64", "6.1.0-55-amd64", model.Strip, sumA)},
		{"b", judged("6.1.0-55-cloud-amd64", "6.1.0-55-cloud-amd64", model.Bump, sumA)},
		{"c", judged("6.12.1+deb13-amd64", "6.12.1+deb13-amd64", model.Strip, sumA)},
	})
	Settle(rep, nil)
	if rep.ExitCode != 4 || rep.Decision != "bump" {
		t.Fatalf("%s %d", rep.Decision, rep.ExitCode)
	}
	for i, want := range []struct{ decision, next string }{{"bump", "6.1.0-56-amd64"}, {"bump", "6.1.0-56-cloud-amd64"}, {"strip", ""}} {
		v := &rep.Releases[i]
		got := ""
		if v.Next != nil {
			got = v.Next.Name
		}
		if v.Decision != want.decision || got != want.next {
			t.Errorf("%s: %s, next %q", v.Release.Name, v.Decision, got)
		}
		if a := v.Modules[0].Action; (a == model.Keep) != (want.decision == "bump") {
			t.Errorf("%s: module %s", v.Release.Name, a)
		}
	}
	if err := Validate(rep); err != nil {
		t.Error(err)
	}
}

func TestNextNameFollowsTheSituation(t *testing.T) {
	for _, c := range []struct{ name, old, next, scheme string }{
		{"6.1.0-55-amd64", "6.1.0-55-amd64", "6.1.0-56-amd64", "Debian"},
		{"6.1.0-56-amd64", "6.1.0-55-amd64", "6.1.0-56-amd64", "Debian"}, // --as-if-same-release: it has a new name
		{"6.6.1-custom", "6.6.1-custom", "", "unknown"},
	} {
		rep := judged(c.name, c.old, model.Bump, sumA)
		Settle(rep, nil)
		n := rep.Releases[0].Next
		if n == nil || n.Name != c.next || n.Scheme != c.scheme || n.Why == "" {
			t.Errorf("%s after %s: %+v", c.name, c.old, n)
		}
	}
}

func TestExpected(t *testing.T) {
	for _, c := range []struct {
		members string
		old     string
		rules   string
		code    int
	}{
		{"", "6.1.0-55-amd64", "", 0},
		{"", "6.1.0-55-cloud-amd64", "set.missing set.new", 5},
		{"amd64", "6.1.0-55-amd64", "", 0},
		{"amd64 cloud-amd64", "6.1.0-55-amd64", "set.missing", 5},
		{"amd64", "6.1.0-55-cloud-amd64", "set.removed set.new", 0},
		{"6.1.0-5*-amd64/x86_64", "6.1.0-55-amd64", "", 0},
		{"amd64/arm64", "6.1.0-55-amd64", "set.missing set.new", 5},
		{"*", "6.1.0-55-amd64", "", 0},
	} {
		rep := judged("6.1.0-55-amd64", c.old, model.Keep, sumA)
		var members []Member
		for _, w := range strings.Fields(c.members) {
			m, err := ParseMember(w)
			if err != nil {
				t.Fatal(err)
			}
			members = append(members, m)
		}
		Settle(rep, members)
		got := findingsOf(rep)
		got = got[:len(got)-1] // window.base
		if strings.Join(got, " ") != c.rules || rep.ExitCode != c.code {
			t.Errorf("expect %q, old %s: %v, exit %d", c.members, c.old, got, rep.ExitCode)
		}
	}
	for _, bad := range []string{"", "/amd64", "amd64/vax", "[", "x/"} {
		if m, err := ParseMember(bad); err == nil {
			t.Errorf("%q is taken as %v", bad, m)
		}
	}
}

// One release judged against two older ones, on two machines.
func TestMergeOfOneRelease(t *testing.T) {
	a := judged("6.1.0-55-amd64", "6.1.0-55-amd64", model.Keep, sumA)
	b := judged("6.1.0-55-amd64", "6.1.0-55-amd64", model.Strip, sumA)
	b.Releases[0].Windows[0].Old.Base.SHA256 = sum("cc")
	rep := Merge([]Source{{"a", a}, {"b", b}})
	if len(rep.Releases) != 1 || len(rep.Releases[0].Windows) != 2 || rep.Decision != "strip" {
		t.Fatalf("%+v", rep)
	}
	if m := rep.Releases[0].Modules[0]; m.Action != model.Strip || len(m.Windows) != 2 || m.Windows[1].Old != 1 {
		t.Errorf("%+v", m)
	}
	if err := Validate(rep); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(r *model.Report){
		"the base":   func(r *model.Report) { r.Releases[0].Release.Base.SHA256 = sum("dd") },
		"module ker": func(r *model.Report) { r.Releases[0].Modules[0].BTF = sum("dd") },
		"the number": func(r *model.Report) { r.Releases[0].Modules = r.Releases[0].Modules[:1] },
	} {
		c := judged("6.1.0-55-amd64", "6.1.0-55-amd64", model.Keep, sumA)
		change(c)
		rep := Merge([]Source{{"a", a}, {"c", c}})
		if rep.ExitCode != 6 || !strings.Contains(rep.Releases[0].Findings[0].Message, "a and c differ in "+what) {
			t.Errorf("%s: %d %s", what, rep.ExitCode, rep.Releases[0].Findings[0].Message)
		}
	}
}

func TestMergePolicies(t *testing.T) {
	unused := func(rep *model.Report, w ...string) *model.Report {
		rep.Findings = []model.Finding{{Rule: "policy.waiver-unused", Severity: model.Warning, Encounter: model.Run, Count: len(w), Subjects: w, Message: "m"}}
		return rep
	}
	a := unused(judged("6.1.0-55-amd64", "6.1.0-55-amd64", model.Keep, sumA), "waiver 1", "waiver 2")
	b := unused(judged("6.1.0-55-cloud-amd64", "6.1.0-55-cloud-amd64", model.Keep, sumA), "waiver 2", "waiver 3")
	rep := Merge([]Source{{"a", a}, {"b", b}})
	if len(rep.Findings) != 1 || !slices.Equal(rep.Findings[0].Subjects, []string{"waiver 2"}) || rep.ExitCode != 0 {
		t.Errorf("%+v", rep.Findings)
	}
	b.Policy.Effective = sum("dd")
	if rep := Merge([]Source{{"a", a}, {"b", b}}); rep.ExitCode != 5 || rep.Findings[0].Rule != "set.policies" {
		t.Errorf("other policies: %d %+v", rep.ExitCode, rep.Findings)
	}
}

// A baseline that a release was not judged against leaves the question open.
func TestAgainst(t *testing.T) {
	rep := Merge([]Source{{"a", judged("6.1.0-55-amd64", "6.1.0-55-amd64", model.Keep, sumA)}})
	old := rep.Old[0]
	Against(rep, []model.ReleaseRef{old})
	if rep.ExitCode != 0 || len(rep.Old) != 1 {
		t.Errorf("the same baseline: %d", rep.ExitCode)
	}
	old.Base.SHA256 = sum("ee")
	Against(rep, []model.ReleaseRef{old})
	if rep.ExitCode != 5 || !slices.Contains(findingsOf(rep), "set.not-compared") {
		t.Errorf("another: %d %v", rep.ExitCode, findingsOf(rep))
	}
}

// The order of the sources has no part in the result, and neither merging nor
// settling again changes it.
func TestMergeIsALattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sources []Source
		for i := range rapid.IntRange(1, 5).Draw(t, "sources") {
			name := "6.1.0-55-" + rapid.SampledFrom([]string{"amd64", "cloud-amd64", "rt-amd64"}).Draw(t, "flavour")
			rep := judged(name, name, model.Action(rapid.IntRange(0, 4).Draw(t, "action")), rapid.SampledFrom([]string{sumA, sumB}).Draw(t, "base"))
			sources = append(sources, Source{fmt.Sprint("s", i), rep})
		}
		members := []Member{{word: "amd64"}}
		one := Merge(sources)
		Settle(one, members)
		if err := Validate(one); err != nil {
			t.Fatal(err)
		}
		two := Merge(rapid.Permutation(sources).Draw(t, "order"))
		Settle(two, members)
		again := Merge([]Source{{"again", one}})
		Settle(again, members)
		Settle(again, members)
		a, b, c := written(one), written(two), written(again)
		if !bytes.Equal(a, b) || !bytes.Equal(a, c) {
			t.Fatalf("%s\n%s\n%s", a, b, c)
		}
		highest := model.Keep
		for _, s := range sources {
			highest = max(highest, s.Report.Outcome.Action)
		}
		if one.Outcome.Action < highest {
			t.Fatalf("%s is lost: %s", highest, one.Decision)
		}
	})
}

// elsewhere is a report of a module that was built elsewhere, on one kernel.
func elsewhere(kernel string, action model.Action) *model.Report {
	rep := judged("6.1.0-55-amd64", "", model.Keep, "")
	v := &rep.Releases[0]
	v.Windows, rep.Old, v.Modules = []model.WindowResult{}, []model.ReleaseRef{}, v.Modules[:1]
	v.On = []model.KernelResult{{Kernel: model.ReleaseRef{Name: kernel, Arch: v.Release.Arch}, Action: action}}
	rep.Kernels = []model.ReleaseRef{v.On[0].Kernel}
	v.Findings = []model.Finding{{Rule: "outside.blocked", Encounter: model.Outside, Release: v.Release.Name, Against: kernel, Action: action}}
	v.Modules[0].Windows, v.Modules[0].On = nil, []model.ModuleOn{{Action: action}}
	concludeRelease(v)
	conclude(rep)
	return rep
}

// Modules judged on several kernels by several machines are one matrix, beside
// the kernel that has their name, and take no part in its ABI name.
func TestMergeModulesOfElsewhere(t *testing.T) {
	rep := Merge([]Source{{"a", elsewhere("6.1.0-55-amd64", model.Keep)}, {"b", elsewhere("6.1.0-56-amd64", model.RebuildFor)},
		{"c", elsewhere("6.1.0-56-amd64", model.RebuildFor)}, {"kernel", judged("6.1.0-55-amd64", "6.1.0-55-amd64", model.Bump, sumA)}})
	Settle(rep, nil)
	if err := Validate(rep); err != nil {
		t.Fatal(err)
	}
	if len(rep.Releases) != 2 || rep.Decision != "bump" || len(rep.Kernels) != 2 {
		t.Fatalf("%d releases, %s, kernels %v", len(rep.Releases), rep.Decision, rep.Kernels)
	}
	for i := range rep.Releases {
		v := &rep.Releases[i]
		if !v.Elsewhere() {
			continue
		}
		if len(v.On) != 2 || v.Decision != "rebuild for 6.1.0-56-amd64" || v.Outcome.Action != model.RebuildFor || v.Next != nil {
			t.Errorf("%s of %d kernels, next %v", v.Decision, len(v.On), v.Next)
		}
		if on := v.Modules[0].On; len(on) != 2 || on[1].Kernel != 1 || on[1].Action != model.RebuildFor {
			t.Errorf("%+v", v.Modules[0].On)
		}
	}
	// Nor are they members of a set.
	lone := Merge([]Source{{"b", elsewhere("6.1.0-56-amd64", model.Keep)}})
	Settle(lone, []Member{{word: "6.1.0-55-amd64"}})
	if got := findingsOf(lone); !slices.Contains(got, "set.missing") {
		t.Errorf("findings %v", got)
	}
}
