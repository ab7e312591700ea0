package explain

import (
	"slices"
	"strings"

	"kpkg-btf/internal/explain/klog"
	"kpkg-btf/internal/model"
)

// A lane is the lines about module BTF of one caller, or of a log without
// caller stamps, that have not become events yet. Loads that run in parallel
// print into one another; within a caller they cannot.
type lane struct {
	lines       []laneLine
	first, last int // line numbers
	begun       int // refusals that began
	named       int // lines that name a module
}

// laneLine is one fragment of a refusal, or the line that names its module.
type laneLine struct {
	rec    klog.Record
	text   string // of a fragment, without the prefix
	what   part
	module string // of part named
	errno  int
	place  event // when and where it was read
}

// part is what a line is within a refusal.
type part uint8

const (
	begins part = iota // a type or a member
	whole              // a type and the objection in one line
	detail
	text
	blank
	named // "failed to validate module [x]"
)

// maxLane bounds the lines of a lane; more are closed as they stand.
const maxLane = 400

// partOf tells what a fragment is.
func partOf(s string) part {
	t := strings.TrimSpace(s)
	switch {
	case t == "":
		return blank
	case startsRefusal(s):
		if aboutNoKind(t) || refusalText(t) != "" {
			return whole
		}
		return begins
	case isText(t):
		return text
	}
	return detail
}

// push takes the next line of a refusal.
func (p *reader) push(l laneLine) {
	ln := p.lanes[l.rec.Caller]
	if ln != nil && ln.closes(&l) {
		delete(p.lanes, l.rec.Caller)
		p.resolve(ln)
		ln = nil
	}
	if ln == nil {
		if len(p.lanes) >= maxLanes {
			p.settle(0)
		}
		ln = &lane{first: l.rec.Line}
		p.lanes[l.rec.Caller] = ln
	}
	p.place(&l.place, &l.rec)
	ln.last = l.rec.Line
	switch l.what {
	case begins, whole:
		ln.begun++
	case named:
		ln.named++
	}
	ln.lines = append(ln.lines, l)
}

// closes reports whether the lane is over before the next line: every refusal
// that began has its module, or no more fit.
func (ln *lane) closes(next *laneLine) bool {
	if next.what == named || next.what == blank {
		return len(ln.lines) >= 2*maxLane
	}
	over := ln.named > 0 && ln.lines[len(ln.lines)-1].what == named && ln.named >= max(ln.begun, 1)
	full := len(ln.lines) >= maxLane
	switch next.what {
	case begins, whole:
		return over || full
	case text: // the objection to what was begun last stays with it
		before := adjacent(ln.lines)
		return over || full && before != begins && before != detail
	}
	return len(ln.lines) >= 2*maxLane
}

// refusal takes one printed fragment, "BPF: text" or "BPF:text".
func (p *reader) refusal(r *klog.Record, msg string) bool {
	s, ok := strings.CutPrefix(msg, prefix)
	if !ok {
		return false
	}
	s = strings.TrimPrefix(s, " ")
	p.push(laneLine{rec: *r, text: s, what: partOf(s)})
	return true
}

// relocation takes the messages of btf_relocate (6.11+), which carry no prefix.
func (p *reader) relocation(r *klog.Record, msg string) bool {
	distilled := strings.Contains(msg, "distilled base") && (strings.Contains(msg, "BTF type '") || strings.Contains(msg, " BTF id ["))
	shape := strings.HasPrefix(msg, "type [") && strings.Contains(msg, " distilled base")
	str := strings.HasPrefix(msg, "string '") && strings.HasSuffix(msg, " is not mapped to base BTF")
	if !distilled && !shape && !str {
		return false
	}
	p.push(laneLine{rec: *r, text: msg, what: whole})
	return true
}

// verdict takes the line that ends a refusal and names the module.
func (p *reader) verdict(r *klog.Record, msg string) bool {
	name, rest, ok := between(msg, "failed to validate module [", "]")
	if !ok {
		return false
	}
	l := laneLine{rec: *r, what: named, module: moduleName(name)}
	if _, no, ok := strings.Cut(rest, "BTF:"); ok {
		l.errno = errno(no)
	}
	p.push(l)
	return true
}

// resolve makes events of a lane's lines: one after the other where they can
// be read so, else as the tangle of parallel loads that they are.
func (p *reader) resolve(ln *lane) {
	events, ok := inOrder(ln)
	if !ok {
		events = untangle(ln)
	}
	var near *tangle
	if ok && len(events) > 1 && p.bytes < maxBytes/2 {
		near = &tangle{texts: ln.texts()}
		for _, t := range near.texts {
			p.bytes += len(t) + 16
		}
	}
	for _, e := range events {
		e.key = squeeze(strings.Join(e.btf, ""))
		e.Type = loggedType(e.btf)
		if e.tangle == nil {
			e.near = near
		}
		p.add(e)
	}
}

// texts are a lane's fragments as they are compared.
func (ln *lane) texts() []string {
	var out []string
	for i := range ln.lines {
		if l := &ln.lines[i]; l.what != named && l.what != blank {
			out = append(out, squeeze(l.text))
		}
	}
	return out
}

// begin returns the event of a refusal's first line.
func begin(l *laneLine) *event {
	return &event{LogEvent: model.LogEvent{Kind: Refused, Line: l.rec.Line, Count: 1, Time: l.place.Time}, early: l.place.early, boot: l.place.boot}
}

// take adds a fragment.
func (e *event) take(l *laneLine) {
	if len(e.btf) < maxKept {
		e.btf = append(e.btf, l.text)
		e.Log = append(e.Log, clip(l.rec.Text))
	}
	e.done = e.done || l.what == text || l.what == whole
}

// name gives a refusal its module.
func (e *event) name(l *laneLine) {
	e.Module, e.Errno = l.module, l.errno
	e.Log = append(e.Log, clip(l.rec.Text))
}

// inOrder reads a lane as refusals one after the other. ok is false where two
// were open at once: one began before another had its objection, a second
// objection came, or a module was named while the lines before it were
// another's.
func inOrder(ln *lane) (events []*event, ok bool) {
	var e *event
	orphans := 0 // complete, and no module was named before the next began
	for i := range ln.lines {
		l := &ln.lines[i]
		switch l.what {
		case blank:
			if e != nil {
				e.take(l)
			}
			continue
		case named:
			if e == nil {
				if orphans > 0 {
					return nil, false
				}
				e = begin(l)
				events = append(events, e)
			} else if !e.done && orphans > 0 {
				return nil, false
			}
			e.name(l)
			e = nil
			continue
		case begins, whole:
			if e != nil && !e.done && !onlyDetails(e) {
				return nil, false
			}
			if e != nil {
				orphans++
			}
			e = nil
		case text:
			if e != nil && e.done {
				if ln.begun > 1 && ln.named > 1 && i > 0 && adjacent(ln.lines[:i]) == text {
					return nil, false
				}
				orphans++
				e = nil
			}
		case detail:
			if e != nil && e.done {
				return nil, false
			}
		}
		if e == nil {
			e = begin(l)
			events = append(events, e)
		}
		e.take(l)
	}
	return events, true
}

// onlyDetails reports whether of a refusal only details were seen: its head
// is missing, so what begins next is no evidence of a second one.
func onlyDetails(e *event) bool { return len(e.btf) > 0 && partOf(e.btf[0]) == detail }

// adjacent is what the last line was that is not blank.
func adjacent(lines []laneLine) part {
	for _, l := range slices.Backward(lines) {
		if l.what != blank {
			return l.what
		}
	}
	return blank
}

// tangle is what parallel loads printed into one another, without a stamp
// that would tell them apart.
type tangle struct {
	texts  []string // fragments without spaces, blank ones left out
	log    []string
	events []*event
}

// thread is one refusal within a tangle.
type thread struct {
	e    *event
	sure bool // no other thread could have had its lines
}

// untangle follows the refusals of a tangle as far as the order of their
// lines allows: details belong to a type without, an objection to one without,
// a module's name to a refusal that has its objection. Where several could be
// meant the events share the tangle, and only the modules are certain.
func untangle(ln *lane) []*event {
	tg := &tangle{}
	owner := make([]*thread, len(ln.lines)) // who got a line
	certain := map[*thread]bool{}           // those that are out of the tangle
	var open []*thread
	var events []*event
	var names []*laneLine // modules whose refusal is one of several
	pick := func(fits func(*thread) bool) (*thread, bool) {
		var first *thread
		n := 0
		for _, t := range open {
			if fits(t) {
				if n++; first == nil {
					first = t
				}
			}
		}
		return first, n == 1
	}
	for i := range ln.lines {
		l := &ln.lines[i]
		if l.what != blank {
			tg.log = append(tg.log, clip(l.rec.Text))
		}
		switch l.what {
		case blank:
		case begins, whole:
			t := &thread{e: begin(l), sure: true}
			t.e.take(l)
			open = append(open, t)
			owner[i] = t
		case detail:
			t, alone := pick(func(t *thread) bool { return !t.e.done && takesDetail(t.e) })
			if t == nil { // the objection that it was given was another's
				t, alone = pick(func(t *thread) bool { return !t.sure && takesDetail(t.e) })
			}
			if t == nil {
				t = &thread{e: begin(l), sure: false}
				open = append(open, t)
			}
			t.sure = t.sure && alone
			t.e.take(l)
			owner[i] = t
		case text:
			t, alone := pick(func(t *thread) bool { return !t.e.done })
			if whole, _ := pick(func(t *thread) bool { return !t.e.done && !takesDetail(t.e) }); whole != nil {
				t = whole
			}
			if t == nil {
				t, alone = &thread{e: begin(l), sure: true}, true
				open = append(open, t)
			}
			if !alone { // it may be the end of any of them
				for _, o := range open {
					o.sure = o.sure && o.e.done
				}
			}
			t.e.take(l)
			owner[i] = t
		case named:
			t, alone := pick(func(t *thread) bool { return t.e.done })
			switch {
			case alone && t.sure && len(names) == 0:
				t.e.name(l)
				events = append(events, t.e)
				certain[t] = true
				open = slices.DeleteFunc(open, func(o *thread) bool { return o == t })
			default:
				names = append(names, l)
			}
		}
	}
	for i := range ln.lines {
		if t := owner[i]; t != nil && !certain[t] {
			tg.texts = append(tg.texts, squeeze(ln.lines[i].text))
		}
	}
	return append(events, tg.share(open, names)...)
}

// takesDetail reports whether a type's details may still follow: a member's
// stand in its own line.
func takesDetail(e *event) bool {
	if len(e.btf) == 0 || isMember(e.btf[0]) || partOf(e.btf[0]) != begins {
		return false
	}
	return !strings.Contains(e.btf[0], "=") && !slices.ContainsFunc(e.btf, func(s string) bool { return partOf(s) == detail })
}

// maxMixed bounds the types that are named for each event of a tangle.
const maxMixed = 16

// share makes one event of each module that was named, and of each refusal
// beyond those: what is not certain is in all of them.
func (tg *tangle) share(open []*thread, names []*laneLine) []*event {
	var types []model.LoggedType
	for _, t := range open {
		typ := loggedType(t.e.btf)
		if typ == nil {
			typ = &model.LoggedType{Text: objection(t.e.btf)}
		}
		if types = append(types, *typ); len(types) == maxMixed {
			break
		}
	}
	for _, l := range names {
		e := begin(l)
		if len(open) > 0 && open[0].e.Line < e.Line {
			e.Line = open[0].e.Line
		}
		e.tangle = tg
		e.Mixed = slices.Clone(types)
		e.Log = slices.Clone(tg.log[:min(len(tg.log), maxKept)])
		e.Log = slices.DeleteFunc(e.Log, func(s string) bool { return strings.Contains(s, "failed to validate module [") })
		e.name(l)
		tg.events = append(tg.events, e)
	}
	if len(names) == 0 {
		for _, t := range open {
			tg.events = append(tg.events, t.e)
		}
		return tg.events
	}
	for i := len(names); i < len(open); i++ { // refusals whose last line is missing
		e := begin(&laneLine{})
		e.Line, e.tangle, e.Mixed = open[i].e.Line, tg, slices.Clone(types)
		e.boot, e.Time = open[i].e.boot, open[i].e.Time
		e.Log = slices.Clone(tg.events[0].Log[:len(tg.events[0].Log)-1])
		tg.events = append(tg.events, e)
	}
	return tg.events
}
