package explain

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// maxSources bounds the sources of one event.
const maxSources = 8

// candidate is a given release with its figures.
type candidate struct {
	Given
	ref     model.GivenRelease
	modules []*release.Module
	byName  map[string][]*release.Module
}

// answer is a kernel's word on one module.
type answer struct {
	on, of *candidate
	module *release.Module
	encounter.Answer
	key   string   // of the lines that the kernel prints
	texts []string // these lines, each as it is compared, blank ones left out
}

// search asks each kernel about the modules that may have been meant, each
// pair once.
type search struct {
	given []*candidate
	named map[string][]answer // by module name: every kernel, every release
	byKey map[string][]answer // refusals by what is printed; nil until needed
	all   []answer
}

func newSearch(given []Given) *search {
	s := &search{named: map[string][]answer{}}
	for _, g := range given {
		c := &candidate{Given: g, byName: map[string][]*release.Module{}}
		c.modules = append(append(c.modules, g.Release.Modules...), g.Release.Added...)
		for _, m := range c.modules {
			name := m.Name()
			c.byName[name] = append(c.byName[name], m)
		}
		c.ref = model.GivenRelease{Name: g.Release.Name, Arch: g.Release.Arch, Packages: []string{}, Modules: len(c.modules), Kernel: g.Rules != nil, Why: g.Why}
		for _, p := range g.Release.Packages {
			c.ref.Packages = append(c.ref.Packages, p.Label())
		}
		s.given = append(s.given, c)
	}
	return s
}

func (s *search) ask(on, of *candidate, m *release.Module) answer {
	a := answer{on: on, of: of, module: m, Answer: encounter.Ask(on.Rules, m.Facts)}
	if !a.Result.OK {
		a.texts = textsOf(a.Result.Lines)
		a.key = strings.Join(a.texts, "")
	}
	return a
}

// textsOf are the fragments of a refusal, in the form in which they are compared.
func textsOf(lines []string) []string {
	var out []string
	for _, l := range lines {
		if t := squeeze(strings.TrimPrefix(l, prefix)); t != "" {
			out = append(out, t)
		}
	}
	return out
}

// meet reports whether modules of one release can come before another's kernel.
func meet(on, of *candidate) bool {
	a, b := on.Release.Arch, of.Release.Arch
	return on.Rules != nil && (a == b || a == model.ArchUnknown || b == model.ArchUnknown)
}

// of gives every kernel's word on every module of a name.
func (s *search) of(name string) []answer {
	if a, ok := s.named[name]; ok {
		return a
	}
	a := []answer{}
	for _, on := range s.given {
		for _, of := range s.given {
			if !meet(on, of) {
				continue
			}
			for _, m := range of.byName[name] {
				a = append(a, s.ask(on, of, m))
			}
		}
	}
	s.named[name] = a
	return a
}

// every returns the refusals of all modules by all kernels.
func (s *search) every() []answer {
	if s.all != nil {
		return s.all
	}
	s.all = []answer{}
	s.byKey = map[string][]answer{}
	names := map[string]bool{}
	for _, c := range s.given {
		for _, m := range c.modules {
			name := m.Name()
			if names[name] {
				continue
			}
			names[name] = true
			for _, a := range s.of(name) {
				if a.Result.OK {
					continue
				}
				s.all = append(s.all, a)
				if a.key != "" {
					s.byKey[a.key] = append(s.byKey[a.key], a)
				}
			}
		}
	}
	return s.all
}

// find looks for the source of an event.
func (s *search) find(e *event) {
	switch e.Kind {
	case Refused:
		s.refused(e)
	case Mismatch:
		s.dropped(e)
	case NoSetBTF:
		s.registering(e)
	case NotInserted:
		s.inserting(e)
	case Taken:
		s.taken(e)
	case Vermagic:
		s.vermagic(e)
	case SymbolVersion:
		s.symbolVersion(e)
	}
}

// fit is how well a kernel's words on a module agree with what was logged.
type fit uint8

const (
	none    fit = iota
	partial     // what is left of the lines agrees
	exact       // every word
)

// fits compares a refusal with a kernel's answer. In a tangle the answer's
// lines must stand in their order among those of others.
func (e *event) fits(a *answer) fit {
	if a.Result.OK || e.Errno != 0 && int(a.Result.Errno) != e.Errno {
		return none
	}
	if e.tangle != nil {
		if len(within(a.key, e.tangle.texts)) > 0 {
			return exact
		}
		return none
	}
	key, cut := trimCut(e.key)
	switch {
	case key == "" && e.Module != "":
		return partial
	case a.key == key && !cut:
		return exact
	case len(key) >= 8 && strings.HasPrefix(a.key, key):
		return partial
	case e.Module != "" && subsequence(e.texts(), a.texts, true):
		return partial // lines in the middle are missing
	}
	return none
}

// texts are the fragments of a refusal as they are compared.
func (e *event) texts() []string {
	var out []string
	for _, t := range e.btf {
		if t, _ = trimCut(squeeze(t)); t != "" {
			out = append(out, t)
		}
	}
	return out
}

// subsequence reports whether the texts of one refusal stand in this order in
// a log, others between them; with tail, the last may be cut.
func subsequence(one, log []string, tail bool) bool {
	i := 0
	for _, t := range log {
		if i < len(one) && (t == one[i] || tail && i == len(one)-1 && len(one[i]) >= 4 && strings.HasPrefix(t, one[i])) {
			i++
		}
	}
	return i == len(one) && i > 0
}

// within returns the texts of a log that one refusal is, others between them:
// those, in their order, that make up all of its words. nil where there are
// none. Where a kernel ends its lines does not count.
func within(key string, log []string) []string {
	type step struct{ text, before int }
	from := map[int]step{} // how far the words reach -> the last text, and how far it was before
	ends := []int{0}
	for i, t := range log {
		for _, at := range slices.Clone(ends) {
			to := at + len(t)
			if _, known := from[to]; t != "" && !known && strings.HasPrefix(key[at:], t) {
				from[to] = step{i, at}
				ends = append(ends, to)
			}
		}
	}
	var used []string
	for at := len(key); at > 0; at = from[at].before {
		s, ok := from[at]
		if !ok {
			return nil
		}
		used = append(used, log[s.text])
	}
	slices.Reverse(used)
	return used
}

// refused finds the module and the kernel that give the words that were logged.
func (s *search) refused(e *event) {
	asRead := e
	best := s.best(e)
	if len(best) == 0 && e.near != nil && e.Module != "" { // read in order, though they may not have been
		mixed := *e
		mixed.tangle = e.near
		asRead, best = &mixed, s.best(&mixed)
	}
	if len(best) == 0 {
		e.Open = s.whyNot(e)
		return
	}
	certain := asRead.fits(&best[0]) == exact
	for i := range best {
		s.source(e, &best[i], certain)
	}
	if asRead.tangle != nil {
		e.unmix(&best[0], asRead.tangle)
	}
	e.cure(&e.Sources[0])
	if !certain {
		e.Meaning = "not certain, because too little of the message is left: " + e.Meaning
	} else if others := len(e.Sources) + e.More - 1; others > 0 {
		e.Meaning = fmt.Sprintf("%d pairs of module and kernel give the same words; if it is the first: %s", others+1, e.Meaning)
	}
	s.say(e, &best[0])
}

// best are the answers that fit, all equally well.
func (s *search) best(e *event) []answer {
	var found []answer
	at := none
	for _, a := range s.candidates(e) {
		f := e.fits(&a)
		if f > at {
			at, found = f, nil
		}
		if f == at && f != none {
			found = append(found, a)
		}
	}
	return found
}

// unmix takes out of a tangle what one answer explains.
func (e *event) unmix(a *answer, tg *tangle) {
	last := e.Log[len(e.Log)-1]
	e.btf, e.Log, e.Mixed = nil, nil, nil
	for _, l := range a.Result.Lines {
		e.btf = append(e.btf, strings.TrimPrefix(strings.TrimPrefix(l, prefix), " "))
		e.Log = append(e.Log, l)
	}
	if e.Module != "" {
		e.Log = append(e.Log, last)
	}
	e.Type = loggedType(e.btf)
	e.used = within(a.key, tg.texts)
}

// doubt takes back the certainty of a tangle's events where they do not
// explain its lines exactly: each line once, and none left.
func doubt(events []*event) {
	left := map[*tangle][]string{}
	count := map[*tangle]int{}
	for _, e := range events {
		if e.tangle != nil {
			left[e.tangle] = append(left[e.tangle], e.used...)
			count[e.tangle]++
		}
	}
	for _, e := range events {
		if e.tangle == nil || len(e.Sources) == 0 {
			continue
		}
		used, all := slices.Sorted(slices.Values(left[e.tangle])), slices.Sorted(slices.Values(e.tangle.texts))
		if slices.Equal(used, all) {
			continue
		}
		for i := range e.Sources {
			e.Sources[i].Exact = false
		}
		e.Meaning = "not certain, because the lines of parallel loads are mixed and others of them stay open: " + e.Meaning
	}
}

// trimCut takes the mark of a line that was cut off from its end.
func trimCut(key string) (string, bool) {
	for _, mark := range []string{"…", "..."} {
		if k, ok := strings.CutSuffix(key, mark); ok {
			return k, true
		}
	}
	return key, false
}

func (s *search) candidates(e *event) []answer {
	if e.Module != "" {
		return s.of(e.Module)
	}
	all := s.every()
	if found := s.byKey[e.key]; e.key != "" && len(found) > 0 {
		return found
	}
	return all
}

// source adds one module on one kernel to an event.
func (s *search) source(e *event, a *answer, exact bool) {
	if len(e.Sources) == maxSources {
		e.More++
		return
	}
	src := model.LogSource{Module: a.module.Path, Of: a.of.ref, On: a.on.ref, Exact: exact, Says: a.Result.String(), Own: "not given"}
	if own := s.own(a.of, a.module); own != nil {
		at := encounter.Ask(own.Rules, a.module.Facts)
		src.Own = at.Result.String()
		if at.Result.OK && own != a.on {
			src.OwnType = a.Refused(a.on.Rules, own.Rules, a.module.Facts)
		}
	}
	e.Sources = append(e.Sources, src)
}

// own is the kernel of a module's build: that of its release, else the only
// one of that name which takes it.
func (s *search) own(of *candidate, m *release.Module) *candidate {
	if of.Rules != nil {
		return of
	}
	var own *candidate
	for _, c := range s.given {
		if c.Rules == nil || c.Release.Key != of.Release.Key {
			continue
		}
		if a := encounter.Ask(c.Rules, m.Facts); !a.Result.OK {
			continue
		}
		if own != nil {
			return nil
		}
		own = c
	}
	return own
}

// say puts the name as the build wrote it in place of the general words.
func (s *search) say(e *event, a *answer) {
	own := e.Sources[0].OwnType
	if e.Type == nil || own == "" {
		return
	}
	if e.Type.Kind != member && e.Type.Name != "" && strings.HasSuffix(own, " "+e.Type.Name) {
		e.Name = fmt.Sprintf("the name is right, the type is %s in its own build; what fails is what it refers to", own)
		return
	}
	if e.Type.Kind == member {
		own = "a member of " + own
	}
	base := a.on.Rules.Raw()
	e.Name = fmt.Sprintf("in its own build this is %s. The base of the kernel that refused it has %d ids and %d bytes of strings, other than that of the build, so the same string offset leads elsewhere, here to %q",
		own, base.NumTypes(), base.StrLen(), e.Type.Name)
}

// whyNot says what was tried in vain.
func (s *search) whyNot(e *event) string {
	kernels := 0
	for _, c := range s.given {
		if c.Rules != nil {
			kernels++
		}
	}
	if kernels == 0 {
		return "none of the releases given has a kernel image with BTF that could be asked"
	}
	if e.Module == "" {
		return fmt.Sprintf("no module given makes one of the %d kernels given say this: the build of the module, or of the kernel, is not among them", kernels)
	}
	answers := s.of(e.Module)
	if len(answers) == 0 {
		return fmt.Sprintf("no release given has a module %s", e.Module)
	}
	var tried []string
	for _, a := range answers {
		t := fmt.Sprintf("%s of %s on %s: %s", e.Module, label(&a.of.ref), label(&a.on.ref), a.Result.String())
		if !slices.Contains(tried, t) && len(tried) < 4 {
			tried = append(tried, t)
		}
	}
	return "no module and kernel given reproduce this, so the build of one of them is not among the sets (" + strings.Join(tried, "; ") + ")"
}
