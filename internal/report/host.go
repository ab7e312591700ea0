package report

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
)

// HostText writes what verify found: what is wrong first, then which modules
// meet which kernel, then what to do. Verbose lists every module that something
// is wrong with.
func HostText(w io.Writer, r *model.HostReport, o Options) error {
	s := screen.New(w, o.Width, o.Colour)
	worst := worstMeeting(r)
	word, sentence, lead := hostVerdict(r, worst)
	s.Headline(word, toneOf(r.Outcome), sentence, fmt.Sprintf("exit %d", r.ExitCode), lead...)
	s.Blank()
	hostTable(s, r)
	name := "Why"
	for i := 1; i < len(r.WrongFiles); i++ { // the first is the headline
		text, why := wrongFile(&r.WrongFiles[i])
		s.Entry(2, name, labelColumn, screen.Strong, text+": "+why)
		name = ""
	}
	for i := range r.Kernels {
		for j := range r.Kernels[i].Meets {
			for _, why := range r.Kernels[i].Meets[j].Why {
				s.Entry(2, name, labelColumn, screen.Strong, r.Kernels[i].Release+": "+why)
				name = ""
			}
		}
	}
	if text := loadedOtherwise(r); text != "" {
		s.Entry(2, name, labelColumn, screen.Strong, text)
		name = ""
	}
	unread := r.Unread
	if !o.Verbose && len(unread) > maxLines {
		unread = unread[:maxLines]
	}
	for _, u := range unread {
		s.Entry(2, name, labelColumn, screen.Strong, "not read: "+u)
		name = ""
	}
	if n := len(r.Unread) - len(unread); n > 0 {
		s.Entry(2, name, labelColumn, screen.Strong, plural(n, "one more was not read (-v)", "%d more were not read (-v)"))
	}
	steps(s, "Next", hostSteps(r))
	if wrongCount(r) > 0 && !o.Verbose {
		steps(s, "More", []step{{o.Run.again("-v"), "every module that something is wrong with"}})
	}
	if o.Verbose {
		hostWhole(s, r)
	}
	return s.Flush()
}

// meets are a kernel and one meeting of it.
type meets struct {
	k *model.HostKernel
	m *model.HostMeeting
}

// worstMeeting is the first meeting with the gravest outcome; nil where
// nothing is wrong anywhere.
func worstMeeting(r *model.HostReport) *meets {
	var worst *meets
	for i := range r.Kernels {
		for j := range r.Kernels[i].Meets {
			x := meets{&r.Kernels[i], &r.Kernels[i].Meets[j]}
			if brief(x.k, x.m) == "" {
				continue
			}
			if worst == nil || x.m.Outcome.Action > worst.m.Outcome.Action {
				worst = &x
			}
		}
	}
	return worst
}

// hostVerdict is the first line: what an administrator has to know.
func hostVerdict(r *model.HostReport, worst *meets) (word, sentence string, lead []string) {
	running := ""
	switch {
	case r.Booted == "":
		running = "No kernel of " + r.Root + " runs here."
	case r.Base.SHA256 == "":
		running = "Running: " + r.Booted + ", which shows no base in sysfs."
	default:
		running = fmt.Sprintf("Running: %s, base %.8s… of %d types.", r.Booted, r.Base.SHA256, r.Base.Types)
	}
	lead = append(lead, running)
	kernels := plural(len(r.Kernels), "1 installed kernel", "%d installed kernels")
	if len(r.WrongFiles) > 0 {
		f := &r.WrongFiles[0]
		text, why := wrongFile(f)
		lead = append([]string{why}, lead...)
		for i := range r.Kernels {
			for j := range r.Kernels[i].Meets {
				if m := &r.Kernels[i].Meets[j]; m.Path == f.Path && len(m.Wrong) > 0 {
					lead = append([]string{"with the modules of " + r.Kernels[i].Release + ": " + becomes(m)}, lead...)
				}
			}
		}
		return wrongWord(f), text, lead
	}
	switch {
	case worst == nil && len(unexpected(r)) > 0:
		return "WRONG", bareLoaded(r), lead
	case worst == nil && r.Outcome.Inconclusive:
		return "NOT COMPLETE", kernels + ": no fault is known, and not all could be read", lead
	case worst == nil:
		return "FINE", kernels + ": every module fits the kernel that may load it", lead
	}
	text, _, _ := strings.Cut(brief(worst.k, worst.m), ";")
	word = map[bool]string{true: "WRONG", false: "NOTE"}[r.Outcome.Action != model.Keep]
	return word, text, lead
}

// wrongWord says what a file is, in a word.
func wrongWord(f *model.HostFile) string {
	if f.What == "initrd" {
		return "STALE INITRD"
	}
	return "WRONG KERNEL FILE"
}

// wrongFile is which file is wrong, and why.
func wrongFile(f *model.HostFile) (text, why string) {
	text = f.Path + " is "
	if f.What == "initrd" {
		text = f.Path + " is of "
	}
	text += f.Is
	if f.Build != "" {
		text += " (" + f.Build + ")"
	}
	why = f.Why
	if f.WantBuild != "" && f.WantBuild != f.Build {
		why += " (" + f.WantBuild + ")"
	}
	return text, why
}

// wrongMeeting reports whether a file that is wrong as a whole accounts for a meeting.
func wrongMeeting(r *model.HostReport, m *model.HostMeeting) bool {
	return slices.ContainsFunc(r.WrongFiles, func(f model.HostFile) bool { return f.Path == m.Path })
}

// hostTable has a row for every meeting.
func hostTable(s *screen.Screen, r *model.HostReport) {
	t := screen.Table{Head: []string{"modules", "on kernel", "fine", "without BTF", "wrong types", "refused", ""}, Right: []bool{false, false, true, true, true, true}}
	for i := range r.Kernels {
		k := &r.Kernels[i]
		for j := range k.Meets {
			m := &k.Meets[j]
			if len(m.Wrong) == 0 && wrongMeeting(r, m) {
				continue // said already, and not of this kernel
			}
			c := hostFates(m)
			on := k.Release
			if m.On == "running" {
				on += ", running"
			}
			what := strings.TrimSuffix(m.What, " modules")
			if m.What == "initrd" {
				what = path.Base(m.Path)
			}
			verdict := "ok"
			switch {
			case m.Outcome.Action != model.Keep:
				verdict = "WRONG"
			case m.Outcome.Inconclusive:
				verdict = "open"
			case len(m.Wrong) > 0:
				verdict = "note"
			}
			t.Rows = append(t.Rows, []string{what, on, cell(c.of[Fine]), cell(c.of[Bare]), cell(c.of[Wrong]), cell(c.of[Refused]), verdict})
			t.Tones = append(t.Tones, toneOf(m.Outcome))
		}
	}
	if len(t.Rows) > 0 {
		s.Table(2, t)
	}
}

// hostFates counts the modules of a meeting by what becomes of them.
func hostFates(m *model.HostMeeting) fates {
	c := fates{total: m.Modules}
	for _, v := range m.Verdicts {
		if f := FateOf(model.Verdict(v.Word), model.Same); f != Fine {
			c.of[f] += v.Count
		}
	}
	for _, x := range m.Wrong { // a refused module's meaning does not matter
		if FateOf(x.Verdict, x.Meaning) == Wrong {
			c.of[Wrong]++
		}
	}
	rest := c.total
	for _, n := range c.of[Bare:] {
		rest -= n
	}
	c.of[Fine] = max(rest, 0)
	return c
}

func wrongCount(r *model.HostReport) int {
	n := 0
	for i := range r.Kernels {
		for j := range r.Kernels[i].Meets {
			n += len(r.Kernels[i].Meets[j].Wrong)
		}
	}
	return n
}

// hostSteps are what helps, one line for each kind of fault.
func hostSteps(r *model.HostReport) []step {
	var out []step
	add := func(text string) {
		if !slices.ContainsFunc(out, func(x step) bool { return x.what == text }) {
			out = append(out, step{what: text})
		}
	}
	for i := range r.WrongFiles {
		f := &r.WrongFiles[i]
		then := ""
		if f.What == "kernel" {
			then = ", then reboot"
		}
		add(f.Mend + then)
	}
	for i := range r.Kernels {
		k := &r.Kernels[i]
		for j := range k.Meets {
			m := &k.Meets[j]
			switch {
			case brief(k, m) == "" || wrongMeeting(r, m):
			case m.Mend != "":
				add(m.Mend)
			case m.On == "running":
				add("reboot")
			default:
				add("reinstall the packages of " + k.Release + " (image and modules), so that both are of one build")
			}
		}
	}
	if len(unexpected(r)) > 0 {
		add(mendLoaded)
	}
	switch {
	case len(out) > 0:
	case slices.ContainsFunc(r.Unread, func(u string) bool { return strings.Contains(u, fs.ErrPermission.Error()) }):
		add("run it as one who may read what was not read, as root")
	case len(r.Unread) > 0:
		add("make readable what was not read, then run kpkg-btf verify again")
	default:
		add("nothing to do")
	}
	return out
}

// hostWhole lists every module that something is wrong with.
func hostWhole(s *screen.Screen, r *model.HostReport) {
	if r.Loaded != nil {
		s.Blank()
		s.Text(0, fmt.Sprintf("loaded: %s, %d as their files have it", model.Plural(r.Loaded.Modules, "module", "modules"), r.Loaded.AsFile))
		for _, m := range r.Loaded.Others {
			line := strings.ReplaceAll(string(m.BTF), "-", " ")
			if m.Taint != "" {
				line += ", taint " + m.Taint
			}
			s.Entry(2, m.Name, labelColumn, screen.Plain, line)
		}
	}
	for i := range r.Kernels {
		k := &r.Kernels[i]
		s.Blank()
		text := k.Release + ": " + orNone(k.Image)
		if k.Base.SHA256 != "" {
			text += fmt.Sprintf(", base %.8s…", k.Base.SHA256)
		}
		s.Text(0, text)
		for j := range k.Meets {
			m := &k.Meets[j]
			s.Text(2, fmt.Sprintf("%s of %s on the %s kernel: %s: %s; meaning %s", m.What, m.Path, m.On, model.Plural(m.Modules, "module", "modules"), fate(m.Verdicts), words(m.Meanings)))
			for _, x := range m.Wrong {
				line := FateOf(x.Verdict, x.Meaning).String()
				if x.Words != "" {
					line += ": " + x.Words
				}
				s.Entry(4, x.Path, 4, screen.Plain, line)
			}
		}
	}
}

// mendLoaded is for a module that runs without the BTF that its file has and the
// kernel takes: the file was another when it was loaded.
const mendLoaded = "reboot, or unload and load them again; if that does not help, make the initrd again"

// unexpected are the loaded modules of which nothing says why they have no BTF.
func unexpected(r *model.HostReport) (out []string) {
	if r.Loaded == nil {
		return nil
	}
	for _, m := range r.Loaded.Others {
		if m.Unexpected {
			out = append(out, m.Name)
		}
	}
	return out
}

// bareLoaded names them in a line.
func bareLoaded(r *model.HostReport) string {
	names := unexpected(r)
	text := plural(len(names), "1 loaded module runs without its BTF: ", "%d loaded modules run without their BTF: ") + strings.Join(names[:min(len(names), maxLines)], ", ")
	if more := len(names) - maxLines; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// loadedOtherwise counts what is loaded otherwise than from the files that are
// there now; "" where nothing is.
func loadedOtherwise(r *model.HostReport) string {
	if r.Loaded == nil || len(r.Loaded.Others) == 0 {
		return ""
	}
	count := map[model.LoadedBTF]int{}
	for _, m := range r.Loaded.Others {
		count[m.BTF]++
	}
	var parts []string
	for _, p := range []struct {
		of        model.LoadedBTF
		one, many string
	}{
		{model.LoadedWithout, "1 without the BTF of its file", "%d without the BTF of their files"},
		{model.LoadedOther, "1 with BTF of another build than its file", "%d with BTF of another build than their files"},
		{model.LoadedNoFile, "1 has no file any more", "%d have no file any more"},
	} {
		if n := count[p.of]; n > 0 {
			parts = append(parts, plural(n, p.one, p.many))
		}
	}
	return "of " + plural(r.Loaded.Modules, "1 loaded module", "%d loaded modules") + ": " + strings.Join(parts, ", ")
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
			case l == "" || wrongMeeting(r, &k.Meets[j]):
			case strings.HasSuffix(l, rebootCures):
				running = append(running, l)
			default:
				lines = append(lines, l)
			}
		}
	}
	var files []string
	for i := range r.WrongFiles {
		f := &r.WrongFiles[i]
		is := "is "
		switch {
		case f.What == "initrd":
			is = "is of "
		case f.Is == f.Want:
			is = "is another build of "
		}
		files = append(files, f.Path+" "+is+f.Is+"; "+f.Mend)
	}
	if len(unexpected(r)) > 0 {
		lines = append(lines, bareLoaded(r)+"; "+mendLoaded)
	}
	lines = slices.Concat(running, files, lines)
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
	said := becomes(m)
	switch {
	case m.On == "running":
		return k.Release + " was replaced while it runs: " + said + rebootCures
	case m.What == "initrd":
		return path.Base(m.Path) + " does not go with " + k.Release + ": " + said + "; build it again"
	case m.What == "added modules":
		return "modules added to " + k.Release + " are external: " + said + "; build them again"
	}
	return k.Release + ": " + said + "; install it again"
}

// becomes counts what becomes of the wrong modules of a meeting.
func becomes(m *model.HostMeeting) string {
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
	return fmt.Sprintf("of %s %s", model.Plural(m.Modules, "module", "modules"), strings.Join(parts, ", "))
}
