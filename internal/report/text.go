// Package report renders results. It draws from the documents of package
// model alone, so that a saved document and a fresh result look the same.
package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// maxLines bounds the findings shown by the text report: it is meant to fit a
// screen and a CI log; the JSON report has everything.
const maxLines = 12

// Text writes a decision for people: what was compared, what was seen, what
// to do. Verbose lists subjects too.
func Text(w io.Writer, r *model.Report, verbose bool) error {
	t := &text{w: bufio.NewWriter(w), verbose: verbose}
	for _, n := range r.New {
		t.ref("new", n)
	}
	for _, o := range r.Old {
		t.ref("old", o)
	}
	for _, k := range r.Kernels {
		t.ref("on", k)
	}
	if len(r.Ignored) > 0 {
		t.ignored(r.Ignored)
	}
	for i := range r.Releases {
		t.release(&r.Releases[i])
	}
	if len(r.Findings) > 0 {
		t.f("\nthis run\n")
		t.findings(r.Findings)
	}
	t.f("\npolicy: %s (sha256 %s)", r.Policy.Source, r.Policy.SHA256)
	t.decision(r)
	return t.w.Flush()
}

type text struct {
	w       *bufio.Writer
	verbose bool
}

func (t *text) f(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = where.Clean(s)
		}
	}
	fmt.Fprintf(t.w, format, args...)
}

func (t *text) ref(side string, r model.ReleaseRef) {
	t.f("%s: %s (%s)", side, strings.Join(r.Packages, ", "), strings.TrimSpace(r.Name+" "+string(r.Arch)))
	if r.Modules > 0 {
		t.f(", %d modules with %s of BTF", r.Modules, Bytes(r.BTFBytes))
	}
	if r.Base.SHA256 != "" {
		t.f(", base %s… (%d types, %d string bytes)", r.Base.SHA256[:8], int(r.Base.Types), int(r.Base.StringBytes))
	} else {
		t.f(", no base")
	}
	t.f("\n")
}

func (t *text) ignored(list []model.IgnoredInput) {
	if !t.verbose && len(list) > 3 {
		t.f("ignored: %d inputs without kernel content (-v lists them)\n", len(list))
		return
	}
	for _, i := range list {
		t.f("ignored: %s: %s\n", i.File, i.Why)
	}
}

func (t *text) release(v *model.ReleaseVerdict) {
	if v.Elsewhere() {
		t.built(v)
		for k := range v.On {
			t.kernel(v, k)
		}
		if len(v.Findings) > 0 {
			t.f("\n")
		}
		t.findings(v.Findings)
		return
	}
	t.f("\n%s on its own image\n", v.Release.Name)
	t.self(&v.Self)
	for i := range v.Windows {
		t.window(v.Release.Name, &v.Windows[i])
	}
	t.findings(v.Findings)
}

func (t *text) self(s *model.SelfResult) {
	if !s.Judged {
		t.f("  not judged\n")
		return
	}
	t.f("  %s, %d with BTF: %s; meaning %s\n", model.Plural(s.Modules, "module", "modules"), s.WithBTF, fate(s.Verdicts), words(s.Meanings))
	t.loads(s.Loads)
	for _, e := range s.Evidence {
		if e.Contradicts > 0 {
			t.f("  %s contradicts %s: %s\n", string(e.Evidence), model.Plural(e.Contradicts, "module", "modules"), e.FirstExample)
		}
	}
	var parts []string
	for _, e := range s.Evidence {
		if e.Supports > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", e.Evidence, e.Supports))
		}
	}
	if len(parts) > 0 {
		t.f("  consistent by evidence: %s\n", strings.Join(parts, ", "))
	}
	if len(s.Missing) > 0 {
		t.f("  without BTF: %s\n", words(s.Missing))
	}
}

func (t *text) window(name string, w *model.WindowResult) {
	t.f("%s on %s, still booted\n", name, w.Old.Name)
	if w.Judged {
		t.f("  %s\n", w.Why)
	} else {
		t.f("  no window: %s\n", w.Why)
	}
	base := string(w.BaseEqual)
	if w.BaseEqual == model.Equal && w.Old.Base.SHA256 == "" {
		base = "none on either side"
	}
	t.f("  base: %s", base)
	if s := w.Symbols; s != nil {
		t.f("; exported symbols: %d of %d compared, %d changed, %d lost, %d new", s.Compared, s.Common, s.Changed, s.Lost, s.Added)
		for _, x := range []struct {
			n    int
			what string
		}{{s.Moved, "moved"}, {s.LeftImage, "into or out of vmlinux"}, {s.Stricter, "stricter"}, {s.Namespace, "namespace"}, {s.Uncovered, "without CRC"}} {
			if x.n > 0 {
				t.f(", %d %s", x.n, x.what)
			}
		}
	} else {
		t.f("; exported symbols: not known")
	}
	t.f("\n")
	if !w.Judged {
		return
	}
	if len(w.Verdicts) > 0 {
		t.f("  %s; meaning %s\n", fate(w.Verdicts), words(w.Meanings))
	}
	t.loads(w.Loads)
	if s := &w.SameAt; s.Known > 0 {
		t.f("  of %d compared, %d mean the same by identity, %d by value, %d deep\n", s.Known, s.Identity, s.ByValue, s.Deep)
	}
	t.f("  needs: %s where signatures are enforced, %s where not\n", w.IfEnforced.String(), w.IfIgnored.String())
	t.reverse(name, w)
}

func (t *text) findings(list []model.Finding) {
	shown := list
	if !t.verbose && len(shown) > maxLines {
		shown = shown[:maxLines]
	}
	for i := range shown {
		f := &shown[i]
		t.f("  %-12s %s [%s]\n", label(f), f.Message, f.Rule)
		if f.Hint != "" {
			t.f("  %12s hint: %s\n", "", f.Hint)
		}
		if f.Waived != "" {
			t.f("  %12s does not decide: %s\n", "", f.Waived)
		}
		if f.SetBy != "" {
			t.f("  %12s set by: %s\n", "", f.SetBy)
		}
		if t.verbose && len(f.Subjects) > 0 && f.Count > 1 {
			for _, s := range f.Subjects {
				t.f("  %12s - %s\n", "", s)
			}
			if f.Count > len(f.Subjects) {
				t.f("  %12s - %d more\n", "", f.Count-len(f.Subjects))
			}
		}
	}
	if len(list) > len(shown) {
		t.f("  and %d more findings (-v or --format json)\n", len(list)-len(shown))
	}
}

func label(f *model.Finding) string {
	switch {
	case f.Inconclusive:
		return "inconclusive"
	case f.Action != model.Keep:
		return f.Action.String()
	}
	return string(f.Severity)
}

func (t *text) decision(r *model.Report) {
	t.f("\ndecision: %s (exit %d)", r.Decision, r.ExitCode)
	if r.FailOn != "" {
		t.f(", passed by --fail-on %s", r.FailOn)
	}
	t.f("\n")
	t.next(r)
}

// next lists the names that releases should take, one line a name.
func (t *text) next(r *model.Report) {
	shown := map[string]bool{}
	for i := range r.Releases {
		n := r.Releases[i].Next
		if n == nil {
			continue
		}
		line := fmt.Sprintf("next ABI name: %s (%s: %s)", n.Name, n.Scheme, n.Why)
		if n.Name == "" {
			line = "next ABI name: " + n.Why
		}
		if !shown[line] {
			t.f("%s\n", line)
		}
		shown[line] = true
	}
}

// fateWords say in words what a kernel does with modules.
var fateWords = map[string]string{
	string(model.Attached):       "load with their BTF",
	string(model.Dropped):        "load without it because this kernel allows the mismatch",
	string(model.Rejected):       "are refused",
	string(model.InitFails):      "fail in init",
	string(model.Inert):          "load without BTF",
	string(model.Blocked):        "would not load anyway",
	string(model.VerdictUnknown): "with a verdict that is not known",
}

func fate(list []model.Count) string {
	if len(list) == 0 {
		return "no modules"
	}
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = fmt.Sprintf("%d %s", c.Count, fateWords[c.Word])
	}
	return strings.Join(parts, ", ")
}

func words(list []model.Count) string {
	if len(list) == 0 {
		return "nothing"
	}
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = fmt.Sprintf("%s %d", c.Word, c.Count)
	}
	return strings.Join(parts, ", ")
}

// Bytes spells a size as people read it: decimal units, one digit.
func Bytes(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
