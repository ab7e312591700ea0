package explain

import "strings"

// prefix is what the kernel puts before every fragment of a refusal.
const prefix = "BPF:"

// A known word is what a message is recognised by, wherever it stands. Of
// those with a name, the message begins with the name of a module before it.
type known struct {
	word string
	name bool
	tool bool // the names of programs before it belong to it
	line bool // all that stands before it belongs to it
}

// knownWords are those of every message that classify, relocation and verdict
// take; a test feeds each of them behind prefixes nobody knows.
var knownWords = []known{
	{word: "failed to validate module ["},
	{word: "distilled base BTF type '"}, {word: "Invalid relocation: distilled base"}, {word: "base BTF id ["}, {word: "is not mapped to base BTF"},
	{word: "Kernel module BTF mismatch detected"},
	{word: "missing module BTF, cannot register "}, {word: "missing vmlinux BTF, cannot register "}, {word: "in-kernel BTF is malformed"},
	{word: "error while registering "}, {word: "error while setting "}, {word: "failed to register kfunc"}, {word: "Failed to register kfunc"},
	{word: "Cannot find struct "}, {word: "kfunc "},
	{word: ": version magic '", name: true}, {word: ": disagrees about version of symbol ", name: true}, {word: ": no symbol version for ", name: true}, {word: ": Unknown symbol ", name: true},
	{word: ": exports duplicate symbol ", name: true}, {word: ": loading out-of-tree module taints", name: true}, {word: ": module verification failed: ", name: true},
	{word: "uses symbol ", name: true}, {word: ": .gnu.linkonce.this_module section size must match", name: true},
	{word: "Loading of unsigned module is rejected"}, {word: "Loading of module with un"}, {word: "unsigned module loading is restricted"},
	{word: "could not insert ", tool: true}, {word: "can't insert ", tool: true}, {word: "can't load module ", tool: true}, {word: "Failed to insert module ", tool: true},
	{word: "Linux version "}, {word: "Kernel command line: "}, {word: "-- Boot "}, {word: "-- Reboot --"},
	{word: "output lines suppressed due to ratelimiting", line: true}, {word: "printk messages dropped", line: true}, {word: "Missed ", line: true}, {word: "Switching root"},
	{word: "Run /init as init process"}, {word: "type ["}, {word: "string '"},
}

const (
	maxTried    = 16  // how often the prefix may stand in a text without a fragment behind it
	maxFragment = 640 // bytes of a fragment that are looked at: a name has at most 511
)

// find returns where the first message begins that is known by a word, -1
// where there is none. It is a klog.Finder.
func find(s string) int {
	if !wordsOfAll().in(s) {
		return -1
	}
	first := -1
	for from, tried := 0, 0; tried < maxTried; tried++ {
		i := strings.Index(s[from:], prefix)
		if i < 0 {
			break
		}
		i += from
		if (i == 0 || !wordByte(s[i-1])) && (i == 0 || isFragment(s[i+len(prefix):min(len(s), i+maxFragment)])) {
			first = i
			break
		}
		from = i + len(prefix)
	}
	for _, k := range knownWords {
		i := strings.Index(s, k.word)
		if i < 0 {
			continue
		}
		switch {
		case k.line:
			i = 0
		case k.name:
			i = nameBefore(s, i)
		case k.tool:
			i = toolBefore(s, i)
		}
		if i >= 0 && (i == 0 || !wordByte(s[i-1])) && (first < 0 || i < first) {
			first = i
		}
	}
	for _, b := range buildMessages {
		if i := b.find(s); i >= 0 {
			if i = toolBefore(s, i); first < 0 || i < first {
				first = i
			}
		}
	}
	return first
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// nameBefore returns where the name begins that ends at i or a space before;
// "module NAME" and "module: NAME" count with their first word.
func nameBefore(s string, i int) int {
	end := i
	for end > 0 && s[end-1] == ' ' {
		end--
	}
	start := end
	for start > 0 && s[start-1] != ' ' && s[start-1] != ']' && s[start-1] != '"' {
		start--
	}
	if word := strings.TrimSuffix(s[start:end], ":"); word == "module" && start > 0 { // "x: module uses symbol", "x: uses symbol"
		return nameBefore(s, start)
	}
	for _, w := range []string{"module ", "module: "} {
		if strings.HasSuffix(s[:start], w) {
			start -= len(w)
		}
	}
	return start
}

// toolBefore returns where a program's words begin that go on at i: with the
// rest of its path, and the names before it that end in a colon.
func toolBefore(s string, i int) int {
	for i > 0 && s[i-1] > ' ' && s[i-1] != ':' && s[i-1] != '"' && s[i-1] != '|' {
		i--
	}
	for {
		head := strings.TrimRight(s[:i], " ")
		if !strings.HasSuffix(head, ":") || len(head) == i && i > 0 {
			return i
		}
		start := strings.LastIndexByte(head, ' ') + 1
		word := head[start : len(head)-1]
		if word == "" || len(word) > 80 || strings.ContainsAny(word, "<>\"") || strings.IndexFunc(word, func(r rune) bool { return r >= 'A' && r <= 'z' }) < 0 {
			return i
		}
		i = start
	}
}

// isFragment reports whether text, behind the prefix, is one that the kernel
// prints of BTF: a type, a member, details, a text, or nothing (up to the end
// of a quoted string).
func isFragment(text string) bool {
	t := strings.TrimSpace(text)
	if t == "" || t[0] == '"' || strings.HasPrefix(text, "\t") || strings.HasPrefix(text, " \t") {
		return true
	}
	if _, _, ok := typeHead(t); ok {
		return true
	}
	return isMember(t) || isDetail(t) || refusalText(t) != ""
}

// isDetail reports what stands between a type's name and the objection.
func isDetail(t string) bool {
	word, _, _ := strings.Cut(t, " ")
	key, _, ok := strings.Cut(word, "=")
	switch {
	case ok:
		switch key {
		case "size", "vlen", "type_id", "return", "bits_offset", "offset", "nr_bits", "encoding", "component_idx", "nr_elems", "index_type_id", "linkage", "val":
			return true
		}
	case t == "struct" || t == "union" || t == "void" || t == "vararg" || t == ")" || t == ", vararg":
		return true
	case strings.HasPrefix(t, ", "):
		n, _, _ := strings.Cut(t[2:], " ")
		return digits(n)
	}
	n, rest, ok := strings.Cut(t, " ")
	return ok && digits(n) && !strings.Contains(rest, " ")
}

// refusalTexts are the beginnings of the kernel's objections to BTF
// (kernel/bpf/btf.c, 5.11 to 7.3).
var refusalTexts = []string{
	"Invalid name", "Invalid member", "Invalid type", "Invalid btf_info", "Invalid kind", "Invalid magic", "Invalid string section", "Invalid section offset",
	"Invalid int_data", "Invalid elem", "Invalid index", "Invalid arg", "Invalid return type", "Invalid func linkage", "Invalid offset", "Invalid size",
	"Invalid value", "Invalid component_idx", "Invalid array of int", "Invalid relocation",
	"Unsupported ", "Unexpected ", "Unaligned ", "Unresolved", "Member ", "Max chain length", "Exceeded max", "Array size overflows", "Loop detected",
	"Section overlap found", "Total section length too long", "String section is not at the end", "Layout section", "No data", "No type found",
	"Not a VAR kind member", "Type tags don't precede modifiers", "Linkage not supported", "btf_header not found", "hdr_len not found", "meta_left:",
	"vlen != 0", "vlen == 0", "size != 0", "size == 0", "type != 0", "nr_bits exceeds", "nr_copy_bits exceeds", "bits_offset exceeds",
}

// refusalText returns the objection in a text, "" if it holds none that is known.
func refusalText(text string) string {
	first := -1
	for _, t := range refusalTexts {
		if i := strings.Index(text, t); i >= 0 && (i == 0 || !wordByte(text[i-1])) && (first < 0 || i < first) {
			first = i
		}
	}
	if first < 0 {
		return ""
	}
	return text[first:]
}
