package document

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"kpkg-btf/internal/model"
)

// Form is how values of a type stand in a document.
type Form uint8

const (
	Text   Form = iota // a string, of fixed words where Words has some
	Bool               // true or false
	Int                // an integer that may be negative
	Uint               // an integer from 0
	Sum                // [32]byte: 64 hexadecimal digits
	Bytes              // []byte: a string
	List               // an array
	Object             // an object
	Tuple              // an array of fixed places
	Deltas             // ascending numbers as one string
)

// Plan is how values of one type are written and read.
type Plan struct {
	Type   reflect.Type // never a pointer
	Form   Form
	Words  []string // of Text: the only ones it may be, nil for any
	Elem   *Plan    // of List
	Null   bool     // of List: the elements are pointers
	Fields []Field  // of Object and Tuple

	names   map[string]int // of the fields
	texter  bool           // it has MarshalText and UnmarshalText
	faulty  bool           // it has Fault
	spreads bool           // over lines, unless a tag says otherwise
}

// Field is one member of an object.
type Field struct {
	Name     string
	Go       reflect.StructField
	Owner    reflect.Type // the struct that has it: an embedded one has its own
	Plan     *Plan
	Optional bool // left out when empty
	Sorted   bool
	Pointer  bool

	index    []int
	zeroOnly bool // left out only when nil or zero
	oneLine  bool
	lines    bool
}

// maxFields bounds the members of one object.
const maxFields = 256

var plans sync.Map // reflect.Type -> *Plan

// PlanOf is the plan of a type. A type that no document can hold panics: it is
// a mistake of the program.
func PlanOf(t reflect.Type) *Plan {
	if p, ok := plans.Load(t); ok {
		return p.(*Plan)
	}
	p, _ := plans.LoadOrStore(t, plan(t, map[reflect.Type]*Plan{}))
	return p.(*Plan)
}

var (
	marshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	faulter     = reflect.TypeFor[interface{ Fault() string }]()
	worder      = reflect.TypeFor[interface{ Words() []string }]()
	keyed       = reflect.TypeFor[interface{ Key() string }]()
)

// plan makes one; begun holds those of types that hold themselves.
func plan(t reflect.Type, begun map[reflect.Type]*Plan) *Plan {
	if p := begun[t]; p != nil {
		return p
	}
	p := &Plan{Type: t, Words: model.Words(t), faulty: reflect.PointerTo(t).Implements(faulter)}
	begun[t] = p
	if t.Implements(worder) {
		p.Words = reflect.Zero(t).Interface().(interface{ Words() []string }).Words()
	}
	switch k := t.Kind(); {
	case t.Implements(marshaler) && reflect.PointerTo(t).Implements(unmarshaler):
		p.texter = true
	case k == reflect.String:
	case k == reflect.Bool:
		p.Form = Bool
	case reflect.Zero(t).CanInt():
		p.Form = Int
	case reflect.Zero(t).CanUint():
		p.Form = Uint
	case t == reflect.TypeFor[[32]byte]():
		p.Form = Sum
	case t == reflect.TypeFor[[]byte]():
		p.Form = Bytes
	case k == reflect.Slice:
		p.Form = List
		e := t.Elem()
		if p.Null = e.Kind() == reflect.Pointer; p.Null {
			e = e.Elem()
		}
		p.Elem = plan(e, begun)
		p.spreads = p.Elem.Form == Object || p.Elem.Form == Tuple
	case k == reflect.Struct:
		p.Form, p.names = Object, map[string]int{}
		p.members(t, nil, begun)
	default:
		panic(fmt.Sprintf("document: no form for %s", t))
	}
	return p
}

// members adds the fields of a struct, those of embedded ones in their place.
func (p *Plan) members(t reflect.Type, index []int, begun map[reflect.Type]*Plan) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(index[:len(index):len(index)], i)
		tag, doc := strings.Split(f.Tag.Get("json"), ","), strings.Split(f.Tag.Get("doc"), ",")
		switch {
		case f.Anonymous && tag[0] == "" && f.Type.Kind() == reflect.Struct:
			p.members(f.Type, at, begun)
			continue
		case f.Name == "_" && has(doc, "tuple"):
			p.Form = Tuple
			continue
		case tag[0] == "" || tag[0] == "-":
			continue
		}
		m := Field{Name: tag[0], Go: f, Owner: t, index: at, Optional: has(tag, "omitempty") || has(tag, "omitzero"), zeroOnly: has(tag, "omitzero"),
			Sorted: has(doc, "sorted"), oneLine: has(doc, "line"), lines: has(doc, "lines")}
		of := f.Type
		if m.Pointer = of.Kind() == reflect.Pointer; m.Pointer {
			of = of.Elem()
		}
		if has(doc, "deltas") {
			m.Plan = &Plan{Type: of, Form: Deltas}
		} else {
			m.Plan = plan(of, begun)
		}
		if m.Sorted && m.Plan.Elem.Type.Kind() != reflect.String && !m.Plan.Elem.Type.Implements(keyed) {
			panic(fmt.Sprintf("document: %s.%s has nothing to sort by", t, f.Name))
		}
		if _, twice := p.names[m.Name]; twice {
			panic(fmt.Sprintf("document: member %q of %s twice", m.Name, p.Type))
		}
		if len(p.Fields) == maxFields {
			panic(fmt.Sprintf("document: %s has more than %d members", p.Type, maxFields))
		}
		p.names[m.Name] = len(p.Fields)
		p.Fields = append(p.Fields, m)
		p.spreads = p.spreads || !m.oneLine && (m.Plan.spreads || m.lines)
	}
}

func has(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}
