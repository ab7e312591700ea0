package vector

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf"
)

// blob is one BTF blob in notation.
type blob struct {
	records []record
	set     map[string]string // directives that override what is computed
}

type record struct {
	line  int
	kind  btf.Kind
	name  string   // the word for the name
	size  string   // the word for size or type
	attrs []string // kflag, vlen=N, info=N
	words []string // the fixed part
	elems [][]string
}

// area is what a blob lies on: counts, and types to be found by kind and name.
type area struct {
	first uint32
	strs  uint32
	find  func(kind btf.Kind, name string) (uint32, bool)
}

func onRaw(r *btf.Raw) area {
	return area{first: r.NumTypes(), strs: r.StrLen(), find: func(k btf.Kind, name string) (uint32, bool) {
		if name != "" {
			t, ok := r.Find(k, name)
			return uint32(t.ID), ok
		}
		for t := range r.Types {
			if t.Kind == k {
				return uint32(t.ID), true
			}
		}
		return 0, false
	}}
}

// writer turns notation into bytes.
type writer struct {
	on    area
	types []byte
	strs  []byte
	seen  map[string]uint32
	count uint32
	self  map[string]uint32 // "KIND name" of own records
	fixed bool              // strings are given as they are
}

var order = binary.LittleEndian

// build writes the blob. alone is a blob without a base.
func (b *blob) build(on area, alone bool) ([]byte, area, error) {
	w := writer{on: on, seen: map[string]uint32{}, self: map[string]uint32{}}
	if alone {
		w.strs = []byte{0}
	}
	if s, ok := b.set["strings"]; ok {
		raw, err := strconv.Unquote(s)
		if err != nil {
			return nil, area{}, fmt.Errorf("strings %s: %w", s, err)
		}
		w.strs, w.fixed = []byte(raw), true
	}
	for _, r := range b.records {
		if err := w.record(&r); err != nil {
			return nil, area{}, fmt.Errorf("line %d: %w", r.line, err)
		}
	}
	out, err := w.assemble(b.set)
	total := on.first + w.count
	if alone && w.count == 0 {
		total = 0
	}
	self := w.self
	return out, area{first: total, strs: uint32(len(w.strs)), find: func(k btf.Kind, name string) (uint32, bool) {
		id, ok := self[k.String()+" "+name]
		return id, ok
	}}, err
}

func (w *writer) record(r *record) error {
	vlen, kflag := uint32(len(r.elems)), uint32(0)
	if len(r.elems) == 0 && r.kind == btf.Func {
		vlen = 0
	}
	info := uint32(0)
	for _, a := range r.attrs {
		key, val, _ := strings.Cut(a, "=")
		n := uint32(0)
		if val != "" {
			v, err := w.word(val)
			if err != nil {
				return err
			}
			n = v
		}
		switch key {
		case "kflag":
			kflag = 1 << 31
		case "vlen":
			vlen = n
		case "info":
			info = n
		default:
			return fmt.Errorf("unknown attribute %q", a)
		}
	}
	if info == 0 {
		info = uint32(r.kind)<<24 | vlen | kflag
	}
	name, err := w.word(r.name)
	if err != nil {
		return err
	}
	size, err := w.word(r.size)
	if err != nil {
		return err
	}
	for _, n := range []uint32{name, info, size} {
		w.types = order.AppendUint32(w.types, n)
	}
	for _, e := range append([][]string{r.words}, r.elems...) {
		for _, word := range e {
			n, err := w.word(word)
			if err != nil {
				return err
			}
			w.types = order.AppendUint32(w.types, n)
		}
	}
	if key := r.kind.String() + " " + strings.Trim(r.name, `"`); w.self[key] == 0 {
		w.self[key] = w.on.first + w.count
	}
	w.count++
	return nil
}

// word reads one word of the notation:
//
//	"text"        the offset of an own string
//	@N @end       an offset in all strings, the first beyond them
//	$N            the id of the N-th own record
//	#end          the first id beyond base and own records (of those so far)
//	^KIND ^KIND:x a type of the base, by kind and name
//	N 0xN -N      a number
func (w *writer) word(s string) (uint32, error) {
	switch {
	case strings.HasPrefix(s, `"`):
		raw, err := strconv.Unquote(s)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", s, err)
		}
		return w.str(raw), nil
	case s == "@end":
		return w.on.strs + uint32(len(w.strs)), nil
	case strings.HasPrefix(s, "@own+"):
		n, err := strconv.ParseUint(s[5:], 0, 32)
		return w.on.strs + uint32(n), err
	case strings.HasPrefix(s, "@"):
		n, err := strconv.ParseUint(s[1:], 0, 32)
		return uint32(n), err
	case strings.HasPrefix(s, "$"):
		n, err := strconv.ParseUint(s[1:], 0, 32)
		return w.on.first + uint32(n) - 1, err
	case strings.HasPrefix(s, "^"):
		return w.baseType(s[1:])
	case strings.HasPrefix(s, "-"):
		n, err := strconv.ParseInt(s, 0, 32)
		return uint32(n), err
	}
	n, err := strconv.ParseUint(s, 0, 32)
	return uint32(n), err
}

// Absent says that a base has no such type, so that a vector cannot be asked
// on it.
type Absent struct{ What string }

func (e *Absent) Error() string { return "the base has no " + e.What }

func (w *writer) baseType(s string) (uint32, error) {
	kind, name, _ := strings.Cut(s, ":")
	k, ok := kinds[kind]
	if !ok {
		return 0, fmt.Errorf("no kind %q", kind)
	}
	if w.on.find == nil { // no base at all
		return 0, &Absent{What: s}
	}
	id, ok := w.on.find(k, name)
	if !ok {
		return 0, &Absent{What: s}
	}
	return id, nil
}

func (w *writer) str(s string) uint32 {
	if s == "" && w.on.strs == 0 {
		return 0
	}
	if off, ok := w.seen[s]; ok {
		return off
	}
	off := w.on.strs + uint32(len(w.strs))
	if w.fixed {
		return off
	}
	w.strs = append(append(w.strs, s...), 0)
	w.seen[s] = off
	return off
}

// assemble puts header and sections together as the directives say.
func (w *writer) assemble(set map[string]string) ([]byte, error) {
	text := func(key string) ([]byte, error) {
		if set[key] == "" {
			return nil, nil
		}
		s, err := strconv.Unquote(set[key])
		return []byte(s), err
	}
	var parts [5][]byte
	for i, key := range []string{"extra", "pad", "gap", "layout", "tail"} {
		b, err := text(key)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", key, set[key], err)
		}
		parts[i] = b
	}
	extra, pad, gap, layout, tail := parts[0], parts[1], parts[2], parts[3], parts[4]
	types, strs := uint32(len(w.types)), uint32(len(w.strs))
	hdr := uint32(24 + len(extra))
	f := map[string]uint32{
		"magic": 0xeb9f, "version": 1, "flags": 0, "hdr_len": hdr, "type_off": uint32(len(pad)), "type_len": types,
		"str_off": uint32(len(pad)+len(gap)) + types, "str_len": strs, "layout_off": 0, "layout_len": 0,
	}
	if layout != nil {
		extra = make([]byte, 8)
		f["hdr_len"], f["layout_off"], f["layout_len"] = 32, types+strs, uint32(len(layout))
	}
	for key, val := range set {
		if _, ok := f[key]; !ok {
			continue
		}
		n, err := strconv.ParseUint(val, 0, 32)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", key, val, err)
		}
		f[key] = uint32(n)
	}
	out := order.AppendUint16(nil, uint16(f["magic"]))
	out = append(out, byte(f["version"]), byte(f["flags"]))
	for _, key := range []string{"hdr_len", "type_off", "type_len", "str_off", "str_len"} {
		out = order.AppendUint32(out, f[key])
	}
	if layout != nil {
		order.PutUint32(extra, f["layout_off"])
		order.PutUint32(extra[4:], f["layout_len"])
	}
	for _, part := range [][]byte{extra, pad, w.types, gap, w.strs, layout, tail} {
		out = append(out, part...)
	}
	if n := set["cut"]; n != "" {
		k, err := strconv.Atoi(n)
		if err != nil || k > len(out) {
			return nil, fmt.Errorf("cut %s of %d bytes", n, len(out))
		}
		out = out[:len(out)-k]
	}
	return out, nil
}
