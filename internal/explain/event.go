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
	OwnKfuncs     = "kfunc.base"         // the kernel's own sets fail
	Build         = "build"              // a line of a kernel's build; the kind has more behind it
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
	// tangle is set where the lines of parallel loads could not be told apart.
	tangle *tangle
	// near is the texts of the lane of a refusal that was read in order, beside others.
	near     *tangle
	used     []string // what of a tangle's texts its source explains
	external bool     // the log says that the module was not built with its kernel
	early    bool     // before the root file system: the module is the initrd's
	baseBad  string   // what the kernel said of its own sets before this
	boot     int      // its number
	build    *buildMessage
}

// member is the kind of a logged type that is a member of one.
const member = "member"

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
	if len(words) > 0 && words[0] == strings.ToUpper(words[0]) {
		t.Kind = words[0]
		if len(words) > 1 && !strings.Contains(words[1], "=") { // else the name is empty
			t.Name = words[1]
		}
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
