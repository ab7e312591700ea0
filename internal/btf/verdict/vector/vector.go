// Package vector reads the test vectors of testdata/vectors/btf: one file for
// each rule of a kernel, with BTF in a small notation and what every kernel
// says to it. It is for tests only; the README beside the vectors describes
// the files.
package vector

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf"
)

// Version is major, minor, patch.
type Version [3]int

func (v Version) less(o Version) bool {
	for i := range v {
		if v[i] != o[i] {
			return v[i] < o[i]
		}
	}
	return false
}

// Series is a version without its patch, "6.1".
func (v Version) Series() string { return fmt.Sprintf("%d.%d", v[0], v[1]) }

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// Expect is what the kernels of some versions say on one path.
type Expect struct {
	Path  string // "module", "own", "user"
	Spans []span
	OK    bool
	Errno string // "EINVAL"
	Rule  string
	Text  string // the kernel's message; $N stands for an id
}

type span struct{ from, to Version } // both inclusive

// Vector is one file.
type Vector struct {
	ID, Mirrors, About string
	// Booted are the kernels whose own answer was seen to agree, by version;
	// when empty, Source names the file and function that it was read from.
	Booted []string
	Source string
	Expect []Expect

	Split, Distilled, Own *blob
}

var kinds = func() map[string]btf.Kind {
	m := map[string]btf.Kind{}
	for k := btf.Int; k <= btf.MaxKind; k++ {
		m[k.String()] = k
	}
	return m
}()

// Load reads every vector of a folder, sorted by name.
func Load(dir string) ([]*Vector, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.vec"))
	if err != nil {
		return nil, err
	}
	var out []*Vector
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		v, err := Parse(string(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(p), err)
		}
		if v.ID != strings.TrimSuffix(filepath.Base(p), ".vec") {
			return nil, fmt.Errorf("%s: its id is %q", filepath.Base(p), v.ID)
		}
		out = append(out, v)
	}
	return out, nil
}

// Parse reads one vector.
func Parse(text string) (*Vector, error) {
	v := new(Vector)
	var cur *blob
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		var err error
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "// "):
		case strings.HasPrefix(line, "-- "):
			cur, err = v.section(strings.Trim(trimmed, "- "))
		case cur == nil:
			err = v.header(trimmed)
		default:
			err = cur.line(i+1, line, trimmed)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if v.ID == "" || v.Mirrors == "" || len(v.Expect) == 0 || (len(v.Booted) == 0) == (v.Source == "") {
		return nil, fmt.Errorf("incomplete: id, mirrors, an expectation, and either booted or source-only are needed")
	}
	if (v.Split == nil) == (v.Own == nil) || v.Own != nil && v.Has("module") || v.Own == nil && v.Has("own") {
		return nil, fmt.Errorf("either a split or an own blob is needed, the one that is expected to be judged")
	}
	return v, nil
}

func (v *Vector) section(name string) (*blob, error) {
	b := &blob{set: map[string]string{}}
	switch name {
	case "split":
		v.Split = b
	case "distilled":
		v.Distilled = b
	case "own":
		v.Own = b
	default:
		return nil, fmt.Errorf("unknown section %q", name)
	}
	return b, nil
}

func (v *Vector) header(line string) error {
	key, val, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("no key in %q", line)
	}
	val = strings.TrimSpace(val)
	switch path, versions, _ := strings.Cut(key, " "); path {
	case "id":
		v.ID = val
	case "mirrors":
		v.Mirrors = val
	case "about":
		v.About = val
	case "booted":
		v.Booted = strings.Fields(val)
		for _, s := range v.Booted {
			if _, err := version(s, 0); err != nil {
				return err
			}
		}
	case "source-only":
		v.Source = val
	case "module", "own", "user":
		return v.expect(path, versions, val)
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return nil
}

func (v *Vector) expect(path, versions, val string) error {
	e := Expect{Path: path}
	for _, s := range strings.Fields(versions) {
		from, to, ranged := strings.Cut(s, "..")
		if !ranged {
			to = from
		}
		sp := span{to: Version{999, 0, 0}}
		var err error
		if from != "" && from != "all" {
			if sp.from, err = version(from, 0); err != nil {
				return err
			}
		}
		if to != "" && to != "all" {
			if sp.to, err = version(to, 9999); err != nil {
				return err
			}
		}
		e.Spans = append(e.Spans, sp)
	}
	words := strings.SplitN(val, " ", 3)
	switch {
	case val == "ok":
		e.OK = true
	case len(words) < 2:
		return fmt.Errorf("%q: ok, or errno, rule and message", val)
	default:
		e.Errno, e.Rule = words[0], words[1]
		if len(words) == 3 {
			e.Text = words[2]
		}
	}
	v.Expect = append(v.Expect, e)
	return nil
}

func version(s string, patch int) (Version, error) {
	out := Version{0, 0, patch}
	for i, part := range strings.Split(s, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || i > 2 {
			return out, fmt.Errorf("version %q", s)
		}
		out[i] = n
	}
	return out, nil
}

// line reads a directive ("hdr_len 32"), a record or, indented, an element.
func (b *blob) line(n int, line, trimmed string) error {
	words, err := split(trimmed)
	if err != nil {
		return err
	}
	if line != strings.TrimLeft(line, " \t") {
		if len(b.records) == 0 {
			return fmt.Errorf("an element without a record")
		}
		r := &b.records[len(b.records)-1]
		r.elems = append(r.elems, words)
		return nil
	}
	k, ok := kinds[words[0]]
	if !ok {
		if len(words) != 2 {
			return fmt.Errorf("neither a kind nor a directive: %q", trimmed)
		}
		b.set[words[0]] = words[1]
		return nil
	}
	if len(words) < 3 {
		return fmt.Errorf("a record needs kind, name and size or type: %q", trimmed)
	}
	r := record{line: n, kind: k, name: words[1], size: words[2]}
	rest := words[3:]
	for i, w := range rest {
		if w == ":" {
			r.words = rest[i+1:]
			break
		}
		r.attrs = append(r.attrs, w)
	}
	b.records = append(b.records, r)
	return nil
}

// split cuts at blanks outside of quotes.
func split(s string) ([]string, error) {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] != '"' {
			i := strings.IndexAny(s, " \t")
			if i < 0 {
				i = len(s)
			}
			out, s = append(out, s[:i]), s[i:]
			continue
		}
		q, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", s, err)
		}
		out, s = append(out, q), s[len(q):]
	}
	return out, nil
}

// Module builds .BTF and .BTF.base (nil when there is none) on a kernel's base.
func (v *Vector) Module(base *btf.Raw) (split, distilled []byte, err error) {
	on := onRaw(base)
	if v.Distilled != nil {
		if distilled, on, err = v.Distilled.build(area{first: 1}, true); err != nil {
			return nil, nil, err
		}
		if distilled == nil {
			distilled = []byte{}
		}
	}
	split, _, err = v.Split.build(on, false)
	return split, distilled, err
}

// First is the id of the first own record of the split built on a base.
func (v *Vector) First(base *btf.Raw) uint32 {
	if v.Distilled == nil {
		return base.NumTypes()
	}
	_, on, err := v.Distilled.build(area{first: 1}, true)
	if err != nil {
		return 0
	}
	return on.first
}

// Alone builds the own blob, or the split as a blob without a base, which is
// what the paths "own" and "user" are asked about.
func (v *Vector) Alone() ([]byte, error) {
	b := v.Own
	if b == nil {
		b = v.Split
	}
	out, _, err := b.build(area{first: 1}, true)
	return out, err
}

// Has reports whether a vector says anything of a path.
func (v *Vector) Has(path string) bool {
	return slices.ContainsFunc(v.Expect, func(e Expect) bool { return e.Path == path })
}

// Covers reports whether an expectation is about a version.
func (e *Expect) Covers(at Version) bool {
	for _, s := range e.Spans {
		if !at.less(s.from) && !s.to.less(at) {
			return true
		}
	}
	return false
}

// Seen reports whether a kernel that was booted is among the versions that an
// expectation is about. A kernel's own base cannot be exchanged: what is said
// of it is seen where the same is seen of user space's BTF.
func (v *Vector) Seen(e *Expect) bool {
	return slices.ContainsFunc(v.Booted, func(s string) bool {
		at, err := version(s, 0)
		if err != nil || !e.Covers(at) {
			return false
		}
		user := v.Want("user", at)
		return e.Path != "own" || user != nil && user.OK == e.OK && user.Rule == e.Rule
	})
}

// Want is what a version is expected to say on a path, nil when the vector
// says nothing of it.
func (v *Vector) Want(path string, at Version) *Expect {
	for i := range v.Expect {
		if e := &v.Expect[i]; e.Path == path && e.Covers(at) {
			return e
		}
	}
	return nil
}

// Rules are the rules that the vectors break on a path at a version, each once.
func Rules(vs []*Vector, path string, at Version) []string {
	seen := map[string]bool{}
	for _, v := range vs {
		if want := v.Want(path, at); want != nil && !want.OK {
			seen[want.Rule] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Says reports whether a kernel's message is the expected one: the ids of a base
// stand in place of $N, and * is for what differs from base to base. Without a
// message any will do.
func (e *Expect) Says(text string, first uint32) bool {
	if e.Text == "" {
		return true
	}
	parts := strings.Split(e.Message(first), "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile("^" + strings.Join(parts, "[0-9]+") + "$").MatchString(strings.TrimSpace(text))
}

// Message is the expected text with the ids of a base in place of $N.
func (e *Expect) Message(first uint32) string {
	out := e.Text
	for n := 9; n > 0; n-- {
		out = strings.ReplaceAll(out, "$"+strconv.Itoa(n), strconv.FormatUint(uint64(first)+uint64(n)-1, 10))
	}
	return out
}
