package explain

import (
	"strings"

	"kpkg-btf/internal/model"
)

// The kinds of events. The words are part of the document and stay.
const (
	Refused       = "btf.refused"        // a module's BTF was refused
	Mismatch      = "btf.mismatch"       // the one warning for all refused modules
	NoSetBTF      = "kfunc.missing"      // init registers BTF ids, the module has no BTF
	Taken         = "kfunc.duplicate"    // a kfunc's name is taken
	NoStruct      = "struct_ops.missing" // a struct_ops type is not in the BTF
	NoVmlinux     = "vmlinux.missing"    // the kernel has no BTF itself
	NotInserted   = "load.failed"        // what modprobe or insmod said
	OutOfTree     = "taint.out-of-tree"  // taints
	Unsigned      = "signature.missing"  // loads tainted
	KeyRejected   = "signature.rejected" // does not load
	SymbolVersion = "symbol.version"     // CRCs disagree
	SymbolPlain   = "symbol.no-version"  // no CRC
	SymbolUnknown = "symbol.unknown"     // not exported
	Namespace     = "symbol.namespace"   // not imported
	Duplicate     = "symbol.duplicate"   // exported twice
	Vermagic      = "vermagic"           // built for another kernel
	Format        = "module.format"      // struct module or ELF differ
)

// event is one LogEvent with what the search needs.
type event struct {
	model.LogEvent
	// btf are the fragments of a refusal, without prefix.
	btf []string
	// key is btf without any space: how a refusal is compared.
	key string
	// want and have are a version magic's two sides.
	have, want string
	done       bool // the refusal's text was seen
	last       int  // line number of the last line
}

// parsed is what a log holds.
type parsed struct {
	events         []*event
	lines, unknown int
	left           int
	open           *event // a refusal whose last line may be still to come
	seen           map[string]*event
}

// member is the kind of a logged type that is a member of one.
const member = "member"

// reach is how many lines of others may stand between those of one refusal.
const reach = 24

func (p *parsed) line(n int, line string) {
	p.lines++
	if p.open != nil && n-p.open.last > reach {
		p.close()
	}
	msg := message(line)
	switch {
	case p.refusal(n, msg):
	case p.relocation(n, msg):
	case p.verdict(n, msg):
	default:
		e := classify(msg)
		if e == nil {
			p.unknown++
			return
		}
		e.Line, e.last, e.Log = n, n, []string{clip(msg)}
		p.add(e)
	}
}

// refusal takes one printed fragment, "BPF: text" or "BPF:text".
func (p *parsed) refusal(n int, msg string) bool {
	text, ok := strings.CutPrefix(msg, "BPF:")
	if !ok {
		return false
	}
	// /dev/kmsg escapes what is not printable, and not every reader undoes it.
	p.fragment(n, msg, strings.ReplaceAll(strings.TrimPrefix(text, " "), `\x09`, "\t"))
	return true
}

func (p *parsed) fragment(n int, msg, text string) {
	e := p.open
	if e != nil && strings.TrimSpace(text) != "" && (e.done || startsRefusal(text)) && len(e.btf) > 0 {
		p.close()
		e = nil
	}
	if e == nil {
		e = &event{LogEvent: model.LogEvent{Kind: Refused, Line: n, Count: 1}}
		p.open = e
	}
	e.last = n
	if len(e.btf) >= maxKept {
		return
	}
	e.btf = append(e.btf, text)
	e.Log = append(e.Log, clip(msg))
	e.done = e.done || isText(text) || aboutNoKind(text)
}

// aboutNoKind tells "[12] Invalid name_offset:7", which is a whole message.
func aboutNoKind(text string) bool {
	_, rest, ok := typeHead(text)
	word := firstWord(rest)
	return ok && word != strings.ToUpper(word)
}

// startsRefusal tells the first fragment of a refusal: "[12] STRUCT …" or a
// member, which is indented.
func startsRefusal(text string) bool {
	_, _, ok := typeHead(text)
	return ok || strings.HasPrefix(text, "\t") || isMember(text)
}

// isMember tells a line about a member of a struct or a variable of a section.
func isMember(text string) bool {
	return strings.Contains(text, "type_id=") && (strings.Contains(text, " bits_offset=") || strings.Contains(text, " offset=")) && !strings.HasPrefix(text, "[") && !strings.Contains(text, "nr_")
}

// isText tells the kernel's objection, the last fragment but for the end of
// the line, from a type's details ("size=8 vlen=2", "struct", ", 3 arg").
func isText(text string) bool {
	text = strings.TrimSpace(text)
	if text == "" || text == "struct" || text == "union" || text == "void" || text == "vararg" || text[0] == '[' {
		return false
	}
	c := text[0] | 0x20
	if c < 'a' || c > 'z' {
		return false
	}
	word, _, _ := strings.Cut(text, " ")
	return !strings.Contains(word, "=") && !strings.Contains(text, "type_id=")
}

// typeHead reads "[12] rest".
func typeHead(text string) (id uint32, rest string, ok bool) {
	if !strings.HasPrefix(text, "[") {
		return 0, "", false
	}
	inner, rest, ok := strings.Cut(text[1:], "]")
	if !ok {
		return 0, "", false
	}
	id, ok = number(inner)
	return id, strings.TrimPrefix(rest, " "), ok
}

// relocation takes the messages of btf_relocate (6.11+), which carry no prefix.
func (p *parsed) relocation(n int, msg string) bool {
	distilled := strings.Contains(msg, "distilled base") && (strings.Contains(msg, "BTF type '") || strings.Contains(msg, " BTF id ["))
	shape := strings.HasPrefix(msg, "type [") && strings.Contains(msg, " distilled base")
	str := strings.HasPrefix(msg, "string '") && strings.HasSuffix(msg, " is not mapped to base BTF")
	if !distilled && !shape && !str {
		return false
	}
	p.close()
	p.fragment(n, msg, msg)
	if e := p.open; e != nil {
		e.done = true
	}
	return true
}

// verdict takes the line that ends a refusal and names the module.
func (p *parsed) verdict(n int, msg string) bool {
	_, name, rest, ok := between(msg, "failed to validate module [", "]")
	if !ok {
		return false
	}
	e := p.open
	if e == nil {
		e = &event{LogEvent: model.LogEvent{Kind: Refused, Line: n, Count: 1}}
	}
	e.Module, e.last = moduleName(name), n
	if _, no, ok := strings.Cut(rest, "BTF:"); ok {
		e.Errno = errno(no)
	}
	e.Log = append(e.Log, clip(msg))
	p.open = e
	p.close()
	return true
}

// close ends the refusal that is open.
func (p *parsed) close() {
	e := p.open
	if e == nil {
		return
	}
	p.open = nil
	e.key = squeeze(strings.Join(e.btf, ""))
	e.Type = loggedType(e.btf)
	p.add(e)
}

// add keeps an event, or counts it with the one that is the same.
func (p *parsed) add(e *event) {
	id := strings.Join([]string{e.Kind, e.Module, e.Symbol, e.key, e.have, e.want}, "\x00")
	if e.Kind == NotInserted {
		id += "\x00" + e.Log[0]
	}
	if old := p.seen[id]; old != nil {
		old.Count++
		return
	}
	if len(p.events) >= maxEvents {
		p.left++
		return
	}
	e.Count = 1
	p.seen[id] = e
	p.events = append(p.events, e)
}

// squeeze drops all spaces: loggers, terminals and mails change them, and a
// refusal may be pasted as one line or as the fragments it was printed in.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, s)
}

// loggedType reads the type that a refusal is about.
func loggedType(btf []string) *model.LoggedType {
	if len(btf) == 0 {
		return nil
	}
	id, rest, ok := typeHead(btf[0])
	if !ok {
		if name, _, _ := strings.Cut(strings.TrimSpace(btf[0]), "type_id="); isMember(btf[0]) {
			return &model.LoggedType{Kind: member, Name: strings.TrimSpace(name), Text: objection(btf)}
		}
		return nil
	}
	words := strings.Fields(rest)
	t := &model.LoggedType{ID: id, Text: objection(btf)}
	if len(words) > 1 && words[0] == strings.ToUpper(words[0]) {
		t.Kind, t.Name = words[0], words[1]
	}
	return t
}

// objection is the text of a refusal without the type.
func objection(btf []string) string {
	for i := len(btf) - 1; i > 0; i-- {
		if isText(btf[i]) {
			return strings.TrimSpace(btf[i])
		}
	}
	s := strings.TrimSpace(strings.Join(btf, " "))
	// On one line it begins after the last detail, with a capital or a number's name.
	words := strings.Fields(s)
	start := 0
	for i, w := range words {
		if strings.Contains(w, "=") && i >= start && w != "!=" && w != "==" {
			start = i + 1
		}
	}
	if start == 0 && len(words) > 0 && strings.HasPrefix(words[0], "[") {
		start = 1
		if len(words) > 1 && words[1] == strings.ToUpper(words[1]) && len(words) > 3 {
			start = 3
		}
	}
	return strings.Join(words[min(start, len(words)):], " ")
}

func clip(s string) string {
	const most = 512
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
