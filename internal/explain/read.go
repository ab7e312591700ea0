package explain

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"kpkg-btf/internal/explain/klog"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Bounds of what is kept of a log, whatever its size.
const (
	maxEvents = 10000    // a boot can log one for each of 4000 modules
	maxKept   = 96       // fragments of one refusal
	maxBytes  = 64 << 20 // of all events together
	maxLoose  = 200      // lines with a known word that fit nowhere
	maxLanes  = 256      // callers whose refusals are open at once
	maxBoots  = 1000
)

// Log is a log that was read: its events in the order of their first lines.
type Log struct {
	events         []*event
	boots          []model.LogBoot
	loose          []model.LooseLine
	gaps           []model.LooseLine
	lines, unknown int
	left, leftOver int // events and loose lines beyond the bounds
}

// Events is how many things the log tells of.
func (l *Log) Events() int { return len(l.events) }

// reader makes events of records.
type reader struct {
	log   Log
	lanes map[string]*lane // by caller; "" of the lines without one
	seen  map[string]*event
	bytes int
	boot  boot
}

// boot is what the log has said of the boot that its lines are of.
type boot struct {
	n        int             // from 1 of those that begin in the log; 0 before
	id       string          // the journal's
	external map[string]bool // modules that tainted as not built with the kernel
	baseBad  string          // what the kernel's own registration said that failed
	early    bool            // the initramfs runs
}

// Read takes the lines of a kernel's log, of what modprobe said, or of a
// kernel's build, in whatever form. The only error is the reader's.
func Read(r io.Reader) (*Log, error) {
	p := newReader()
	n, err := klog.Read(r, find, p.record)
	if err != nil {
		return nil, where.New(where.IO, "%w", err)
	}
	p.log.lines = n
	return p.finish(), nil
}

func newReader() *reader {
	return &reader{lanes: map[string]*lane{}, seen: map[string]*event{}, boot: boot{external: map[string]bool{}}}
}

func (p *reader) finish() *Log {
	p.settle(0)
	l := &p.log
	slices.SortStableFunc(l.events, func(a, b *event) int { return a.Line - b.Line })
	l.consequences()
	return l
}

// settle closes the refusals that no line has continued since line n, all for
// 0, in the order of their first lines.
func (p *reader) settle(n int) {
	var done []*lane
	for caller, ln := range p.lanes {
		if n == 0 || n-ln.last > reach {
			done = append(done, ln)
			delete(p.lanes, caller)
		}
	}
	slices.SortFunc(done, func(a, b *lane) int { return a.first - b.first })
	for _, ln := range done {
		p.resolve(ln)
	}
}

// reach is how many lines of others may stand between those of one refusal.
const reach = 24

// record takes the next message.
func (p *reader) record(r klog.Record) {
	if len(p.lanes) > 0 {
		for _, ln := range p.lanes {
			if r.Line-ln.last > reach {
				p.settle(r.Line)
				break
			}
		}
	}
	if r.Boot != "" && r.Boot != p.boot.id {
		p.newBoot(r.Line, r.Boot, "")
	}
	msg := clip(r.Text)
	if !wordsOfAll().in(msg) {
		p.leftover(&r, msg)
		return
	}
	switch {
	case p.refusal(&r, msg), p.relocation(&r, msg), p.verdict(&r, msg), p.milestone(&r, msg):
	default:
		e := classify(msg)
		if e == nil {
			p.leftover(&r, msg)
			return
		}
		if e.Kind == OwnKfuncs { // what was refused before is the base itself
			p.settle(0)
		}
		e.Line, e.Log = r.Line, []string{msg}
		p.place(e, &r)
		p.add(e)
	}
}

// place notes when an event was and what the log says of its module.
func (p *reader) place(e *event, r *klog.Record) {
	e.Time, e.boot = r.Time, p.boot.n
	e.early = p.boot.early
	switch e.Kind {
	case OutOfTree:
		if len(p.boot.external) < maxEvents {
			p.boot.external[e.Module] = true
		}
	case OwnKfuncs:
		if p.boot.baseBad == "" {
			p.boot.baseBad = e.Log[0]
		}
	}
}

// milestone takes the lines that say where in which boot the log is, and
// where lines of it are missing.
func (p *reader) milestone(r *klog.Record, msg string) bool {
	switch {
	case strings.HasPrefix(msg, "Linux version "):
		word := firstWord(msg[len("Linux version "):])
		if p.boot.n > 0 && p.log.boots[p.boot.n-1].Release == "" {
			p.log.boots[p.boot.n-1].Release = word // journald's boot id came first
			return true
		}
		p.newBoot(r.Line, r.Boot, word)
	case strings.HasPrefix(msg, "-- Boot "), strings.HasPrefix(msg, "-- Reboot --"):
		id := strings.TrimSuffix(strings.TrimPrefix(msg, "-- Boot "), " --")
		if id == p.boot.id {
			return true
		}
		p.newBoot(r.Line, id, "")
	case strings.HasPrefix(msg, "Run /init as init process"):
		p.boot.early = true
	case strings.Contains(msg, "Switching root"):
		p.boot.early = false
	case strings.Contains(msg, "output lines suppressed due to ratelimiting"), strings.Contains(msg, "printk messages dropped"),
		strings.Contains(msg, "Missed ") && strings.Contains(msg, "kernel messages"):
		if len(p.log.gaps) < maxLoose {
			p.log.gaps = append(p.log.gaps, model.LooseLine{Line: r.Line, Text: msg})
		}
	default:
		return false
	}
	return true
}

func (p *reader) newBoot(line int, id, release string) {
	p.settle(0)
	p.boot = boot{n: p.boot.n, id: id, external: map[string]bool{}}
	if len(p.log.boots) < maxBoots {
		p.log.boots = append(p.log.boots, model.LogBoot{Line: line, ID: clip(id), Release: clip(release)})
		p.boot.n = len(p.log.boots)
	}
}

// suspicious are the words that make a line worth showing though nobody knows
// what it says.
var suspicious = []string{"BTF", "BPF:", "btf", "kfunc", "pahole", "failed to validate"}

func (p *reader) leftover(r *klog.Record, msg string) {
	p.log.unknown++
	for _, w := range suspicious {
		if !strings.Contains(msg, w) {
			continue
		}
		if len(p.log.loose) < maxLoose {
			p.log.loose = append(p.log.loose, model.LooseLine{Line: r.Line, Text: msg})
		} else {
			p.log.leftOver++
		}
		return
	}
}

// add keeps an event, or counts it with the one that is the same.
func (p *reader) add(e *event) {
	id := strings.Join([]string{e.Kind, e.Module, e.Symbol, e.key, e.have, e.want}, "\x00")
	if e.Kind == NotInserted || e.tangle != nil || e.build != nil {
		id += "\x00" + strings.Join(e.Log, "\n")
	}
	e.external = e.Module != "" && p.boot.external[e.Module]
	if e.Kind == Refused && len(e.btf) == 0 && e.tangle == nil {
		e.baseBad = p.boot.baseBad
	}
	e.Release = p.release()
	if old := p.seen[id]; old != nil {
		old.Count++
		if n := len(old.Boots); old.Boots[n-1] != e.boot {
			old.Boots = append(old.Boots, e.boot)
		}
		old.Last = e.Line
		old.external = old.external || e.external
		return
	}
	size := len(id) + 512
	for _, l := range e.Log {
		size += len(l) + 16
	}
	if len(p.log.events) >= maxEvents || p.bytes+size > maxBytes {
		p.log.left++
		return
	}
	p.bytes += size
	e.Count, e.Boots, e.Last = 1, []int{e.boot}, e.Line
	p.seen[id] = e
	p.log.events = append(p.log.events, e)
}

// release is the uname -r of the boot, as far as the log says it.
func (p *reader) release() string {
	if p.boot.n == 0 {
		return ""
	}
	return p.log.boots[p.boot.n-1].Release
}

// fatal are the kinds that keep a module from being loaded.
var fatal = []string{Refused, Vermagic, SymbolVersion, SymbolUnknown, Namespace, Duplicate, Format, KeyRejected}

// consequences puts what modprobe said of a module to the kernel's reason, and
// tells refusals what other lines of their module said.
func (l *Log) consequences() {
	reason := map[string]*event{}
	external := map[string]bool{}
	baseBad := map[int]string{}
	for _, e := range l.events {
		if e.Kind == OwnKfuncs && baseBad[e.boot] == "" {
			baseBad[e.boot] = e.Log[0]
		}
		if e.Kind == OutOfTree || e.external {
			external[fmt.Sprint(e.boot, e.Module)] = true
		}
		if e.Module != "" && e.Kind != NotInserted && slices.Contains(fatal, e.Kind) && reason[e.Module] == nil {
			reason[e.Module] = e
		}
	}
	l.events = slices.DeleteFunc(l.events, func(e *event) bool {
		e.external = e.external || external[fmt.Sprint(e.boot, e.Module)]
		if e.Kind == Refused && e.Module == "" && e.tangle == nil {
			e.baseBad = baseBad[e.boot] // what was refused before the kernel's own sets failed is the base
		}
		r := reason[e.Module]
		if e.Kind != NotInserted || r == nil || len(r.Log) > maxKept {
			return false
		}
		r.Log = append(r.Log, e.Log...)
		return true
	})
}

func clip(s string) string {
	const most = 512
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
