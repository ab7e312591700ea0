package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/term"

	"kpkg-btf/internal/release"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/where"
)

// Progress is one line on stderr, only when that is a terminal and only once
// the work has taken a second; it is wiped when the work is done.
type progress struct {
	out   *os.File // nil: silent
	start time.Time
	last  time.Time
	shown bool
}

func (a *app) progress() *progress {
	p := &progress{start: time.Now()}
	f, ok := a.env.Stderr.(*os.File)
	if ok && !a.quiet && a.env.Getenv("CI") == "" && term.IsTerminal(int(f.Fd())) {
		p.out = f
	}
	return p
}

func (p *progress) step(s release.Step) {
	p.show(func() string {
		return fmt.Sprintf("%s: %d modules, %s", where.Clean(filepath.Base(s.Input)), s.Modules, report.Bytes(s.Bytes))
	})
}

// transfer tells of a download.
func (p *progress) transfer(name string, got, total int64) {
	p.show(func() string {
		return fmt.Sprintf("%s: %s of %s", where.Clean(name), report.Bytes(got), report.Bytes(total))
	})
}

func (p *progress) show(text func() string) {
	now := time.Now()
	if p.out == nil || now.Sub(p.start) < time.Second || now.Sub(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.shown = now, true
	line := text()
	if w, _, err := term.GetSize(int(p.out.Fd())); err == nil && w > 1 && len(line) >= w {
		line = line[:w-1]
	}
	fmt.Fprintf(p.out, "\r%s\x1b[K", line)
}

func (p *progress) done() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
