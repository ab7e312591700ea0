package policy

import (
	"slices"
	"strings"
	"testing"
)

func TestLint(t *testing.T) {
	for _, c := range []struct{ what, body, want string }{
		{"nothing", example[:strings.Index(example, "- findings: self.*")], ""},
		{"no such finding", "rules:\n- findings: abi.gone\n  action: keep\n", `rule 1: findings: "abi.gone" is the name of no finding`},
		{"wrong encounter", "rules:\n- findings: abi.lost\n  encounters: self\n  action: keep\n", "never used: no finding of these encounters"},
		{"shadowed", "rules:\n- findings: abi.*\n  action: keep\n- findings: abi.lost\n  match: foo\n  action: bump\n", "rule 2: never used: rule 1 matches all that it does"},
		{"not shadowed", "rules:\n- findings: abi.*\n  match: foo\n  action: keep\n  reason: r\n- findings: abi.lost\n  action: bump\n", ""},
		{"rebuild of health", "rules:\n- findings: health.kfunc-flags\n  action: keep\n", "lowered by a rule with a reason alone"},
		{"rebuild", "rules:\n- findings: self.btf-lost\n  action: keep\n", "rebuild is lowered by no rule"},
		{"rebuild waived", "waivers:\n- findings: self.btf-lost\n  reason: r\n", "none of the findings it names can be waived"},
		{"expired", "waivers:\n- match: a\n  reason: r\n  expires: 2020-01-01\n", "waiver 1: expired on 2020-01-01"},
		{"second waiver", "waivers:\n- match: a*\n  reason: r\n- match: ab\n  reason: s\n", "waiver 2: never used: waiver 1"},
		{"a module for a symbol", "rules:\n- findings: window.base\n  match: net/llc\n  action: keep\n", "(a module is written module:PATH)"},
		{"everything kept", "rules:\n- findings: \"*\"\n  match: \"module:**\"\n  reason: r\n  action: keep\n", "rule 1: lets silent damage pass (abi.deep-unversioned, abi.layout and 8 more)"},
		{"misread modules kept", "rules:\n- findings: window.base\n  reason: r\n  action: keep\n", "(window.base): narrow it"},
		{"all in-tree modules", "waivers:\n- findings: window.layout\n  match: module:kernel/**\n  reason: r\n  expires: 2030-01-01\n", "(window.layout): narrow it"},
		{"all of the image", "waivers:\n- findings: abi.layout\n  match: module:vmlinux\n  reason: r\n  expires: 2030-01-01\n", "(abi.layout): narrow it"},
		{"one module, with a reason and an end", "waivers:\n- findings: window.layout\n  match: module:kernel/net/llc/llc\n  reason: r\n  expires: 2030-01-01\n", ""},
		{"no reason", "rules:\n- findings: window.base\n  match: module:kernel/net/llc/llc\n  action: keep\n", "(window.base) and has no reason"},
		{"what a kernel reports itself", "rules:\n- findings: window.signer\n  action: keep\n", ""},
		{"no end", "waivers:\n- findings: abi.lost\n  match: a\n  reason: r\n", "waiver 1: never ends"},
		{"raised is no danger", "rules:\n- findings: \"*\"\n  action: bump\n", ""},
		{"every lost BTF", "none-expected: \"module:**\"\n", `none-expected: "module:**" lets every lost BTF pass`},
		{"one without BTF", "none-expected: module:kernel/net/llc/llc\n", ""},
		{"every undescribed export", "undescribed-exports: accept\n", "undescribed-exports: accept lets every change of these pass"},
	} {
		out := parse(t, c.body).Lint("2026-11-01")
		if c.want == "" && len(out) > 0 || c.want != "" && !slices.ContainsFunc(out, func(s string) bool { return strings.Contains(s, c.want) }) {
			t.Errorf("%s: %q, want %q", c.what, out, c.want)
		}
	}
	if out := Default().Lint("2026-11-01"); len(out) > 0 {
		t.Errorf("default: %q", out)
	}
}
