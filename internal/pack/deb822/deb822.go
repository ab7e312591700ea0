// Package deb822 reads the paragraphs of Debian's control files: control,
// .changes, .buildinfo, Packages, Release.
//
// Rules: deb822(5), Debian Policy 5.1. Strict: a field twice in a paragraph, a
// name outside its alphabet, a NUL byte and an overlong line are errors.
// Comment lines belong to source packages alone and are refused.
package deb822

import (
	"bufio"
	"bytes"
	"io"
	"strings"

	"kpkg-btf/internal/where"
)

// Limits of one paragraph; a kernel's longest is a few hundred KiB (.changes).
const (
	MaxStanza = 16 << 20
	MaxFields = 4096
)

// Field is one name with its value. Lines of the value are separated by "\n";
// the white space that marks a continuation line is cut, and a line that was
// only " ." is empty.
type Field struct{ Name, Value string }

// Stanza is one paragraph, fields in order.
type Stanza []Field

// Get is the value of a field, names compared without case, or "".
func (s Stanza) Get(name string) string {
	for _, f := range s {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Reader reads paragraphs from a stream.
type Reader struct {
	br  *bufio.Reader
	off int64
	err error
}

// NewReader reads paragraphs from r.
func NewReader(r io.Reader) *Reader { return &Reader{br: bufio.NewReaderSize(r, 64<<10)} }

// One reads a text that must be exactly one paragraph.
func One(text []byte) (Stanza, error) {
	r := NewReader(bytes.NewReader(text))
	s, err := r.Next()
	if err == io.EOF {
		return nil, where.New(where.Malformed, "no fields").At(0)
	}
	if err != nil {
		return nil, err
	}
	at := r.off
	if _, err := r.Next(); err == nil {
		return nil, where.New(where.Malformed, "a second paragraph where one is expected").At(at)
	} else if err != io.EOF {
		return nil, err
	}
	return s, nil
}

// Next returns the next paragraph, io.EOF after the last. Errors carry the
// offset of the line.
func (r *Reader) Next() (Stanza, error) {
	if r.err != nil {
		return nil, r.err
	}
	s, err := r.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	return s, nil
}

func (r *Reader) next() (Stanza, error) {
	var p paragraph
	start := r.off
	for {
		at := r.off
		line, err := r.line(MaxStanza - (r.off - start))
		if err != nil && err != io.EOF {
			return nil, err
		}
		if len(bytes.TrimLeft(line, " \t\r")) == 0 { // an empty line, or the end
			if p.name == "" && err == nil {
				start = r.off
				continue
			}
			if p.name == "" {
				return nil, io.EOF
			}
			return p.finish(), nil
		}
		if lerr := p.line(line); lerr != nil {
			return nil, lerr.At(at)
		}
		if err == io.EOF {
			return p.finish(), nil
		}
	}
}

// line reads one line without its end. At the end of input it gives what is
// left with io.EOF.
func (r *Reader) line(most int64) ([]byte, error) {
	at := r.off
	var long []byte
	for {
		frag, err := r.br.ReadSlice('\n')
		r.off += int64(len(frag))
		if r.off-at > most {
			return nil, where.New(where.Limit, "paragraph of more than %d bytes", MaxStanza).At(at)
		}
		if err == bufio.ErrBufferFull {
			long = append(long, frag...)
			continue
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if long != nil {
			frag = append(long, frag...)
		}
		if i := bytes.IndexByte(frag, 0); i >= 0 {
			return nil, where.New(where.Malformed, "NUL byte").At(at + int64(i))
		}
		frag = bytes.TrimSuffix(frag, []byte("\n"))
		return bytes.TrimSuffix(frag, []byte("\r")), err
	}
}

// paragraph collects the lines of one stanza.
type paragraph struct {
	stanza Stanza
	names  map[string]bool
	name   string
	value  strings.Builder
}

func (p *paragraph) line(line []byte) *where.Error {
	if line[0] == ' ' || line[0] == '\t' {
		if p.name == "" {
			return where.New(where.Malformed, "continuation line before any field")
		}
		text := bytes.TrimRight(line[1:], " \t\r")
		if string(text) == "." {
			text = nil
		}
		p.value.WriteByte('\n')
		p.value.Write(text)
		return nil
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !validName(name) {
		return where.New(where.Malformed, "line %s is not a field", where.Clean(string(line[:min(len(line), 80)])))
	}
	p.push()
	key := strings.ToLower(string(name))
	if p.names[key] {
		return where.New(where.Malformed, "field %s twice", name)
	}
	if len(p.names) == MaxFields {
		return where.New(where.Limit, "more than %d fields", MaxFields)
	}
	if p.names == nil {
		p.names = make(map[string]bool, 16)
	}
	p.names[key] = true
	p.name = string(name)
	p.value.Write(bytes.Trim(value, " \t\r"))
	return nil
}

// validName: printable US-ASCII but space and colon, not beginning with # or -.
func validName(name []byte) bool {
	if len(name) == 0 || name[0] == '#' || name[0] == '-' {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

func (p *paragraph) push() {
	if p.name != "" {
		p.stanza = append(p.stanza, Field{p.name, p.value.String()})
		p.value = strings.Builder{}
	}
}

func (p *paragraph) finish() Stanza {
	p.push()
	return p.stanza
}
