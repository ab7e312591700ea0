// Package plan says which kernels there are and who meets whom: one line of JSON
// a unit, which any machine can do by itself. Nothing but indexes is fetched, and
// the same archive gives the same text.
package plan

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/where"
)

// Schema is the schema word in the first line of a plan.
const Schema = "kpkg-btf/plan/1.0"

// Head is the first line of a plan.
type Head struct {
	Schema  string   `json:"schema"`
	Must    []string `json:"must_understand,omitempty"`
	Sources []string `json:"sources"`
	Units   int      `json:"units"`
	// Weight is the sum of the units' weights.
	Weight int64 `json:"weight"`
}

// Kind is what a unit asks.
type Kind string

const (
	Kernel  Kind = "kernel"  // a release on its own image, and its record
	Window  Kind = "window"  // an upload against an earlier one that may still be booted
	Outside Kind = "outside" // external modules on a kernel
)

// Unit is one line: a question that can be answered by itself.
type Unit struct {
	Kind Kind `json:"kind"`
	// AsIf: the names differ, and the question is whether the name could have been
	// kept.
	AsIf bool `json:"as_if_same_release,omitempty"`
	New  Side `json:"new"`
	// Old is the earlier upload of a window, On the kernel of external modules.
	Old *Side `json:"old,omitempty"`
	On  *Side `json:"on,omitempty"`
}

// Side is a kernel, or external modules, as it was published.
type Side struct {
	Name     string    `json:"name"` // uname -r, or the name of the package
	Arch     string    `json:"arch"` // the packaging's own word
	Version  string    `json:"version"`
	Packages []Package `json:"packages"`
}

// Package is one published package, by what the signed index says.
type Package struct {
	Name   string `json:"name"`
	Digest string `json:"digest"` // "sha256:…"
	Size   int64  `json:"size"`
	At     string `json:"at"` // address, or the path in a folder
}

// Other is the side that New meets, nil of a kernel by itself.
func (u *Unit) Other() *Side {
	if u.Old != nil {
		return u.Old
	}
	return u.On
}

// Weight is about what a unit costs: the bytes of its packages.
func (u *Unit) Weight() int64 {
	n := u.New.size()
	if o := u.Other(); o != nil {
		n += o.size()
	}
	return n
}

func (s *Side) size() (n int64) {
	for i := range s.Packages {
		n += s.Packages[i].Size
	}
	return max(n, 1)
}

// Digests are the digests of the packages of a side, sorted: what it is, wherever
// its packages lie.
func (s *Side) Digests() []string {
	out := make([]string, 0, len(s.Packages))
	for i := range s.Packages {
		out = append(out, s.Packages[i].Digest)
	}
	slices.Sort(out)
	return out
}

// Title names a unit for people.
func (u *Unit) Title() string {
	t := u.New.Title()
	switch {
	case u.On != nil:
		return t + " on " + u.On.Title()
	case u.Old != nil:
		return t + " after " + u.Old.Title()
	}
	return t
}

// Title names a side for people.
func (s *Side) Title() string { return s.Name + " " + s.Version + " " + s.Arch }

// Question is the digest of what a unit asks, whatever rules answer it.
func (u *Unit) Question() [32]byte {
	var b bytes.Buffer
	b.WriteString(string(u.Kind) + "\n")
	if u.AsIf {
		b.WriteString("as-if-same-release\n")
	}
	for _, s := range []*Side{&u.New, u.Other()} {
		b.WriteString("side\n")
		if s != nil {
			b.WriteString(s.Name + "\n" + s.Arch + "\n" + strings.Join(s.Digests(), "\n") + "\n")
		}
	}
	return sha256.Sum256(b.Bytes())
}

// fault says what is wrong with a unit that was read, "" when nothing is.
func (u *Unit) fault() string {
	switch u.Kind {
	case Kernel:
		if u.Old != nil || u.On != nil {
			return "a kernel by itself meets nobody"
		}
	case Window:
		if u.Old == nil || u.On != nil {
			return "a window is between new and old"
		}
	case Outside:
		if u.On == nil || u.Old != nil {
			return "external modules are on a kernel"
		}
	default:
		return "a unit of kind " + string(u.Kind) + ", which this version does not know"
	}
	for _, s := range []*Side{&u.New, u.Other()} {
		if s == nil {
			continue
		}
		if s.Name == "" || s.Arch == "" || len(s.Packages) == 0 {
			return "a side without name, architecture or packages"
		}
		for i := range s.Packages {
			if p := &s.Packages[i]; p.At == "" || p.Size < 0 || !isDigest(p.Digest) {
				return "package " + p.Name + " has no place, size or digest"
			}
		}
	}
	return ""
}

// digestLengths are the algorithms that an index may vouch with.
var digestLengths = map[string]int{"sha256": 32, "sha384": 48, "sha512": 64}

func isDigest(text string) bool {
	algorithm, sum, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(sum)
	return err == nil && len(b) > 0 && len(b) == digestLengths[algorithm]
}

// maxLine bounds one line of a plan, in bytes.
const maxLine = 1 << 20

// Reader reads a plan, a unit at a time.
type Reader struct {
	Head Head
	name string
	line int
	s    *bufio.Scanner
	f    *os.File
}

// Open opens a plan.
func Open(name string) (*Reader, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, where.In(name, where.New(where.IO, "plan: %w", err))
	}
	r, err := NewReader(f, name)
	if err != nil {
		f.Close()
		return nil, err
	}
	r.f = f
	return r, nil
}

// NewReader reads the first line.
func NewReader(from io.Reader, name string) (*Reader, error) {
	r := &Reader{name: name, s: bufio.NewScanner(from)}
	r.s.Buffer(make([]byte, 0, 64<<10), maxLine)
	if !r.s.Scan() {
		return nil, r.fail("empty: not a plan")
	}
	r.line = 1
	if err := json.Unmarshal(r.s.Bytes(), &r.Head); err != nil {
		return nil, r.fail("not a plan: %v", err)
	}
	kind, version, _ := strings.Cut(strings.TrimPrefix(r.Head.Schema, "kpkg-btf/"), "/")
	major, _, _ := strings.Cut(version, ".")
	switch {
	case kind != "plan":
		return nil, r.fail("its schema is %q, not a plan's", where.Clean(r.Head.Schema))
	case major != "1" || len(r.Head.Must) > 0:
		return nil, r.fail("a plan of schema %s with %q, which this version does not know", where.Clean(r.Head.Schema), r.Head.Must)
	}
	return r, nil
}

func (r *Reader) fail(format string, args ...any) error {
	if err := r.s.Err(); err != nil {
		return where.In(r.name, where.New(where.IO, "line %d: %w", r.line+1, err))
	}
	e := where.New(where.Malformed, "line %d: "+format, append([]any{max(r.line, 1)}, args...)...)
	return where.In(r.name, e)
}

// Next returns the next unit, io.EOF behind the last one. A plan that ends early is
// an error.
func (r *Reader) Next() (*Unit, error) {
	if !r.s.Scan() {
		if n := r.line - 1; r.s.Err() != nil || n != r.Head.Units {
			return nil, r.fail("%d units, the first line promises %d", n, r.Head.Units)
		}
		return nil, io.EOF
	}
	r.line++
	u := new(Unit)
	if err := json.Unmarshal(r.s.Bytes(), u); err != nil {
		return nil, r.fail("%v", err)
	}
	if f := u.fault(); f != "" {
		return nil, r.fail("%s", where.Clean(f))
	}
	return u, nil
}

// Close closes the file.
func (r *Reader) Close() error { return r.f.Close() }

// Write writes a plan.
func Write(w io.Writer, sources []string, units []*Unit) error {
	h := Head{Schema: Schema, Sources: sources, Units: len(units)}
	for _, u := range units {
		h.Weight += u.Weight()
	}
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(h); err != nil {
		return err
	}
	for _, u := range units {
		if err := enc.Encode(u); err != nil {
			return err
		}
	}
	return b.Flush()
}

// readable refuses names that JSON cannot hold as they are.
func readable(p *Package, name, version string) error {
	for _, s := range []string{p.Name, p.At, name, version} {
		if !utf8.ValidString(s) {
			return where.New(where.Malformed, "a package whose name, version or place is not UTF-8: %s", where.Clean(s))
		}
	}
	return nil
}
