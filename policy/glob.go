package policy

import (
	"fmt"
	"regexp"
	"strings"
)

// A Glob matches names as the lines of Debian's ignore-changes do
// (debian/bin/buildcheck.py of linux 6.1): "*" is any text within one part of
// a path, "**" any text across parts, all else stands for itself. With the
// prefix "module:" it is compared with modules, without it with symbols.
type Glob struct {
	text   string
	module bool
	re     *regexp.Regexp
}

const modulePrefix = "module:"

// globRunes are what names of modules, symbols, kernels and findings are made
// of. A pattern with anything else never matches and is refused.
const globRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+~/:,@*"

// NewGlob compiles a pattern; the time to match is linear in the name.
func NewGlob(text string) (*Glob, error) {
	g := &Glob{text: text}
	pattern, module := strings.CutPrefix(text, modulePrefix)
	g.module = module
	if pattern == "" {
		return nil, fmt.Errorf("empty pattern")
	}
	if i := strings.IndexFunc(pattern, func(r rune) bool { return !strings.ContainsRune(globRunes, r) }); i >= 0 {
		return nil, fmt.Errorf("%q never matches: only * and ** have a meaning, and no name holds %q", text, []rune(pattern[i:])[0])
	}
	var re strings.Builder
	re.WriteString(`^`)
	for len(pattern) > 0 {
		switch {
		case strings.HasPrefix(pattern, "**"):
			re.WriteString(`.*`)
			pattern = strings.TrimLeft(pattern, "*")
		case pattern[0] == '*':
			re.WriteString(`[^/]*`)
			pattern = pattern[1:]
		default:
			re.WriteString(regexp.QuoteMeta(pattern[:1]))
			pattern = pattern[1:]
		}
	}
	re.WriteString(`$`)
	var err error
	g.re, err = regexp.Compile(re.String())
	return g, err
}

func (g *Glob) String() string { return g.text }

// name reports whether the glob matches a plain name: of a kernel, a finding.
func (g *Glob) name(s string) bool { return !g.module && g.re.MatchString(s) }

// subject reports whether it matches a symbol, or one of the modules it is of.
func (g *Glob) subject(s Subject) bool {
	if !g.module {
		return s.Symbol != "" && g.re.MatchString(s.Symbol)
	}
	for _, m := range s.Modules {
		if g.re.MatchString(m) {
			return true
		}
	}
	return false
}

// covers reports whether g matches all that h does, as far as that is plain
// from their texts: equal, or g everything of its sort.
func (g *Glob) covers(h *Glob) bool {
	if g.module != h.module {
		return false
	}
	own := strings.TrimPrefix(g.text, modulePrefix)
	other := strings.TrimPrefix(h.text, modulePrefix)
	return own == other || own == "**" || !strings.Contains(other, "*") && g.re.MatchString(other) ||
		own == "*" && !strings.ContainsAny(other, "/") && !strings.Contains(other, "**")
}

// everything reports whether it matches all of its sort, or as good as all: it
// has no part of a name but the folder of in-tree modules, or names the image.
func (g *Glob) everything() bool {
	own := strings.TrimSuffix(strings.TrimPrefix(g.text, modulePrefix), ".ko")
	switch strings.Trim(own, "*/") {
	case "", "kernel":
		return strings.Contains(own, "*")
	case "vmlinux":
		return g.module // every export of the image
	}
	return false
}

func globs(texts Words) ([]*Glob, error) {
	var out []*Glob
	for _, t := range texts {
		g, err := NewGlob(t)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

// Words is a list in YAML; one word alone need not stand in a list.
type Words []string

// UnmarshalYAML reads a word or a list of words.
func (w *Words) UnmarshalYAML(read func(any) error) error {
	var list []string
	if err := read(&list); err == nil {
		*w = list
		return nil
	}
	var one string
	err := read(&one)
	*w = Words{one}
	return err
}
