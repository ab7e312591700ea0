package policy

import (
	"strings"
	"testing"

	"kpkg-btf/internal/judge/rules"
	"kpkg-btf/internal/model"
)

func parse(t *testing.T, body string) *Policy {
	t.Helper()
	p, err := Parse("p.yaml", []byte("schema: kpkg-btf/policy/1.0\n"+body))
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(excerpt(err), "\n"))
	}
	return p
}

const example = `
rules:
- name: drm is private
  findings: abi.*
  match: [module:drivers/gpu/**, drm_*]
  action: keep
  reason: not for external use
- findings: window.dropped
  kernels: "*-cloud-amd64"
  action: bump
- findings: abi.**
  match: "drm_late"
  severity: info
- findings: self.*
  action: keep
waivers:
- match: snd_*
  reason: nobody uses it
  expires: 2027-01-31
- match: usb_*
  findings: abi.lost
  reason: gone upstream
`

func TestUse(t *testing.T) {
	sym := func(finding, name string, owners ...string) Case {
		return Case{Finding: finding, Encounter: model.Window, Kernels: []string{"6.1.0-2-amd64", "6.1.0-1-amd64"},
			Subject: Subject{Symbol: name, Modules: owners}, Action: model.Bump, Severity: model.Error}
	}
	cloud := Case{Finding: "window.dropped", Encounter: model.Window, Kernels: []string{"6.1.0-2-cloud-amd64"}, Severity: model.Warning}
	rebuild := Case{Finding: "self.btf-lost", Encounter: model.Self, Subject: Subject{Modules: []string{"snd_x"}}, Action: model.Rebuild, Severity: model.Error}
	for _, c := range []struct {
		what   string
		c      Case
		day    string
		action model.Action
		by     string
		waived bool
	}{
		{"by owner", sym("abi.lost", "x", "drivers/gpu/drm/drm"), "2026-01-01", model.Keep, `rule "drm is private": not for external use`, true},
		{"by name, the first rule wins", sym("abi.lost", "drm_late"), "2026-01-01", model.Keep, `rule "drm is private": not for external use`, true},
		{"nothing matches", sym("abi.lost", "printk", "vmlinux"), "2026-01-01", model.Bump, "", false},
		{"on its last day", sym("abi.lost", "snd_a"), "2027-01-31", model.Keep, "waiver 1: nobody uses it", true},
		{"expired", sym("abi.lost", "snd_a"), "2027-02-01", model.Bump, "", false},
		{"another finding", sym("abi.crc-changed", "usb_a"), "2026-01-01", model.Bump, "", false},
		{"raised", cloud, "2026-01-01", model.Bump, "rule 2", false},
		{"rebuild stays", rebuild, "2026-01-01", model.Rebuild, "rule 4", false},
	} {
		u := parse(t, example).On(c.day)
		r := u.Judge(c.c)
		if r.Action != c.action || r.By != c.by || r.Waived != c.waived {
			t.Errorf("%s: %+v", c.what, r)
		}
	}
}

// A waiver of everything about everything still leaves rebuild.
func TestRebuildIsNeverWaived(t *testing.T) {
	u := parse(t, "waivers:\n- findings: \"**\"\n  reason: all is well\nrules:\n- findings: \"**\"\n  action: keep\n").On("2026-01-01")
	for _, f := range rules.All() {
		if f.WaivableRebuild() {
			continue
		}
		for _, a := range []model.Action{model.Keep, model.Distill, model.Strip, model.Bump, model.Rebuild} {
			r := u.Judge(Case{Finding: f.ID, Encounter: f.Encounter, Action: a})
			if (r.Action == model.Rebuild) != (a == model.Rebuild) || a < model.Rebuild && r.Action != model.Keep {
				t.Fatalf("%s with %s: %+v", f.ID, a, r)
			}
		}
	}
}

// But for what a release ships beside its own modules: there a waiver counts,
// and a rule does not.
func TestWaivableRebuild(t *testing.T) {
	c := Case{Finding: "self.added", Encounter: model.Self, Action: model.Rebuild}
	waived := parse(t, "waivers:\n- findings: self.added\n  reason: tested\n").On("2026-01-01").Judge(c)
	ruled := parse(t, "rules:\n- findings: self.added\n  action: keep\n").On("2026-01-01").Judge(c)
	if waived.Action != model.Keep || !waived.Waived || ruled.Action != model.Rebuild {
		t.Errorf("%+v, %+v", waived, ruled)
	}
}

// Of external modules a rule can ask at worst that they be rebuilt, and a
// waiver lets that pass: nobody can change the kernel's name for them.
func TestRulesAboutModulesOfElsewhere(t *testing.T) {
	c := Case{Finding: "outside.signature", Encounter: model.Outside, Kernels: []string{"6.1.0-1-amd64", "6.1.0-9-amd64"}}
	for _, action := range []string{"keep", "bump", "rebuild"} {
		want := model.RebuildFor
		if action == "keep" {
			want = model.Keep
		}
		r := parse(t, "rules:\n- findings: outside.*\n  kernels: 6.1.0-9-amd64\n  action: "+action+"\n").On("2026-01-01").Judge(c)
		if r.Action != want || r.Waived {
			t.Errorf("%s: %+v", action, r)
		}
	}
	c.Finding, c.Action = "outside.blocked", model.RebuildFor
	r := parse(t, "waivers:\n- findings: outside.blocked\n  reason: not used there\n").On("2026-01-01").Judge(c)
	if r.Action != model.Keep || !r.Waived {
		t.Errorf("waived: %+v", r)
	}
}

func TestUnusedAndExpiredAreFindings(t *testing.T) {
	u := parse(t, example).On("2027-06-01")
	f := u.Findings()
	if len(f) != 2 || f[0].Rule != "policy.waiver-expired" || f[0].Subjects[0] != "waiver 1 (2027-01-31)" || f[1].Rule != "policy.waiver-unused" || f[1].Subjects[0] != "waiver 2" {
		t.Errorf("%+v", f)
	}
	if u.Day() != "2027-06-01" {
		t.Errorf("day %q", u.Day())
	}
	u = parse(t, example).On("2026-01-01")
	u.Judge(Case{Finding: "abi.lost", Subject: Subject{Symbol: "usb_x"}, Action: model.Bump})
	if f := u.Findings(); len(f) != 1 || f[0].Subjects[0] != "waiver 1" {
		t.Errorf("%+v", f)
	}
	if d := Default().On("2026-01-01"); d.Day() != "" || len(d.Findings()) != 0 {
		t.Error("the default policy has waivers")
	}
}
