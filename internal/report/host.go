package report

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"strings"

	"kpkg-btf/internal/model"
)

// HostText writes what verify found: each installed kernel with everything
// that may be loaded on it.
func HostText(w io.Writer, r *model.HostReport, verbose bool) error {
	t := &text{w: bufio.NewWriter(w), verbose: verbose}
	switch {
	case r.Booted == "":
		t.f("no kernel of %s runs here\n", r.Root)
	case r.Base.SHA256 == "":
		t.f("running: %s, without a base in sysfs\n", r.Booted)
	default:
		t.f("running: %s, base %s… (%d types, %d string bytes)\n", r.Booted, r.Base.SHA256[:8], int(r.Base.Types), int(r.Base.StringBytes))
	}
	for i := range r.Kernels {
		t.hostKernel(&r.Kernels[i])
	}
	if len(r.Unread) > 0 {
		t.f("\nnot read, so the answer is not complete:\n")
		for _, u := range r.Unread {
			t.f("  %s\n", u)
		}
	}
	t.f("\ndecision: %s (exit %d)\n", r.Decision, r.ExitCode)
	return t.w.Flush()
}

func (t *text) hostKernel(k *model.HostKernel) {
	t.f("\n%s", k.Release)
	if k.Running {
		t.f(" (running)")
	}
	t.f(": %s", orNone(k.Image))
	if k.Base.SHA256 != "" {
		t.f(", base %s…", k.Base.SHA256[:8])
	}
	t.f("\n")
	for i := range k.Meets {
		m := &k.Meets[i]
		t.f("  %s of %s on the %s kernel: %s: %s; meaning %s\n", m.What, m.Path, m.On, model.Plural(m.Modules, "module", "modules"), fate(m.Verdicts), words(m.Meanings))
		for _, w := range m.Why {
			t.f("    %s\n", w)
		}
		shown := m.Wrong
		if !t.verbose && len(shown) > maxLines {
			shown = shown[:maxLines]
		}
		for _, w := range shown {
			t.f("    %s: %s, meaning %s", w.Path, string(w.Verdict), string(w.Meaning))
			if w.Words != "" {
				t.f(": %s", w.Words)
			}
			t.f("\n")
		}
		if n := len(m.Wrong) - len(shown); n > 0 {
			t.f("    and %d more (-v or --format json)\n", n)
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "no image"
	}
	return s
}

// HostBrief says in at most three lines what an administrator must know after
// an upgrade, and nothing when nothing is wrong. What only a reboot cures comes
// first and ends in "; reboot": hooks/host/host-check looks for that.
func HostBrief(w io.Writer, r *model.HostReport) error {
	var lines, running []string
	for i := range r.Kernels {
		k := &r.Kernels[i]
		for j := range k.Meets {
			switch l := brief(k, &k.Meets[j]); {
			case l == "":
			case strings.HasSuffix(l, rebootCures):
				running = append(running, l)
			default:
				lines = append(lines, l)
			}
		}
	}
	lines = append(running, lines...)
	for _, u := range r.Unread {
		lines = append(lines, "not checked: "+u)
	}
	if len(lines) > 3 {
		lines = append(lines[:2], fmt.Sprintf("and %d more (run kpkg-btf verify)", len(lines)-2))
	}
	t := &text{w: bufio.NewWriter(w)}
	for _, l := range lines {
		t.f("kpkg-btf: %s\n", l)
	}
	return t.w.Flush()
}

const rebootCures = "; reboot"

func brief(k *model.HostKernel, m *model.HostMeeting) string {
	if m.Outcome == (model.Outcome{}) && len(m.Wrong) == 0 {
		return ""
	}
	if len(m.Wrong) == 0 {
		return k.Release + ": " + strings.Join(m.Why, "; ")
	}
	var refused, bare, different, unknown int
	for _, w := range m.Wrong {
		switch {
		case w.Verdict == model.Dropped:
			bare++
		case w.Verdict == model.Attached && w.Meaning == model.MeaningUnknown:
			unknown++
		case w.Verdict == model.Attached:
			different++
		default:
			refused++
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{refused, "will not load"}, {different, "will load with wrong types"}, {unknown, "may load with wrong types"}, {bare, "will load without BTF"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	said := fmt.Sprintf("of %s %s", model.Plural(m.Modules, "module", "modules"), strings.Join(parts, ", "))
	switch {
	case m.On == "running":
		return k.Release + " was replaced while it runs: " + said + rebootCures
	case m.What == "initrd":
		return path.Base(m.Path) + " does not go with " + k.Release + ": " + said + "; build it again"
	case m.What == "added modules":
		return "modules added to " + k.Release + " were built elsewhere: " + said + "; build them again"
	}
	return k.Release + ": " + said + "; install it again"
}
