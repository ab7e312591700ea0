package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"kpkg-btf/internal/release"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/where"
)

// Progress is one line on stderr, only when that is a terminal and only once
// the work has taken a second; it is wiped when the work is done. It says what
// is being done, how much of how much, how fast, and where the whole is known
// how long it still takes.
type progress struct {
	out   *os.File // nil: silent
	phase string

	mu    sync.Mutex
	start time.Time
	last  time.Time
	shown bool
	timer *time.Timer // of a phase that nothing tells of
	// since is when what is counted by bytes began: one download, one phase. bytes is
	// how far that was.
	name  string
	since time.Time
	bytes int64
}

func (a *app) progress(phase string) *progress {
	p := &progress{phase: phase, start: time.Now()}
	f, ok := a.env.Stderr.(*os.File)
	if ok && !a.quiet && a.env.Getenv("CI") == "" && term.IsTerminal(int(f.Fd())) {
		p.out = f
	}
	return p
}

// working shows a phase that nothing tells of, until what it returns is called.
func (a *app) working(phase string) func() {
	p := a.progress(phase)
	if p.out != nil {
		p.timer = time.AfterFunc(firstShown, func() { p.show(func(time.Time) string { return phase + " …" }) })
	}
	return p.done
}

// step tells of what is read.
func (p *progress) step(s release.Step) { p.phased(p.phase, s) }

// phased tells of what is read or written in one phase of several.
func (p *progress) phased(phase string, s release.Step) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	if p.name != phase || s.Bytes < p.bytes {
		p.name, p.since = phase, time.Now()
	}
	p.bytes = s.Bytes
	since := p.since
	p.mu.Unlock()
	p.show(func(now time.Time) string { return stepLine(phase, &s, now.Sub(since)) })
}

func stepLine(phase string, s *release.Step, took time.Duration) string {
	of := ""
	if s.Inputs > 1 {
		of = fmt.Sprintf(" %d of %d", s.Number, s.Inputs)
	}
	return fmt.Sprintf("%s%s: %s: %d modules, %s%s", phase, of, where.Clean(filepath.Base(s.Input)), s.Modules, report.Bytes(s.Bytes), rate(s.Bytes, took)+left(s.Done, s.Whole, took))
}

// transfer tells of a download.
func (p *progress) transfer(name string, got, total int64) {
	p.show(func(now time.Time) string {
		if p.name != name {
			p.name, p.since = name, now
		}
		return transferLine(p.phase, name, got, total, now.Sub(p.since))
	})
}

func transferLine(phase, name string, got, total int64, took time.Duration) string {
	return fmt.Sprintf("%s: %s: %s of %s%s", phase, where.Clean(name), report.Bytes(got), report.Bytes(total), rate(got, took)+left(got, total, took))
}

// left is how long something still takes at the rate so far; "" where that is not
// known yet.
func left(done, whole int64, took time.Duration) string {
	if took <= firstShown || done <= 0 || whole <= done {
		return ""
	}
	return ", " + time.Duration(float64(took)*float64(whole-done)/float64(done)).Round(time.Second).String() + " left"
}

func rate(bytes int64, took time.Duration) string {
	if took < firstShown {
		return ""
	}
	return ", " + report.Bytes(int64(float64(bytes)/took.Seconds())) + "/s"
}

// firstShown is how long work takes before anything is shown of it, pause how
// long a line stands.
const (
	firstShown = time.Second
	pause      = 100 * time.Millisecond
)

func (p *progress) show(text func(now time.Time) string) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.start) < firstShown || now.Sub(p.last) < pause {
		return
	}
	p.last, p.shown = now, true
	line := text(now)
	if w, _, err := term.GetSize(int(p.out.Fd())); err == nil && w > 1 {
		line = fitting(line, w-1)
	}
	fmt.Fprintf(p.out, "\r%s\x1b[K", line)
}

// fitting cuts a line behind its phase, so that the figures at its end are seen.
func fitting(line string, width int) string {
	r := []rune(line)
	if len(r) <= width {
		return line
	}
	phase, _, _ := strings.Cut(line, ":")
	head := utf8.RuneCountInString(phase) + 2
	if head+1 >= width {
		return string(r[:width])
	}
	return string(r[:head]) + "…" + string(r[len(r)-(width-head-1):])
}

func (p *progress) done() {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.out = nil // a timer that runs out now finds nothing to write to
}
